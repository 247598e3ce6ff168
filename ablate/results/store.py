"""The results folder of a study: immutable records, published so that a crash at any moment loses none.

The first writer of a record wins and a published record never changes. Nothing else in the folder decides what is done.
"""

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from ablate import reading
from ablate.errors import StoreError
from ablate.results import files
from ablate.results.identity import Identity
from ablate.results.names import is_attempt, is_key, is_temporary
from ablate.results.record import Failure, NewerRecordError, Record
from ablate.settings import document
from ablate.studies import spec
from ablate.studies.spec import Study

DEPTH = 2  # of our folders: attempts/<key>/1.json, runs/ab/<key>.json


class Store:
    """The records, failures and documents of one study.

    Args:
        root: the study's folder, such as `reports/digits-remedies`; it need not exist yet.

    Attributes:
        damaged: where damaged files are that were found since this object was made: in `quarantine/`, or still in
            their place where they cannot be moved.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.damaged: list[Path] = []

    def prepare(self) -> None:
        """Make the folder, see that it can be written, so that nothing is trained in vain, and tidy it.

        Raises:
            StoreError: the folder cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe = files.temporary_beside(files.place(self.root, "runs", "write-test"))
            probe.write_bytes(b"\n")
            probe.unlink()
        except OSError as error:
            raise StoreError(f"{self.root} cannot be written: {error.strerror}; choose a folder with --out") from None
        for path in self.temporaries():
            if files.is_abandoned(path):
                with contextlib.suppress(OSError):
                    path.unlink()

    def temporaries(self) -> list[Path]:
        """Files in the making, by this or another process, and what is left of them."""
        return [path for path in self.everything() if is_temporary(path)]

    def everything(self) -> Iterator[Path]:
        """All files and links of the folder, and folders that lie deeper in it than any of ours.

        Raises:
            StoreError: a folder cannot be read.
        """
        folders = [(self.root, 0)]
        while folders:
            folder, depth = folders.pop()
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError(f"{folder} cannot be read: {error.strerror}") from None
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and depth < DEPTH:
                    folders.append((Path(entry.path), depth + 1))
                else:
                    yield Path(entry.path)

    def commit(self, record: Record) -> bool:
        """Publish a record; once this returns it survives a crash.

        Returns:
            False if a record of that key was there already, which is then kept.

        Raises:
            StoreError: it could not be written; nothing is left behind.
        """
        return self.publish_record(record.key, record.to_json())

    def publish_record(self, key: str, content: bytes) -> bool:
        """The same for the bytes of a record that another folder has."""
        path = files.place(self.root, *_record_names(key))
        while not files.publish(path, content):
            if self.load(key) is not None:
                return False
            if files.is_there(path):  # something that is neither a record nor can be moved away
                raise StoreError(f"{path} is damaged and cannot be replaced; remove it")
        return True

    def load(self, key: str) -> Record | None:
        """The record of a key, or `None`; a damaged one is moved to `quarantine/` and counts as missing.

        Raises:
            StoreError: it cannot be read at all, or a newer version wrote it.
        """
        path = self.record_path(key)
        try:
            return read_record(path)
        except FileNotFoundError:
            return None
        except files.DamagedError:
            self.set_aside(path)
            return None

    def count(self) -> int:
        """How many records there are, of whatever study; none is read."""
        return sum(1 for _ in self.record_paths())

    def load_all(self, keys: Iterable[str]) -> dict[str, Record]:
        """The records that exist for the given keys, by key."""
        taken = _Taken(self.root / "runs")
        found = ((key, self.load(key)) for key in keys if taken.may_hold(key[:2], f"{key}.json"))
        return {key: record for key, record in found if record is not None}

    def record_failure(self, key: str, failure: Failure) -> None:
        """Keep why a run has no record; attempts are numbered from 1 and never rewritten.

        Raises:
            StoreError: it could not be written.
        """
        content = json.dumps(asdict(failure)).encode()
        number = self.attempts(key) + 1
        while not files.publish(files.place(self.root, "attempts", key, f"{number}.json"), content):
            number += 1

    def attempts(self, key: str) -> int:
        """How often a run was tried in vain."""
        return max(self._attempts(key), default=0)

    def _attempts(self, key: str) -> dict[int, Path]:
        found = (self.root / "attempts" / key).glob("*.json")
        return {int(path.stem): path for path in found if is_attempt(path)}

    def last_attempt(self, key: str) -> Path | None:
        """The file with the reason and the log of the latest failure of a run."""
        found = self._attempts(key)
        return found[max(found)] if found else None

    def last_failure(self, key: str) -> Failure | None:
        """The latest reason why a run has no record."""
        for _, path in sorted(self._attempts(key).items(), reverse=True):
            with contextlib.suppress(OSError, ValueError, files.DamagedError):
                return Failure.from_json(files.read(path, folders=2))
        return None

    def last_failures(self, keys: Iterable[str]) -> dict[str, Failure]:
        """The same of several runs, by key; those that were never tried in vain are not in it."""
        tried = _names_in(self.root / "attempts")
        found = ((key, self.last_failure(key)) for key in keys if tried is None or key in tried)
        return {key: failure for key, failure in found if failure is not None}

    def clear_callbacks(self, key: str) -> None:
        """Remove what callbacks of the user's wrote in an earlier attempt at a run.

        Raises:
            StoreError: it cannot be removed.
        """
        folder = self.root / files.CALLBACKS
        if folder.is_symlink():
            return  # nothing of ours is behind it; nothing is written there either
        try:
            shutil.rmtree(folder / key)
        except FileNotFoundError:
            return
        except (OSError, RecursionError) as error:  # the latter of folders that are nested too deep
            raise StoreError(f"{folder / key} cannot be emptied: {error}") from None

    def write(self, name: str, content: bytes) -> Path:
        """Replace a document of the study's folder (a page, a table) as a whole.

        Raises:
            StoreError: it could not be written; the old one is still there.
        """
        path = files.place(self.root, name)
        files.replace_file(path, content)
        return path

    def write_identity(self, identity: Identity) -> None:
        """Keep what the runs are trained on and with, so that tables can be made without the data."""
        text = json.dumps(asdict(identity), indent=2, sort_keys=True) + "\n"
        self.write("identity.json", text.encode())

    def read_identity(self) -> Identity | None:
        """What the runs of this folder were trained on and with; `None` before the first run.

        Raises:
            StoreError: the file cannot be used.
        """
        path = self.root / "identity.json"
        try:
            return Identity.from_document(reading.parse_json(files.read(path, folders=0)))
        except FileNotFoundError:
            return None
        except (files.DamagedError, ValueError) as error:
            raise StoreError(f"{path} cannot be used: {error}; 'ablate run' writes it anew") from None
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from None

    def read_study(self) -> Study | None:
        """The study as it was run last; `None` before the first run.

        Raises:
            StudyError: it is no valid study.
            StoreError: the file cannot be read.
        """
        path = self.root / "study.toml"
        try:
            content = reading.below(self.root, path.name, most=document.LARGEST_FILE)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except files.DamagedError as error:
            raise StoreError(f"{path} cannot be used: {error}") from None
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from None
        return spec.read(document.decode(content, path), path)

    def has(self, path: Path) -> bool:
        """Whether a file is in this folder: a regular one, and no link on the way to it."""
        return reading.is_inside(self.root, *path.relative_to(self.root).parts)

    def record_path(self, key: str) -> Path:
        """Where the record of a key is, if there is one."""
        return self.root.joinpath(*_record_names(key))

    def hidden_records(self) -> list[Path]:
        """What is in the place of a folder of records and is none, so that it is not seen which records there are.

        A link is not followed, and what is behind it counts as missing.
        """
        folder = self.root / "runs"
        inside = [path for path in folder.glob("[0-9a-f][0-9a-f]") if path.name == path.stem]
        return [path for path in (folder, *inside) if files.is_there(path) and not _is_own_folder(path)]

    def record_paths(self) -> Iterator[Path]:
        """Everything in the place of a record."""
        found = self.root.glob("runs/[0-9a-f][0-9a-f]/*.json")
        return (path for path in found if is_key(path.stem) and path.stem.startswith(path.parent.name))

    def set_aside(self, path: Path, kind: str = "") -> None:
        """Move a damaged file to the quarantine; where that cannot be done it stays and counts as missing.

        Args:
            path: the file.
            kind: what its name there begins with.
        """
        inside = path.relative_to(self.root).parents
        links = [
            folder for folder in (self.root / name for name in inside) if folder != self.root and folder.is_symlink()
        ]
        if links:
            self.damaged.append(links[-1])
            return
        try:
            target = files.place(self.root, "quarantine", f"{kind}{path.name}.{secrets.token_hex(4)}")
            path.rename(target)
        except FileNotFoundError:
            return  # another process has moved it
        except (OSError, StoreError):
            target = path
        self.damaged.append(target)


