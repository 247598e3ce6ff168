"""The nightly workflow that `ablate init --ci github` writes: the one that is shipped, for a study in its place."""

import json
from importlib import resources
from pathlib import Path

import ablate

NAME = Path(".github") / "workflows" / "ablate-nightly.yml"
TEMPLATE = "nightly.yml"
_FOLDER, _STUDY, _BASELINE = 'FOLDER: "."', 'STUDY: "ablations.toml"', 'BASELINE: "ablations.baseline.json"'


def root_of(study: Path) -> Path:
    """The repository that a study file lies in, or its folder if that is none."""
    folder = study.resolve().parent
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def text(study: Path, root: Path) -> str:
    """The workflow for a study.

    Args:
        study: its file.
        root: of the repository.
    """
    place = study.resolve().relative_to(root)
    values = {
        _FOLDER: f"FOLDER: {_quoted(place.parent.as_posix())}",
        _STUDY: f"STUDY: {_quoted(place.name)}",
        _BASELINE: f"BASELINE: {_quoted(f'{place.stem}.baseline.json')}",
        "keras-ablate==VERSION": f"keras-ablate=={ablate.__version__}",
    }
    found = _template()
    for written, value in values.items():
        assert found.count(written) == 1, written
        found = found.replace(written, value)
    return found


def _quoted(value: str) -> str:
    """A text in YAML, none of it an expression of the server's."""
    return json.dumps(value.replace("${{", "$ {{"), ensure_ascii=False)


def _template() -> str:
    shipped = resources.files("ablate") / "_templates" / TEMPLATE
    source = shipped if shipped.is_file() else Path(__file__).parents[2] / "templates" / TEMPLATE
    return source.read_text(encoding="utf-8")
