"""What our files in a results folder are called: nobody else calls a file by the whole key of a run by chance."""

import re
from pathlib import Path

from ablate.results import files

_KEY = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_OURS = re.compile(
    r"\.([0-9a-f]{64}\.(json|npz|keras)|[0-9]{1,9}\.json|study\.toml|identity\.json|report\.html|write-test"
    r"|(runs|histories)\.(csv|json|parquet))\.[0-9a-f]{8}\..*"
)


def is_key(name: str) -> bool:
    """Whether a name is the whole key of a run, which no file of anybody else's is called by chance."""
    return _KEY.fullmatch(name) is not None


def is_attempt(path: Path) -> bool:
    """Whether a file is called as those are that say why a run has no record."""
    return path.suffix == ".json" and _NUMBER.fullmatch(path.stem) is not None


def is_temporary(path: Path) -> bool:
    """Whether a file of ours is in the making, or what is left of one."""
    return files.is_temporary(path) and _OURS.fullmatch(path.name) is not None