class _Taken:
    """Which names are taken in the folders of a folder. Each is listed once, however many names are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listed: dict[str, frozenset[str] | None] = {}
        self._is_own = not folder.is_symlink()

    def may_hold(self, inner: str, name: str) -> bool:
        """Whether there may be something of that name; true where the folder cannot be listed, or is a link."""
        if inner not in self._listed:
            path = self._folder / inner
            self._listed[inner] = None if path.is_symlink() or not self._is_own else _names_in(path)
        names = self._listed[inner]
        return names is None or name in names


def _names_in(folder: Path) -> frozenset[str] | None:
    """What is in a folder, nothing if it is not there; `None` where that is not seen."""
    try:
        return frozenset(os.listdir(folder))  # noqa: PTH208 - names alone: paths of 100,000 take seconds
    except FileNotFoundError:
        return frozenset()
    except OSError:
        return None


def _is_own_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and os.access(path, os.R_OK | os.X_OK)


def read_record(path: Path) -> Record:
    """The record in a file.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is not what its name says.
        StoreError: it cannot be read at all, or a newer version wrote it.
    """
    content = files.kept(path, folders=2)
    try:
        record = Record.from_json(content)
    except NewerRecordError as error:
        raise NewerRecordError(f"{path}: {error}") from None
    except StoreError as error:
        raise files.DamagedError(str(error)) from None
    if record.key != path.stem:
        raise files.DamagedError("it is the record of another run")
    return record


def utc_now() -> str:
    """The time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _record_names(key: str) -> tuple[str, str, str]:
    return "runs", key[:2], f"{key}.json"
