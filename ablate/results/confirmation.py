"""Fresh seeds for the baseline and the best treatment: what chose nothing cannot be flattered by the choice."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ablate.results import origins
from ablate.results.identity import Identity, PlannedRun, plan_runs
from ablate.study.design import Treatment
from ablate.study.spec import Study

_SEEDS = 2**32


def fresh_seeds(seeds: Sequence[int]) -> list[int]:
    """As many seeds that are not among the given ones, from the one after the largest on."""
    counted = ((max(seeds) + step) % _SEEDS for step in itertools.count(1))
    return list(itertools.islice((seed for seed in counted if seed not in seeds), len(seeds)))


def plan(
    study: Study, treatments: Iterable[Treatment], best: str, identity: Identity, reports: Path
) -> tuple[Identity, list[PlannedRun]]:
    """The runs of the baseline and the best treatment with fresh seeds.

    Args:
        study: the study.
        treatments: its treatments.
        best: name of the best one.
        identity: its data and libraries.
        reports: the folder that holds the results of studies.

    Returns:
        The identity, with what these runs go on from, and the runs.

    Raises:
        StudyError: the study goes on from another one, which has no runs with these seeds.
    """
    fresh = replace(study, seeds=tuple(fresh_seeds(study.seeds)))
    chosen = [treatment for treatment in treatments if treatment.name in ("baseline", best)]
    found = {**identity.origins, **origins.find(fresh, chosen, identity, reports)}
    identity = replace(identity, origins=found)
    return identity, plan_runs(chosen, fresh.seeds, identity)
