"""Results of one folder brought into another: records, and what goes with them."""

import functools
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ablate.errors import StoreError
from ablate.results import entries, files, models, weights
from ablate.results.models import MODEL_KINDS, ModelKind
from ablate.results.names import is_key
from ablate.results.record import NewerRecordError, Record
from ablate.results.store import Store, read_record
from ablate.results.upkeep import DOCUMENTS, Finding, damage, verify
from ablate.settings.document import LARGEST_FILE


@dataclass(frozen=True)
class Merged:
    """What came of bringing one results folder into another.

    Attributes:
        added: keys of the runs that are new.
        there: keys of those that were there already.
        different: of these, the ones whose two records do not agree in what was measured; the older one was kept.
        refused: damaged, newer or very large files of the source, which were left there.
    """

    added: tuple[str, ...]
    there: tuple[str, ...]
    different: tuple[str, ...]
    refused: tuple[Finding, ...]


def merge(source: Store, target: Store, most: int = files.LIMIT) -> Merged:
    """Copy records into another folder, and what goes with them: failures, networks, which of them confirm a choice.

    The source is not changed.

    Args:
        source: where they are.
        target: where they go.
        most: bytes of the weights or of the network of one run; larger ones are left there, whatever their records say.

    Raises:
        StoreError: one of the folders cannot be read or written.
    """
    found = verify(source)
    target.prepare()
    for name in DOCUMENTS:
        if not files.is_there(target.root / name) and source.has(source.root / name):
            target.write(name, _document(source.root / name))
    added, there, different = _copy_records(source, target, found.records)
    refused = tuple(finding for finding in found.findings if finding.kind in {"damaged", "newer"})
    known = {finding.path for finding in refused}
    more = [each for each in _copy_models(source, target, added, most) if each.path not in known]
    _copy_attempts(source, target)
    entries.copy(source, target)
    return Merged(added, there, different, (*refused, *more))


def adopt(source: Store, target: Store, keys: Iterable[str]) -> Merged:
    """Copy the records of some runs, and their networks, into another folder. The source is not changed.

    Args:
        source: where they are.
        target: where they go.
        keys: of the runs; those that the source has no record of are passed over.

    Raises:
        StoreError: one of the folders cannot be read or written.
    """
    sound, refused = [], []
    for path in map(source.record_path, sorted(keys)):
        try:
            sound.append(read_record(path).key)
        except FileNotFoundError:
            continue
        except files.DamagedError as error:
            refused.append(Finding("damaged", path, str(error)))
        except NewerRecordError as error:
            refused.append(Finding("newer", path, str(error)))
    target.prepare()
    added, there, different = _copy_records(source, target, sound)
    refused += _copy_models(source, target, added)
    return Merged(added, there, different, tuple(refused))


def _copy_records(
    source: Store, target: Store, keys: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Copy records that are in order; the keys that are new, were there, and were there with other measurements."""
    added, there, different = [], [], []
    for key in keys:
        path = source.record_path(key)
        if target.publish_record(key, files.read(path, folders=2)):
            added.append(key)
            continue
        there.append(key)
        if _measured(read_record(path)) != _measured(read_record(target.record_path(key))):
            different.append(key)
    return tuple(added), tuple(there), tuple(different)


def _document(path: Path) -> bytes:
    try:
        return files.kept(path, folders=0, most=LARGEST_FILE if path.suffix == ".toml" else files.LIMIT)
    except (files.DamagedError, FileNotFoundError) as error:
        raise StoreError(f"{path} cannot be copied: {error}") from None


def _measured(record: Record) -> str:
    """A record without what differs from one training to the next: times, and the weights that older ones lack."""
    history = {name: values for name, values in record.history.items() if name != "seconds"}
    return repr((record.settings, record.seed, record.status, history, record.result))


def _copy_models(source: Store, target: Store, keys: Iterable[str], most: int = sys.maxsize) -> list[Finding]:
    """Copy what some runs have learned; what cannot be theirs is left, and told."""
    kept: dict[ModelKind, set[str]] = {kind: models.keys(source, kind) for kind in MODEL_KINDS}
    refused = []
    for key in keys:
        record = read_record(source.record_path(key))
        for kind in (kind for kind in MODEL_KINDS if key in kept[kind]):
            path = models.model_path(source, key, kind)
            size = path.lstat().st_size
            if size > most:
                refused.append(Finding("large", path, f"{size:,} bytes; networks of more than {most:,} are left there"))
                continue
            found = list(damage(path, functools.partial(_look_at_model, kind=kind, record=record)))
            if not found:
                _copy(path, files.place(target.root, "models", path.name))
            refused += found
    return refused


def _look_at_model(path: Path, kind: ModelKind, record: Record) -> None:
    match kind:
        case "npz":
            weights.read(path, record)
        case "keras":
            weights.check_network(path, record)
        case "json":
            models.check_columns(path)


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
    for folder in sorted((source.root / "attempts").glob("*")):
        failure = source.last_failure(folder.name) if is_key(folder.name) else None
        if failure and not target.attempts(folder.name) and target.load(folder.name) is None:
            target.record_failure(folder.name, failure)
