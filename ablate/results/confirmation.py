"""Fresh seeds for the baseline and the best treatment: what chose nothing cannot be flattered by the choice.

That runs were trained for a confirmation is kept beside them: by their seeds alone they could be a part of a study that
had more replicates once. An entry is a file of its own, written before the first of its runs is trained and never
changed; it names the runs by their keys.
"""

import hashlib
import itertools
import json
import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ablate.errors import StoreError
from ablate.results import files, origins
from ablate.results.identity import Identity, PlannedRun, canonical_json, plan_runs
from ablate.results.record import KEPT_EPOCH, Record
from ablate.results.store import Store
from ablate.study.design import Treatment
from ablate.study.spec import Study

FOLDER = "confirmations"
_SEEDS = 2**32
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """What a confirmation trains: the keys of its runs, and their seeds."""

    runs: frozenset[str]
    seeds: tuple[int, ...]


def fresh_seeds(seeds: Sequence[int], taken: Collection[int] = ()) -> list[int]:
    """As many seeds that are not among the given ones, from the one after the largest on, without those in `taken`."""
    counted = ((max(seeds) + step) % _SEEDS for step in itertools.count(1))
    free = (seed for seed in counted if seed not in seeds and seed not in taken)
    return list(itertools.islice(free, len(seeds)))


def plan(
    study: Study,
    treatments: Iterable[Treatment],
    best: str,
    identity: Identity,
    reports: Path,
    seeds: Sequence[int] | None = None,
) -> tuple[Identity, list[PlannedRun]]:
    """The runs of the baseline and the best treatment with fresh seeds.

    Args:
        study: the study.
        treatments: its treatments.
        best: name of the best one.
        identity: its data and libraries.
        reports: the folder that holds the results of studies.
        seeds: the fresh seeds; `fresh_seeds` by default.

    Returns:
        The identity, with what these runs go on from, and the runs.

    Raises:
        StudyError: the study goes on from another one, which has no runs with these seeds.
    """
    fresh = replace(study, seeds=tuple(fresh_seeds(study.seeds) if seeds is None else seeds))
    chosen = [treatment for treatment in treatments if treatment.name in ("baseline", best)]
    found = {**identity.origins, **origins.find(fresh, chosen, identity, reports)}
    identity = replace(identity, origins=found)
    return identity, plan_runs(chosen, fresh.seeds, identity)


def plan_anew(
    study: Study, treatments: Sequence[Treatment], best: str, identity: Identity, store: Store
) -> tuple[Identity, list[PlannedRun]]:
    """The same with the first seeds that no run but one of a confirmation was trained with.

    Arguments as those of `plan`, with the study's store. A study that had more replicates once has shown what its seeds
    say; they confirm nothing.
    """
    taken: set[int] = set()
    while True:
        seeds = fresh_seeds(study.seeds, taken)
        known, runs = plan(study, treatments, best, identity, store.root.parent, seeds)
        mine = trained_to_confirm(treatments, runs, identity, store)
        seen = {run.seed for run in runs if run.key not in mine and files.is_there(store.record_path(run.key))}
        if not seen:
            return known, runs
        taken |= seen


def plan_recorded(
    study: Study, treatments: Sequence[Treatment], best: str, identity: Identity, store: Store
) -> tuple[Identity, list[PlannedRun]]:
    """The runs that were trained to confirm the best treatment, with seeds that the study does not have itself.

    Arguments as those of `plan`, with the study's store.

    Raises:
        StudyError: the study goes on from another one, which has no runs with these seeds.
    """
    entered = {seed for entry in read(store) for seed in entry.seeds} or set(fresh_seeds(study.seeds))
    seeds = sorted(entered - set(study.seeds))
    known, runs = plan(study, treatments, best, identity, store.root.parent, seeds)
    mine = trained_to_confirm(treatments, runs, identity, store)
    of_best = {run.seed for run in runs if run.key in mine and run.treatment.name == best}
    return known, [run for run in runs if run.key in mine and run.seed in of_best]


def trained_to_confirm(
    treatments: Sequence[Treatment], runs: Sequence[PlannedRun], identity: Identity, store: Store
) -> set[str]:
    """Keys of those of some runs that were trained to confirm a choice, or are about to be.

    These are the ones that an entry names. Before there were entries, their records tell by the command that trained
    them: it had `--confirm`, and no other treatment has a run with that seed.
    """
    entered = {key for entry in read(store) for key in entry.runs}
    named = {run.treatment.name for run in runs}
    others = [treatment for treatment in treatments if treatment.name not in named]
    found = {run.key for run in runs if run.key in entered}
    for seed in {run.seed for run in runs if run.key not in found}:
        own = store.load_all(run.key for run in runs if run.seed == seed)
        if not own or not all(map(_by_an_older_confirmation, own.values())):
            continue
        with suppress(KeyError):  # what the other treatments go on from is not known for this seed
            others_there = (store.record_path(run.key) for run in plan_runs(others, [seed], identity))
            if not any(map(files.is_there, others_there)):
                found |= own.keys()
    return found


def _by_an_older_confirmation(record: Record) -> bool:
    """Whether a version that kept no entries trained it by a command with `--confirm`."""
    if KEPT_EPOCH in record.environment:
        return False
    try:
        return "--confirm" in shlex.split(str(record.environment.get("command", "")))
    except ValueError:  # the command was too long to be kept whole
        return False


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
    """All entries that are in order, in the order of their names."""
    found = []
    for path in entry_paths(store):
        with suppress(OSError, files.DamagedError):
            found.append(read_entry(path))
    return found


def entry_paths(store: Store) -> list[Path]:
    """Everything in the place of an entry."""
    return sorted((store.root / FOLDER).glob("[0-9a-f]*.json"))


def read_entry(path: Path) -> Entry:
    """The entry in a file.

    Raises:
        OSError: it cannot be read.
        DamagedError: it is not what its name says.
    """
    content = files.read(path)
    if hashlib.sha256(content).hexdigest() != path.stem:
        raise files.DamagedError("its digest is not its name")
    try:
        body: Mapping[str, Sequence[object]] = json.loads(content)
        keys = frozenset(key for key in body["runs"] if isinstance(key, str) and _KEY.fullmatch(key))
        seeds = tuple(seed for seed in body["seeds"] if isinstance(seed, int) and 0 <= seed < _SEEDS)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise files.DamagedError(f"not a confirmation: {error}") from None
    return Entry(keys, seeds)


def _is_sound(path: Path) -> bool:
    try:
        read_entry(path)
    except (OSError, files.DamagedError):
        return False
    return True


def copy(source: Store, target: Store) -> None:
    """Bring the entries of another folder along.

    Raises:
        StoreError: one cannot be read or written.
    """
    for path in entry_paths(source):
        try:
            read_entry(path)
            files.publish(files.place(target.root, FOLDER, path.name), files.read(path))
        except files.DamagedError:
            continue
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from None
