"""The upkeep of results folders: look through all of one, and find what nobody needs."""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ablate.errors import StoreError
from ablate.results import claims, entries, files, leases, models, trash, ways, weights
from ablate.results.models import MODEL_KINDS
from ablate.results.names import is_attempt, is_key, is_temporary
from ablate.results.record import NewerRecordError, Record
from ablate.results.store import Store, read_record

Kind = Literal["damaged", "newer", "unfinished", "unneeded", "foreign", "quarantined", "unused", "large"]
DOCUMENTS = ("study.toml", "identity.json")  # what the study is, as left by the first run
_SET_ASIDE = re.compile(r"(confirmation\.)?[0-9a-f]{64}\.(json|npz)\.[0-9a-f]{8}")
FOLDERS = (
    "runs",
    "models",
    "attempts",
    "quarantine",
    leases.FOLDER,
    files.CALLBACKS,
    files.WORKERS,
    trash.FOLDER,
    entries.FOLDER,
    ways.FOLDER,
)
MADE = (*DOCUMENTS, "report.html", claims.NAME)
TABLES = ("runs", "histories")


@dataclass(frozen=True)
class Finding:
    """A file of a results folder that is not in order, or not needed; or a folder with all that is in it.

    Attributes:
        kind: `damaged`: a record, weights, a network or a confirmation that cannot be used. `newer`: a record of a
            newer version. `unfinished`: a file whose writer, or remover, is gone. `unneeded`: failures of runs that
            succeeded later, weights and networks of runs without a record. `foreign`: nothing of ours, or a link.
            `quarantined`: set aside before. `unused`: of a run that the study does not ask for. `large`: a network that
            was not copied for its size.
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

    @property
    def foreign(self) -> int:
        """How many files are nobody's that ablate knows, and are left alone."""
        return sum(finding.kind == "foreign" for finding in self.findings)


def verify(store: Store) -> Inventory:
    """Read every file of a results folder and compare it with its digest. Changes nothing.

    Raises:
        StoreError: there is no such folder, or a file in it cannot be read.
    """
    if not store.root.is_dir():
        raise StoreError(f"there is no folder {store.root}")
    if not any(files.is_there(store.root / name) for name in (*DOCUMENTS, *FOLDERS)):
        raise StoreError(f"{store.root} is no folder of a study's results: it has no study.toml and no runs")
    records: dict[str, Record] = {}
    findings = []
    for path in sorted(store.record_paths()):
        try:
            records[path.stem] = read_record(path)
        except FileNotFoundError:
            continue  # another process has removed it just now
        except files.DamagedError as error:
            findings.append(Finding("damaged", path, str(error)))
        except NewerRecordError as error:
            findings.append(Finding("newer", path, str(error)))
    known = {store.record_path(key) for key in records} | {finding.path for finding in findings}
    for path in sorted(store.everything()):
        if path not in known:
            findings += _look_at(path, store, records)
    stopped = "'ablate store gc' was stopped before it removed this"
    findings += [Finding("unfinished", path, stopped) for path in trash.left(store)]
    return Inventory(tuple(records), tuple(findings))


