"""Keras models in files: found, bounded and digested without reading what is in them, which takes Keras and trust."""

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

from ablate.errors import Problem, StudyError
from ablate.study import code, ondisk
from ablate.study.document import value_text
from ablate.study.settings import RunSettings

KEY = "model.file"
MEMBERS = ("config.json", "metadata.json", "model.weights.h5")  # of every `.keras` archive


def digest(file: str, folder: Path) -> str:
    """SHA-256 over the bytes of a model file.

    Args:
        file: its path in the study.
        folder: where relative paths start.

    Raises:
        StudyError: it is missing, no Keras model, or larger than memory allows.
    """
    if code.is_results_folder(folder):
        raise _error(file, f"no model is taken from {folder}, a folder of results; {code.ELSEWHERE}")
    path: Path | str = file
    try:
        path = locate(file, folder)
        _check(path)
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except (OSError, RuntimeError, zipfile.BadZipFile) as error:
        raise _error(file, f"{path} cannot be read: {error}") from None
    except ValueError as error:
        raise _error(file, str(error)) from None


def locate(file: str, folder: Path) -> Path:
    """Where a model file that a study names lies."""
    return folder / Path(file).expanduser()


def check_trusted(treatments: Iterable[RunSettings]) -> None:
    """Refuse to train models from files, which nobody said are trusted.

    Raises:
        StudyError: there is one.
    """
    for file in {settings.model.file for settings in treatments} - {None}:
        message = "a model file can carry code; if you know where it comes from, train it with --trust-model"
        raise _error(str(file), message)


def _check(path: Path) -> None:
    if not path.is_file():
        raise ValueError(f"no such file: {path}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not a Keras model: 'model.save(\"name.keras\")' writes one")
    with zipfile.ZipFile(path) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    if missing := [name for name in MEMBERS if name not in sizes]:
        raise ValueError(f"{path} is not a Keras model: it holds no {' and no '.join(missing)}")
    size, limit = sum(sizes.values()), ondisk.memory_limit()
    if size > limit:
        raise ValueError(f"{path} unpacks to {size:,} bytes, more than the {limit:,} that memory allows")


def _error(file: str, message: str) -> StudyError:
    return StudyError("model", [Problem(KEY, message, value_text(file))])
