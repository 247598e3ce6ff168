"""The upkeep of results folders: look through all of one, remove what nobody needs, bring two together."""

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ablate.errors import StoreError
from ablate.results import claims, files
from ablate.results.record import NewerRecordError, Record
from ablate.results.store import MODEL_KINDS, Store, read_record, read_weights

Kind = Literal["damaged", "newer", "unfinished", "unneeded", "foreign", "quarantined", "unused"]
DOCUMENTS = ("study.toml", "identity.json")  # what the study is, as left by the first run
MADE = (*DOCUMENTS, "report.html", claims.NAME)
TABLES = ("runs", "histories")


@dataclass(frozen=True)
class Finding:
    """A file of a results folder that is not in order, or not needed.

    Attributes:
        kind: `damaged`: a record or weights that cannot be used. `newer`: a record of a newer version.
            `unfinished`: a file whose writer is gone. `unneeded`: failures of runs that succeeded later, weights and
            networks of runs without a record. `foreign`: nothing of ours, or a link. `quarantined`: set aside before.
            `unused`: of a run that the study does not ask for.
        path: where it is.
        reason: in words.
    """

    kind: Kind
    path: Path
    reason: str


@dataclass(frozen=True)
class Inventory:
    """What a results folder holds.

    Attributes:
        records: keys of the runs whose records are in order.
        findings: everything else that is worth a word.
    """

    records: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether every record and all weights can be used."""
        return not any(finding.kind in {"damaged", "newer"} for finding in self.findings)


def verify(store: Store) -> Inventory:
    """Read every file of a results folder and compare it with its digest. Changes nothing.

    Raises:
        StoreError: there is no such folder, or a file in it cannot be read.
    """
    if not store.root.is_dir():
        raise StoreError(f"there is no folder {store.root}")
    records: dict[str, Record] = {}
    findings = []
    for path in sorted(store.record_paths()):
        try:
            records[path.stem] = read_record(path)
        except files.DamagedError as error:
            findings.append(Finding("damaged", path, str(error)))
        except NewerRecordError as error:
            findings.append(Finding("newer", path, str(error)))
    known = {store.record_path(key) for key in records} | {finding.path for finding in findings}
    for path in sorted(store.root.rglob("*")):
        if path not in known and (path.is_symlink() or not path.is_dir()):
            findings += _look_at(path, store, records)
    return Inventory(tuple(records), tuple(findings))


def _look_at(path: Path, store: Store, records: dict[str, Record]) -> Iterator[Finding]:
    """What is to say about a file that is not a record."""
    names = path.relative_to(store.root).parts
    if path.is_symlink():
        yield Finding("foreign", path, "a symbolic link, which is not followed")
    elif files.is_temporary(path):
        if files.is_abandoned(path):
            yield Finding("unfinished", path, "the process that was writing it is gone")
    elif names[0] == "quarantine":
        yield Finding("quarantined", path, "found damaged before")
    elif names[0] == "attempts" and len(names) == 3 and path.suffix == ".json":
        if names[1] in records:
            yield Finding("unneeded", path, "a failure of a run that succeeded later")
    elif names[0] == "models" and len(names) == 2 and path.suffix in {".npz", ".keras", ".json"}:
        if not files.is_there(store.record_path(path.stem)):
            yield Finding("unneeded", path, "of a run without a record")
        elif path.suffix == ".npz" and path.stem in records:
            yield from _look_at_weights(path, records[path.stem])
    elif not (len(names) == 1 and (path.name in MADE or path.stem in TABLES)):
        yield Finding("foreign", path, "nothing that ablate wrote")


def _look_at_weights(path: Path, record: Record) -> Iterator[Finding]:
    try:
        read_weights(path, record.weights)
    except files.DamagedError as error:
        yield Finding("damaged", path, str(error))


def garbage(store: Store, *, quarantine: bool = False) -> list[Finding]:
    """What may be deleted without losing a result, or anything that another process is about to need.

    Args:
        store: the folder.
        quarantine: also what was set aside as damaged.

    Raises:
        StoreError: there is no such folder, or a file in it cannot be read.
    """
    kinds = {"unfinished", "unneeded"} | ({"quarantined"} if quarantine else set())
    findings = [finding for finding in verify(store).findings if finding.kind in kinds]
    with contextlib.closing(claims.Claims(store.root)) as mine:
        return [finding for finding in findings if finding.kind != "unneeded" or mine.take(_key_of(finding.path))]


def _key_of(path: Path) -> str:
    """The run that a failure or a model belongs to."""
    return path.stem if path.parent.name == "models" else path.parent.name


def unused(store: Store, keys: AbstractSet[str]) -> list[Finding]:
    """Records, and what goes with them, of runs that are not among some keys."""
    paths = [*store.record_paths(), *(store.root / "models").glob("[0-9a-f]*.*")]
    return [
        Finding("unused", path, "the study does not ask for this run")
        for path in paths
        if path.stem not in keys and not path.parent.is_symlink()
    ]


def remove(store: Store, findings: Iterable[Finding]) -> int:
    """Delete the files of findings, and the folders that this empties.

    Returns:
        Bytes that were freed.

    Raises:
        StoreError: one cannot be deleted.
    """
    freed, findings = 0, list(findings)
    for finding in findings:
        try:
            freed += finding.path.lstat().st_size
            finding.path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(f"{finding.path} cannot be removed: {error.strerror}") from None
    for folder in sorted({finding.path.parent for finding in findings}, reverse=True):
        if folder != store.root:
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()
    return freed


@dataclass(frozen=True)
class Merged:
    """What came of bringing one results folder into another.

    Attributes:
        added: keys of the runs that are new.
        there: keys of those that were there already.
        different: of these, the ones whose two records do not agree in what was measured; the older one was kept.
        refused: damaged or newer files of the source, which were left there.
    """

    added: tuple[str, ...]
    there: tuple[str, ...]
    different: tuple[str, ...]
    refused: tuple[Finding, ...]


def merge(source: Store, target: Store) -> Merged:
    """Copy records, and the failures and networks that go with them, into another folder. The source is not changed.

    Raises:
        StoreError: one of the folders cannot be read or written.
    """
    found = verify(source)
    target.prepare()
    for name in DOCUMENTS:
        if not (target.root / name).exists() and (source.root / name).is_file():
            target.write(name, files.read(source.root / name))
    added, there, different = [], [], []
    for key in found.records:
        path = source.record_path(key)
        if target.publish_record(key, files.read(path)):
            added.append(key)
            continue
        there.append(key)
        if _measured(read_record(path)) != _measured(read_record(target.record_path(key))):
            different.append(key)
    _copy_models(source, target, set(added))
    _copy_attempts(source, target)
    refused = tuple(finding for finding in found.findings if finding.kind in {"damaged", "newer"})
    return Merged(tuple(added), tuple(there), tuple(different), refused)


def _measured(record: Record) -> str:
    """A record without what differs from one training to the next: times, and the weights that older ones lack."""
    history = {name: values for name, values in record.history.items() if name != "seconds"}
    return repr((record.settings, record.seed, record.status, history, record.result))


def _copy_models(source: Store, target: Store, keys: set[str]) -> None:
    for kind in MODEL_KINDS:
        for key in source.models(kind) & keys:
            path = source.model_path(key, kind)
            if not path.is_symlink():
                _copy(path, files.place(target.root, "models", path.name))


def _copy(path: Path, place: Path) -> None:
    temporary = files.temporary_beside(place)
    try:
        shutil.copyfile(path, temporary, follow_symlinks=False)
        temporary.replace(place)
    except OSError as error:
        raise StoreError(f"{path} cannot be copied to {place}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _copy_attempts(source: Store, target: Store) -> None:
    """Copy the last failure of every run that has no record in either folder and none of the target's own."""
    for folder in sorted((source.root / "attempts").glob("[0-9a-f]*")):
        failure = source.last_failure(folder.name)
        if failure and not target.attempts(folder.name) and target.load(folder.name) is None:
            target.record_failure(folder.name, failure)
