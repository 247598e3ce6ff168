"""The nightly workflow that `ablate init --ci github` writes: the one that is shipped, for a study in its place."""

import json
import re
from pathlib import Path

from ablate import shipped
from ablate.errors import AblateError
from ablate.version import __version__

NAME = Path(".github") / "workflows" / "ablate-nightly.yml"
TEMPLATE = "nightly.yml"
DEFAULT = f"keras-ablate=={__version__}"
_SIGNS = ". _ - + = @ : / ~ [ ] , # and spaces"
_INSTALLABLE = re.compile(r"[\w.+=@:/~\[\],# -]+", re.ASCII)
_FOLDER, _STUDY, _BASELINE = 'FOLDER: "."', 'STUDY: "ablations.toml"', 'BASELINE: "ablations.baseline.json"'


def root_of(study: Path) -> Path:
    """The repository that a study file lies in, or its folder if that is none."""
    folder = study.resolve().parent
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def text(study: Path, root: Path, install: str = "") -> str:
    """The workflow for a study.

    Args:
        study: its file.
        root: of the repository.
        install: what its installer is told to install, as `git+https://...` or a folder of the repository; this version
            from the index by default.

    Raises:
        AblateError: `install` has characters that would be commands or expressions in a workflow.
    """
    if not _INSTALLABLE.fullmatch(install or DEFAULT):
        raise AblateError(
            f"--install {install!r} should be a name, a folder or an address, of letters, digits and {_SIGNS}"
        )

    place = study.resolve().relative_to(root)
    values = {
        _FOLDER: f"FOLDER: {_quoted(place.parent.as_posix())}",
        _STUDY: f"STUDY: {_quoted(place.name)}",
        _BASELINE: f"BASELINE: {_quoted(f'{place.stem}.baseline.json')}",
        '"keras-ablate==VERSION"': f'"{install or DEFAULT}"',
    }
    found = _template()
    for written, value in values.items():
        found = found.replace(written, value)
    return found


def _quoted(value: str) -> str:
    """A text in YAML, none of it an expression of the server's."""
    return json.dumps(value.replace("${{", "$ {{"), ensure_ascii=False)


def _template() -> str:
    return shipped.path("templates", TEMPLATE).read_text(encoding="utf-8")
