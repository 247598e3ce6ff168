"""Entries: which runs were trained to confirm a choice, kept beside them in files of their own.

By their seeds alone such runs could be a part of a study that had more replicates once. An entry is written before the
first of its runs is trained and never changed; it names the runs by their keys, and is itself named by its digest.
"""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ablate.errors import StoreError
from ablate.reading import parse_json, wrong
from ablate.results import files
from ablate.results.identity import PlannedRun, canonical_json
from ablate.results.names import is_key
from ablate.results.store import Store
from ablate.studies.design import MOST_RUNS_SHOWN

FOLDER = "confirmations"
MOST_SEEDS = MOST_RUNS_SHOWN // 2  # the baseline's and the best treatment's
LARGEST = 10_000_000  # bytes; the keys of so many runs
_SET_ASIDE = "confirmation."  # begins the name of a damaged entry in the quarantine
_CONTAINERS = 3  # the document and its two lists


@dataclass(frozen=True)
class Entry:
    """What a confirmation trains: the keys of its runs, and their seeds."""

    runs: frozenset[str]
    seeds: tuple[int, ...]


def _key(text: str) -> str:
    if not is_key(text):
        raise ValueError("a run is named by 64 hexadecimal digits")
    return text


class _Document(BaseModel):
    """An entry as it is written; what validates it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    runs: Annotated[list[Annotated[str, AfterValidator(_key)]], Field(max_length=2 * MOST_SEEDS)]
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**32)]], Field(max_length=MOST_SEEDS)]


def write(store: Store, runs: Iterable[PlannedRun]) -> None:
    """Keep that some runs are trained to confirm a choice; the same runs have one entry, however often.

    Raises:
        StoreError: it could not be written.
    """
    runs = list(runs)
    body = {"runs": sorted({run.key for run in runs}), "seeds": sorted({run.seed for run in runs})}
    content = canonical_json(body) + b"\n"
    path = files.place(store.root, FOLDER, f"{hashlib.sha256(content).hexdigest()}.json")
    if not files.publish(path, content) and not _is_sound(path):
        files.replace_file(path, content)


def read(store: Store) -> list[Entry]:
    """All entries that are in order, in the order of their names.

    Raises:
        StoreError: one cannot be read.
    """
    found = []
    for path in paths(store):
        with suppress(FileNotFoundError, files.DamagedError):
            found.append(read_entry(path))
    return found


def keys(store: Store) -> frozenset[str]:
    """The runs that entries name; raises as `read`."""
    return frozenset().union(*(entry.runs for entry in read(store)))


def sound_keys(store: Store) -> frozenset[str]:
    """The same where no entry is damaged.

    Raises:
        StoreError: one is, or was and lies in the quarantine, or cannot be read, so that it cannot be told which runs
            confirm a choice.
    """
    if lost := in_quarantine(store):
        raise StoreError(
            f"{lost[0]} is a damaged confirmation, so which runs confirm a choice is not known; nothing was done. If "
            "none does, 'ablate store gc --quarantine' removes it"
        )
    for path, reason in damaged(store):
        raise StoreError(f"{path} is damaged ({reason}), so which runs confirm a choice is not known; nothing was done")
    return keys(store)


def in_quarantine(store: Store) -> list[Path]:
    """The damaged entries that were set aside."""
    return sorted((store.root / "quarantine").glob(f"{_SET_ASIDE}*"))


def damaged(store: Store) -> list[tuple[Path, str]]:
    """What is in the place of entries and is none, and why.

    Raises:
        StoreError: the folder, or an entry, cannot be read.
    """
    folder = store.root / FOLDER
    if files.is_there(folder) and (folder.is_symlink() or not folder.is_dir()):
        return [(folder, "a symbolic link, which is not followed" if folder.is_symlink() else "it is no folder")]
    found = []
    for path in paths(store):
        with suppress(FileNotFoundError):
            try:
                read_entry(path)
            except files.DamagedError as error:
                found.append((path, str(error)))
    return found


def paths(store: Store) -> list[Path]:
    """Everything in the place of an entry; of a link in the place of the folder, or of no folder, nothing.

    Raises:
        StoreError: the folder cannot be read.
    """
    folder = store.root / FOLDER
    try:
        found = sorted(folder.iterdir()) if not folder.is_symlink() and folder.is_dir() else []
    except OSError as error:
        raise StoreError(f"{folder} cannot be read: {error.strerror}") from None
    return [path for path in found if path.suffix == ".json" and is_key(path.stem)]


def read_entry(path: Path) -> Entry:
    """The entry in a file.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is not what its name says.
        StoreError: it cannot be read.
    """
    content = files.kept(path, folders=1, most=LARGEST)
    if hashlib.sha256(content).hexdigest() != path.stem:
        raise files.DamagedError("its digest is not its name")
    try:
        found = _Document.model_validate(parse_json(content, _CONTAINERS))
    except ValidationError as error:
        raise files.DamagedError(f"not a confirmation: {wrong(error)}") from None
    except ValueError as error:
        raise files.DamagedError(f"not a confirmation: {error}") from None
    return Entry(frozenset(found.runs), tuple(found.seeds))


def set_damaged_aside(store: Store) -> None:
    """Move damaged entries to the quarantine, as `Store.load` does with records; their runs confirm nothing.

    Raises:
        StoreError: one cannot be read.
    """
    for path in paths(store):
        try:
            read_entry(path)
        except FileNotFoundError:
            continue
        except files.DamagedError:
            store.set_aside(path, _SET_ASIDE)


def _is_sound(path: Path) -> bool:
    try:
        read_entry(path)
    except (FileNotFoundError, files.DamagedError):
        return False
    return True


def copy(source: Store, target: Store) -> None:
    """Bring the entries of another folder along.

    Raises:
        StoreError: one cannot be read or written.
    """
    for path in paths(source):
        try:
            read_entry(path)
            files.publish(files.place(target.root, FOLDER, path.name), files.read(path))
        except (FileNotFoundError, files.DamagedError):
            continue
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from None
