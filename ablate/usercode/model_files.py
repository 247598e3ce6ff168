"""Keras models in files: found, bounded and digested without reading what is in them, which takes Keras and trust."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ablate import reading
from ablate.errors import Problem, StudyError
from ablate.settings.document import value_text
from ablate.settings.run import RunSettings
from ablate.usercode import code

KEY = "model.file"
CONFIG = "config.json"
LARGEST_CONFIG = 64 * 2**20  # bytes; a transformer of a thousand layers has two million
MEMBERS = (CONFIG, "metadata.json", "model.weights.h5")  # of every `.keras` archive


def digest(file: str, folder: Path) -> str:
    """SHA-256 over the bytes of a model file.

    Args:
        file: its path in the study.
        folder: where relative paths start.

    Raises:
        StudyError: it is missing, no Keras model, or larger than memory allows.
    """
    with _checked(file, folder) as path, path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def config(file: str, folder: Path) -> str:
    """The description of the network in a model file, as its author's Keras wrote it: JSON, unless it is damaged.

    Arguments and errors as those of `digest`; it may not be larger than `LARGEST_CONFIG`.
    """
    with _checked(file, folder) as path, zipfile.ZipFile(path) as archive, archive.open(CONFIG) as opened:
        content = opened.read(LARGEST_CONFIG + 1)
        if len(content) > LARGEST_CONFIG:
            raise ValueError(f"{path}: its {CONFIG} has more than the {LARGEST_CONFIG:,} bytes that are read")
    return content.decode(errors="replace")


@contextmanager
def _checked(file: str, folder: Path) -> Iterator[Path]:
    """Where a model file lies that can be read; what is found to be wrong with it becomes an error of the study."""
    if code.is_results_folder(folder):
        raise _error(file, f"no model is taken from {folder}, a folder of results; {code.ELSEWHERE}")
    path: Path | str = file
    try:
        path = locate(file, folder)
        _check(path)
        yield path
    except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
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
    size, limit = sum(sizes.values()), reading.memory_limit()
    if size > limit:
        raise ValueError(f"{path} unpacks to {size:,} bytes, more than the {limit:,} that memory allows")


def _error(file: str, message: str) -> StudyError:
    return StudyError("model", [Problem(KEY, message, value_text(file))])
