"""Fresh seeds for the baseline and the best treatment: what chose nothing cannot be flattered by the choice.

Which runs were trained for that is known from the entries beside them. Seeds that the study had as replicates once have
shown what they say, and confirm nothing.
"""

import itertools
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ablate.results import entries, files, origins
from ablate.results.identity import Identity, PlannedRun, plan_runs
from ablate.results.record import KEPT_EPOCH, Record
from ablate.results.store import Store
from ablate.studies.design import Treatment
from ablate.studies.spec import Study

_SEEDS = 2**32


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
    entered = entries.keys(store)
    taken: set[int] = set()
    while True:
        seeds = fresh_seeds(study.seeds, taken)
        known, runs = plan(study, treatments, best, identity, store.root.parent, seeds)
        others = [treatment for treatment in treatments if treatment.name not in ("baseline", best)]
        seen = _once_replicates(study, others, runs, known, store, entered)
        mine = _confirming(runs, seen, store, entered)
        seen |= {run.seed for run in runs if run.key not in mine and files.is_there(store.record_path(run.key))}
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
    known_entries = entries.read(store)
    entered = frozenset().union(*(entry.runs for entry in known_entries))
    named = {seed for entry in known_entries for seed in entry.seeds} or set(fresh_seeds(study.seeds))
    seeds = sorted(named - set(study.seeds))[: entries.MOST_SEEDS]
    known, runs = plan(study, treatments, best, identity, store.root.parent, seeds)
    there = _confirming(runs, set(), store, entered)
    runs = [run for run in runs if run.key in there]
    others = [treatment for treatment in treatments if treatment.name not in ("baseline", best)]
    seen = _once_replicates(study, others, runs, known, store, entered)
    of_best = {run.seed for run in runs if run.treatment.name == best} - seen
    return known, [run for run in runs if run.seed in of_best]


def _confirming(runs: Iterable[PlannedRun], seen: Collection[int], store: Store, entered: AbstractSet[str]) -> set[str]:
    """Keys of those of some runs that were trained to confirm a choice, or are about to be.

    These are the ones that an entry names. Before there were entries, their records tell by the command that trained
    them: it had `--confirm`.

    Args:
        runs: of the baseline and the best treatment.
        seen: seeds that confirm nothing.
        store: the study's.
        entered: keys of the runs that entries name.
    """
    of_seed: dict[int, set[str]] = {}
    for run in runs:
        if run.seed not in seen:
            of_seed.setdefault(run.seed, set()).add(run.key)
    found: set[str] = set()
    for keys in of_seed.values():
        found |= keys & entered
        if keys - entered:
            own = store.load_all(keys)
            if own and all(map(_by_an_older_confirmation, own.values())):
                found |= own.keys()
    return found


def _once_replicates(
    study: Study,
    others: Sequence[Treatment],
    runs: Sequence[PlannedRun],
    identity: Identity,
    store: Store,
    entered: AbstractSet[str],
) -> set[int]:
    """Those seeds of some runs that the study had as replicates once: another treatment was trained with them.

    A run of another treatment that an entry names was trained to confirm that one, and tells nothing of replicates.
    """
    own = {run.key for run in runs}
    seeds = sorted({run.seed for run in runs})
    identity = _with_origins(replace(study, seeds=tuple(seeds)), others, identity, store)
    return {
        run.seed
        for run in _known_runs(others, seeds, identity)
        if run.key not in entered and run.key not in own and files.is_there(store.record_path(run.key))
    }


def _with_origins(study: Study, treatments: Sequence[Treatment], identity: Identity, store: Store) -> Identity:
    """An identity that also says what the runs of some treatments go on from, as far as that is there."""
    found = origins.find_known(study, treatments, identity, store.root.parent)
    return replace(identity, origins={**found, **identity.origins})


def _known_runs(treatments: Sequence[Treatment], seeds: Iterable[int], identity: Identity) -> Iterator[PlannedRun]:
    """Some runs, without those of which it is not known what they go on from."""
    for seed in seeds:
        for treatment in treatments:
            with suppress(KeyError):
                yield from plan_runs([treatment], [seed], identity)


def _by_an_older_confirmation(record: Record) -> bool:
    """Whether a version that kept no entries trained it by a command with `--confirm`."""
    if KEPT_EPOCH in record.environment:
        return False
    try:
        return "--confirm" in shlex.split(str(record.environment.get("command", "")))
    except ValueError:  # the command was too long to be kept whole
        return False
