"""Turns pydantic's errors into problems with a key path, the value and a hint at what was meant."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from ablate.errors import MOST_PROBLEMS, Problem, suggest
from ablate.settings.arguments import ARGUMENTS
from ablate.settings.document import value_text
from ablate.settings.levels import INITIALIZERS, OPTIMIZERS, SCHEDULES, EarlyStopping
from ablate.settings.remedies import FAMILIES, REMEDIES

_MISSING = object()
_INSTEAD_OF_FALSE = {
    "early_stopping": "a table of rules such as { patience = 10 }",
    "class_weight": "'balanced', or a table of weights by class such as { yes = 5.0 }",
    "max_norm": "the largest norm, such as 3.0",
    "gradient_clip": "the largest length of all gradients together, as 1.0, or a table as { clipvalue = 0.5 }",
    "augmentation": "a table such as { shift = 0.1, rotation = 0.05 }",
    "learning_rate_schedule": f"one of {', '.join(SCHEDULES)}",
}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def from_error(error: ValidationError, raw: Any, fields: Mapping[tuple[str, ...], Iterable[str]]) -> list[Problem]:
    """One problem for everything that pydantic found.

    Args:
        error: what validation raised.
        raw: the document that was validated.
        fields: the keys that each table knows, by the table's path; used for "did you mean".
    """
    problems = []
    for detail in error.errors(include_url=False)[: MOST_PROBLEMS + 1]:  # nobody reads more, and suggestions take time
        path, value = _locate(_as_written(detail["loc"], raw), raw, detail["type"])
        shown = None if value is _MISSING or isinstance(value, dict) else value_text(value)
        if detail["type"] == "layers":
            remedy = detail["ctx"]["name"]
            path = [REMEDIES[remedy].family, remedy]
        problems.append(Problem(key_path(path), _message(detail, path, raw, fields), shown))
    return list(dict.fromkeys(problems))


def _as_written(loc: tuple[str | int, ...], raw: Any) -> tuple[str | int, ...]:
    """A location with the path of a builder's argument as one key, where the document has it as one."""
    if len(loc) > 2 and loc[:2] == ("factors", ARGUMENTS) and (whole := f"{ARGUMENTS}.{loc[2]}") in raw["factors"]:
        return ("factors", whole, *loc[3:])
    return loc


def _locate(loc: tuple[str | int, ...], raw: Any, kind: str) -> tuple[list[str | int], Any]:
    """The part of pydantic's location that exists in the document (it also names union branches), and its value."""
    path: list[str | int] = []
    here = raw
    for position, part in enumerate(loc):
        is_key = isinstance(here, dict) and part in here
        is_index = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if is_key or is_index:
            path.append(part)
            here = here[part]
        elif isinstance(here, dict) and isinstance(part, str) and (nested := _nested(here, part)):
            path.append(part)
            here = nested[0]
        elif kind == "missing" and position == len(loc) - 1:
            return [*path, part], _MISSING
    return path, here


def _nested(table: dict[str, Any], dotted: str) -> list[Any]:
    """What stands at an unquoted `section.key`: a list of one value, or of none."""
    section, _, key = dotted.partition(".")
    inner = table.get(section)
    return [inner[key]] if isinstance(inner, dict) and key in inner else []


def key_path(path: Iterable[str | int]) -> str:
    """A path as problems name it: `data.source`, `exclude[0].dropout`, `factors."model.hidden"[1]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _BARE_KEY.fullmatch(part) else value_text(part)
            text += f".{name}" if text else name
    return text


def _message(detail: Any, path: list[str | int], raw: Any, fields: Mapping[tuple[str, ...], Iterable[str]]) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return _unknown_key(path, raw, fields)
        case "unknown_name":
            return f"{detail['msg']} {context['given']!r}{suggest(context['given'], context['known'])}"
        case "literal_error" if context["expected"] == "False":
            instead = (text for name, text in _INSTEAD_OF_FALSE.items() if name in path)
            return f"should be false, or {next(instead, 'a level')}"
        case "literal_error" if path == ["data", "validation"]:
            return "should be a share between 0 and 1, or 'test'"
        case "literal_error":
            choices = re.findall(r"'([^']*)'", context["expected"])
            return f"should be {context['expected']}{suggest(str(detail['input']), choices, listed=False)}"
        case "union_tag_invalid":
            known = re.findall(r"'([^']*)'", context["expected_tags"])
            return f"unknown name '{context['tag']}'{suggest(context['tag'], known)}"
        case "union_tag_not_found":
            return "a table needs a name, as in { name = ... }"
        case "finite_number":
            return "should be a finite number"
        case "string_pattern_mismatch" if path == ["study", "name"] or path[-1] == "continue_from":
            return "should begin with a letter or digit and hold only letters, digits, spaces inside, '.', '_' and '-'"
        case "string_pattern_mismatch" if "separator" in path or "data.separator" in path:
            return "should be a single character, such as ';' or a tab, but no letter, digit or quote"
        case "string_pattern_mismatch" if path[-1] == "file" or "model.file" in path:
            return "should be a Keras model in a .keras file"
        case "string_pattern_mismatch":
            return "should name a function as 'module:function'"
        case "too_short":
            what = "level" if path[0] in (*FAMILIES, "factors") else "entry"
            return f"should hold at least {context['min_length']} {what}"
        case _:
            text: str = detail["msg"]
            return text[0].lower() + text[1:]


def _unknown_key(path: list[str | int], raw: Any, fields: Mapping[tuple[str, ...], Iterable[str]]) -> str:
    key = str(path[-1])
    parent = [part for part in path[:-1] if isinstance(part, str)]
    if parent and parent[0] in FAMILIES and len(path) == 2:
        near = difflib.get_close_matches(key.lower(), REMEDIES, n=1)
        if near and REMEDIES[near[0]].family != parent[0]:
            return f"unknown key; did you mean '{near[0]}' in [{REMEDIES[near[0]].family}]?"
    known = fields.get(tuple(parent)) or _argument_names(parent, path, raw)
    return f"unknown key{suggest(key, known)}"


def _argument_names(parent: list[str], path: list[str | int], raw: Any) -> Iterable[str]:
    """What the table of a level may hold."""
    table = raw
    for part in path[:-1]:
        table = table[part]
    name = table.get("name") if isinstance(table, dict) else None
    match parent[-1:]:
        case ["early_stopping"]:
            return EarlyStopping.model_fields
        case ["init"]:
            return ("name", *INITIALIZERS.get(str(name), ()))
        case ["optimizer"]:
            return ("name", *OPTIMIZERS.get(str(name), ()))
        case ["learning_rate_schedule"] if name in SCHEDULES:
            return SCHEDULES[name].model_fields
        case _:
            return ()
