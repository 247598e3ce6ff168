"""Write docs/study-file.md, the reference of study files, from the models that check them."""

import re
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ablate.settings.document import value_text
from ablate.settings.run import Data, Model, Training
from ablate.settings.thresholds import Thresholds
from ablate.studies.file import Claim, StudyFile, StudySection, json_schema

TARGET = Path(__file__).parents[1] / "docs" / "study-file.md"
TABLES: dict[str, type[BaseModel]] = {
    "study": StudySection,
    "data": Data,
    "model": Model,
    "training": Training,
    "diagnosis": Thresholds,
    "claim": Claim,
}
REMEDIES = ("underfitting", "overfitting")
HEAD = """# The study file, key by key

Every table and key of `ablations.toml`, with what is allowed and what holds where a key is not there. This page is
written by `python tools/study_file.py` from the models that check study files; a test compares the two. The same as a
JSON Schema, by which editors complete and check a file: `ablate schema`. What is wrong with a file is reported at once,
with line, key and what is allowed.
"""
VARIED = """## [factors]

Any key of `[data]`, `[model]` and `[training]` but `continue_from` can be varied, by its path: a list of levels, of
which the first is the baseline. `"training.batch_size" = [32, 128]`, and `"model.arguments.filters" = [8, 16]` for an
argument of a builder.
[Designs](designs.md) has examples.

Keys: {keys}.

## [[exclude]] and [[include]]

Tables that name levels of factors: `batch_norm = true`, `dropout = 0.5`. A treatment with all levels of an `exclude` is
not trained; an `include` adds one, with what it does not name at its baseline. [Designs](designs.md) shows both.
"""


def text() -> str:
    """The page."""
    schema = json_schema()
    order = [name for name in StudyFile.model_fields if name not in ("factors", "exclude", "include")]
    parts = [_table(name, schema) for name in order]
    keys = ", ".join(f"`{key}`" for key in _varied(schema))
    parts.insert(order.index("diagnosis"), VARIED.format(keys=keys))
    return "\n".join([HEAD, *parts])


def _varied(schema: dict[str, Any]) -> list[str]:
    found = [key for key in schema["$defs"]["FactorsSection"]["properties"] if "." in key]
    return [*found, "model.arguments.*"]


def _table(name: str, schema: dict[str, Any]) -> str:
    definition = schema["properties"][name]
    definition = definition.get("items", definition)
    definition = schema["$defs"][definition["$ref"].rpartition("/")[2]]
    title = f"[[{name}]]" if name == "claim" else f"[{name}]"
    about = definition["description"].partition("\n\nAttributes:")[0].replace("\n\n", "\n")
    said = _attributes(TABLES[name].__doc__ or "") if name in TABLES else {}
    rows = []
    for key, entry in definition["properties"].items():
        meaning = said.get(key) or entry.get("description", "")
        remedy = name in REMEDIES
        allowed = "a level or a list of levels: [remedies](remedies.md)" if remedy else _allowed(entry, schema)
        rows.append(f"| `{key}` | {allowed} | {_default(key, entry, definition)} | {_sentence(meaning)} |")
    head = f"## {title}\n\n{about}\n\n| key | allowed | default | meaning |\n|---|---|---|---|"
    return "\n".join([head, *rows, ""])


def _attributes(doc: str) -> dict[str, str]:
    """What a docstring says of every attribute; several may share an entry."""
    found = {}
    _, _, listed = doc.partition("Attributes:\n")
    for entry in re.split(r"\n +(?=[a-z_0-9, ]+: )", f"\n{listed}"):
        names, _, meaning = " ".join(entry.split()).partition(": ")
        found |= dict.fromkeys(names.split(", "), meaning)
    return found


def _sentence(meaning: str) -> str:
    return f"{meaning[:1].upper()}{meaning[1:]}".strip(". ").replace("|", "\\|")


def _default(key: str, entry: dict[str, Any], definition: dict[str, Any]) -> str:
    if key in definition.get("required", ()):
        return "needed"
    value = entry.get("default")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]  # a remedy's one level
    if isinstance(value, dict) and value.keys() == {"name"}:
        value = value["name"]
    return "none" if value is None or value in ([], {}) else f"`{value_text(value)}`"


def _allowed(entry: dict[str, Any], schema: dict[str, Any], s: str = "") -> str:
    """What may stand there, in words; `s` is the ending of nouns where there are several of it."""
    if "$ref" in entry:
        return _allowed(schema["$defs"][entry["$ref"].rpartition("/")[2]], schema, s)
    if several := entry.get("anyOf") or entry.get("oneOf"):
        return " or ".join(dict.fromkeys(_allowed(each, schema, s) for each in several if each.get("type") != "null"))
    if values := entry.get("enum") or ([entry["const"]] if "const" in entry else []):
        return ", ".join(f"`{value_text(value)}`" for value in values)
    match entry.get("type"):
        case "array":
            return f"list{s} of {_allowed(entry.get('items', {}), schema, 's')}"
        case "integer" | "number" as kind:
            return f"{'whole ' * (kind == 'integer')}number{s}{_bounds(entry)}"
        case "boolean":
            return "`true`, `false`"
        case "object":
            return f"table{s}"
        case _:
            return f"text{s}"


def _bounds(entry: dict[str, Any]) -> str:
    words = {
        "minimum": "from {}",
        "exclusiveMinimum": "above {}",
        "maximum": "to {}",
        "exclusiveMaximum": "below {}",
    }
    found = [said.format(f"{entry[key]:,}") for key, said in words.items() if key in entry]
    return f" {' '.join(found)}" if found else ""


def main() -> int:
    """Write or check the page; returns the exit code."""
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text(), encoding="utf-8")
    elif TARGET.read_text(encoding="utf-8") != text():
        print(f"{TARGET} is out of date; python tools/study_file.py writes it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
