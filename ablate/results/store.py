"""The results folder of a study: immutable records, published so that a crash at any moment loses none.

A record is written to a temporary file beside its place, synced, and linked to its final name: the first writer
wins and a published record never changes. Nothing else in the folder decides what is done.
"""

import errno
import io
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ablate.errors import StoreError
from ablate.results.identity import DataFacts, Identity
from ablate.results.record import Failure, Record

_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class Store:
    """The records, failures and documents of one study.

    Args:
        root: the study's folder, such as `reports/digits-remedies`; it need not exist yet.

    Attributes:
        quarantined: where damaged records were moved to since this object was made.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.quarantined: list[Path] = []

    def prepare(self) -> None:
        """Make the folder and try to write into it, so that nothing is trained in vain.

        Raises:
            StoreError: the folder cannot be written.
        """
        probe = self.root / f".write-test.{os.getpid()}.tmp"
        try:
            (self.root / "runs").mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise StoreError(f"{self.root} cannot be written: {error.strerror}; choose a folder with --out") from None

    def commit(self, record: Record) -> bool:
        """Publish a record; once this returns it survives a crash.

        Returns:
            False if a record of that key was there already, which is then kept.

        Raises:
            StoreError: it could not be written; nothing is left behind.
        """
        return self._publish(self._record_path(record.key), record.to_json())

    def load(self, key: str) -> Record | None:
        """The record of a key, or `None`; a damaged one is moved to `quarantine/` and counts as missing.

        Raises:
            StoreError: it cannot be read at all, or a newer version wrote it.
        """
        path = self._record_path(key)
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from None
        try:
            record = Record.from_json(text)
        except StoreError as error:
            if "newer version" in str(error):
                raise StoreError(f"{path}: {error}") from None
            self._quarantine(path)
            return None
        if record.key != key:
            self._quarantine(path)
            return None
        return record

    def count(self) -> int:
        """How many records there are, of whatever study; none is read."""
        return sum(1 for _ in self.root.glob("runs/*/*.json"))

    def load_all(self, keys: Iterable[str]) -> dict[str, Record]:
        """The records that exist for the given keys, by key."""
        found = ((key, self.load(key)) for key in keys)
        return {key: record for key, record in found if record is not None}

    def record_failure(self, key: str, failure: Failure) -> None:
        """Keep why a run has no record; attempts are numbered from 1 and never rewritten.

        Raises:
            StoreError: it could not be written.
        """
        folder = self.root / "attempts" / key
        number = 1
        while not self._publish(folder / f"{number}.json", json.dumps(asdict(failure)).encode()):
            number += 1

    def last_failure(self, key: str) -> Failure | None:
        """The latest reason why a run has no record."""
        folder = self.root / "attempts" / key
        attempts = [path for path in folder.glob("*.json") if path.stem.isdecimal()]
        for path in sorted(attempts, key=lambda path: int(path.stem), reverse=True):
            try:
                return Failure(**json.loads(path.read_bytes()))
            except (OSError, ValueError, TypeError):
                continue
        return None

    def keep_weights(self, key: str, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Keep what a run has learned, until it is known which networks are wanted.

        Raises:
            StoreError: it could not be written.
        """
        content = io.BytesIO()
        np.savez(content, **weights)  # type: ignore[arg-type]
        replace_file(self._model_path(key, "npz"), content.getvalue())

    def weights(self, key: str) -> dict[str, npt.NDArray[np.float32]]:
        """What `keep_weights` kept."""
        with np.load(self._model_path(key, "npz"), allow_pickle=False) as kept:
            return dict(kept)

    def keep_model(self, key: str, save: Callable[[Path], None]) -> None:
        """Keep a run's network as `models/<key>.keras`, as a whole or not at all, in the place of its weights.

        Args:
            key: of the run.
            save: writes the file that it is given.

        Raises:
            StoreError: it could not be written.
        """
        path = self._model_path(key, "keras")
        temporary = path.with_name(f".{path.stem}.{os.getpid()}.{secrets.token_hex(4)}.tmp.keras")
        try:
            save(temporary)
            temporary.replace(path)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror or error}") from None
        finally:
            temporary.unlink(missing_ok=True)
        self._model_path(key, "npz").unlink(missing_ok=True)

    def models(self, kind: Literal["npz", "keras"]) -> set[str]:
        """Keys of the runs whose weights (`npz`) or whose networks (`keras`) are kept."""
        return {path.stem for path in (self.root / "models").glob(f"[!.]*.{kind}")}

    def drop_models(self, keys: Iterable[str]) -> None:
        """Remove weights and networks of some runs.

        Raises:
            StoreError: one cannot be removed.
        """
        try:
            for key in keys:
                self._model_path(key, "npz").unlink(missing_ok=True)
                self._model_path(key, "keras").unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self.root / 'models'} cannot be changed: {error.strerror}") from None

    def write(self, name: str, content: bytes) -> Path:
        """Replace a document of the study's folder (a page, a table) as a whole.

        Raises:
            StoreError: it could not be written; the old one is still there.
        """
        path = self.root / name
        replace_file(path, content)
        return path

    def write_identity(self, identity: Identity) -> None:
        """Keep what the runs are trained on and with, so that tables can be made without the data."""
        document = json.dumps(asdict(identity), indent=2, sort_keys=True) + "\n"
        self.write("identity.json", document.encode())

    def read_identity(self) -> Identity | None:
        """What the runs of this folder were trained on and with; `None` before the first run."""
        try:
            document = json.loads((self.root / "identity.json").read_bytes())
            facts = {name: DataFacts(**entry) for name, entry in document["data"].items()}
            return Identity(document["libraries"], facts, document.get("code", {}))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(f"{self.root / 'identity.json'} cannot be read: {error}") from None

    def _model_path(self, key: str, kind: Literal["npz", "keras"]) -> Path:
        return self.root / "models" / f"{key}.{kind}"

    def _record_path(self, key: str) -> Path:
        return self.root / "runs" / key[:2] / f"{key}.json"

    def _quarantine(self, path: Path) -> None:
        target = self.root / "quarantine" / f"{path.name}.{secrets.token_hex(4)}"
        try:
            target.parent.mkdir(exist_ok=True)
            path.rename(target)
            self.quarantined.append(target)
        except FileNotFoundError:
            return  # another process has moved it
        except OSError as error:
            raise StoreError(f"{path} is damaged and cannot be moved away: {error.strerror}") from None

    def _publish(self, path: Path, content: bytes) -> bool:
        """Give a new file its final name; False if the name was taken."""
        temporary = _temporary_beside(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_synced(temporary, content)
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in _NO_HARD_LINKS:
                    raise
                if path.exists():
                    return False
                temporary.rename(path)
            temporary.unlink(missing_ok=True)
            _sync_folder(path.parent)
            _sync_folder(path.parent.parent)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from None
        finally:
            temporary.unlink(missing_ok=True)
        return True


def replace_file(path: Path, content: bytes) -> None:
    """Write a file as a whole: readers see the old content or the new, never a part.

    Raises:
        StoreError: it could not be written; an old file is still there.
    """
    temporary = _temporary_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_synced(temporary, content)
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def utc_now() -> str:
    """The time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _temporary_beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