def _look_at(path: Path, store: Store, records: dict[str, Record]) -> Iterator[Finding]:
    """What is to say about a file that is not a record: it is ours by its place and the whole key in its name."""
    names = path.relative_to(store.root).parts
    if path.is_symlink():
        yield Finding("foreign", path, "a symbolic link, which is not followed")
    elif names[0] == files.CALLBACKS and len(names) > 1 and is_key(names[1]):
        return  # what callbacks of the user's wrote
    elif names[0] == files.WORKERS and len(names) > 2:
        return  # what workers on other hosts were handed, and what they said
    elif names[0] == leases.FOLDER and len(names) == 2 and path.suffix == ".json" and is_key(path.stem[:64]):
        return  # of a run that is being trained, or was: who wants it next sees to that
    elif names[0] == trash.FOLDER and len(names) > 2 and trash.is_removal(names[1]):
        return  # what is being removed, or was to be: its folder is looked at as a whole
    elif not store.has(path):
        yield Finding("foreign", path, "not a file, or not in a folder of ours")
    elif is_temporary(path):
        if files.is_abandoned(path):
            yield Finding("unfinished", path, "the process that was writing it is gone")
    elif names[0] == trash.FOLDER and len(names) == 2 and trash.is_of_older_version(path.name):
        yield Finding("unfinished", path, "'ablate store gc' was stopped before it removed it")
    elif names[0] == "quarantine" and len(names) == 2 and _SET_ASIDE.fullmatch(path.name):
        yield Finding("quarantined", path, "found damaged before")
    elif names[0] == "attempts" and len(names) == 3 and is_key(names[1]) and is_attempt(path):
        if names[1] in records:
            yield Finding("unneeded", path, "a failure of a run that succeeded later")
    elif names[0] == "models" and len(names) == 2 and path.suffix[1:] in MODEL_KINDS and is_key(path.stem):
        if not files.is_there(store.record_path(path.stem)):
            yield Finding("unneeded", path, "of a run without a record")
        elif path.suffix == ".keras":
            yield from damage(path, functools.partial(weights.check_network, record=records.get(path.stem)))
        elif path.suffix == ".npz" and path.stem in records:
            yield from damage(path, functools.partial(weights.read, record=records[path.stem]))
    elif names[0] == entries.FOLDER and len(names) == 2 and path.suffix == ".json" and is_key(path.stem):
        yield from damage(path, entries.read_entry)
    elif names[0] == ways.FOLDER and len(names) == 2 and path.suffix == ".json" and is_key(path.stem):
        yield from damage(path, ways.read)
    elif not (len(names) == 1 and (path.name in MADE or path.stem in TABLES)):
        yield Finding("foreign", path, "nothing that ablate wrote")


def damage(path: Path, read: Callable[[Path], object]) -> Iterator[Finding]:
    """What is wrong with a file; nothing if another process has removed it just now."""
    try:
        read(path)
    except FileNotFoundError:
        return
    except files.DamagedError as error:
        yield Finding("damaged", path, str(error))


def garbage(store: Store, inventory: Inventory, *, quarantine: bool = False) -> list[Finding]:
    """What may be deleted without losing a result, or anything that another process is about to need.

    Args:
        store: the folder.
        inventory: what `verify` found in it.
        quarantine: also what was set aside as damaged.

    Raises:
        StoreError: it cannot be seen which runs are being trained.
    """
    kinds = {"unfinished", "unneeded"} | ({"quarantined"} if quarantine else set())
    findings = [finding for finding in inventory.findings if finding.kind in kinds]
    if hidden := set(store.hidden_records()):  # what is not seen may need it
        findings = [each for each in findings if each.kind != "unneeded" or not _ways(store, each.path) & hidden]
    if not files.is_there(store.root / claims.NAME):
        return findings  # nobody has trained here yet
    with contextlib.closing(claims.Claims(store.root)) as mine:
        return [finding for finding in findings if finding.kind != "unneeded" or mine.take(_key_of(finding.path))]


def _ways(store: Store, path: Path) -> set[Path]:
    """The folders on the way to the record that something belongs to."""
    return set(store.record_path(_key_of(path)).parents)


def _key_of(path: Path) -> str:
    """The run that a failure or a model belongs to."""
    return path.stem if path.parent.name == "models" else path.parent.name


def unused(store: Store, keys: AbstractSet[str]) -> list[Finding]:
    """Records, and what goes with them, of runs that are not among some keys; what their callbacks wrote as well.

    Runs that were trained, or are being trained, to confirm a choice are asked for by that.

    Raises:
        StoreError: it cannot be seen which these are, or which records there are.
    """
    hidden = store.hidden_records()
    if store.root / "runs" in hidden:
        raise StoreError(f"{hidden[0]} is no folder of this study's own, so which records there are is not seen")
    asked = keys | entries.sound_keys(store)
    kept = [models.model_path(store, key, kind) for kind in MODEL_KINDS for key in models.keys(store, kind)]
    keyed = [(path, path.stem) for path in (*store.record_paths(), *kept) if store.has(path)]
    keyed += [(path, path.name) for path in _callback_folders(store)]
    return [
        Finding("unused", path, "the study does not ask for this run")
        for path, key in sorted(keyed)
        if key not in asked and store.record_path(key).parent not in hidden
    ]


def _callback_folders(store: Store) -> list[Path]:
    """What callbacks of the user's wrote, a folder for each run."""
    folder = store.root / files.CALLBACKS
    if folder.is_symlink():
        return []
    return [path for path in folder.glob("*") if is_key(path.name) and path.is_dir() and not path.is_symlink()]
