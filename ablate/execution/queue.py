"""Which lane trains which run next: programs are compiled as rarely as pays, and all lanes end together.

Runs are grouped by what they can share of a compiled program. A free lane goes on with the group it has compiled;
else it takes the largest group that no lane works on; else it helps where most is left to do, if that is worth a
compilation of its own.
"""

import itertools
from collections import deque
from collections.abc import Sequence

from ablate.execution.assignment import Assignment, Outcome
from ablate.results.identity import DataFacts, PlannedRun
from ablate.settings.run import RunSettings
from ablate.settings.structure import structure_name

COMPILATION_SECONDS = 2.0  # what one more program costs, as measured; it decides about order, never about results
FLOPS = 5e10  # of one core, for the guess before the first run is over
Task = tuple[PlannedRun, Assignment]


def guess_epoch_seconds(settings: RunSettings, data: DataFacts) -> float:
    """Seconds of an epoch by arithmetic alone: six operations per weight and example, forward and backward.

    A model of the user's counts as one with a hidden layer as wide as an example.
    """
    widths = [data.features, *(settings.model.hidden or [data.features]), data.classes or 1]
    weights = sum(before * after for before, after in itertools.pairwise(widths))
    return 6 * weights * (settings.data.train_size or data.rows) / FLOPS


class RunQueue:
    """Pending runs by group, and which lane has compiled what.

    Args:
        tasks: runs with their assignments, in the order they should be trained in.
        epoch_seconds: how long an epoch may take, until `learn` knows better.
    """

    def __init__(self, tasks: Sequence[Task], epoch_seconds: float) -> None:
        self._pending: dict[bytes, deque[Task]] = {}
        self._epochs_left: dict[bytes, int] = {}
        for run, assignment in tasks:
            group = structure_name(run.treatment.settings)
            self._pending.setdefault(group, deque()).append((run, assignment))
            self._epochs_left[group] = self._epochs_left.get(group, 0) + run.treatment.settings.training.epochs
        self._compiled: dict[bytes, set[int]] = {group: set() for group in self._pending}
        self._current: dict[int, bytes] = {}
        self._guess = epoch_seconds
        self._epochs = 0
        self._seconds = 0.0

    def take(self, lane: int) -> Task | None:
        """The next run for a lane; `None` if nothing is worth its while now."""
        group = self._choose(lane)
        if group is None:
            return None
        self._compiled[group].add(lane)
        self._current[lane] = group
        task = self._pending[group].popleft()
        self._epochs_left[group] -= task[0].treatment.settings.training.epochs
        return task

    def put_back(self, task: Task) -> None:
        """Have a run trained after all."""
        group = structure_name(task[0].treatment.settings)
        self._pending[group].append(task)
        self._epochs_left[group] += task[0].treatment.settings.training.epochs

    def drop_like(self, run: PlannedRun) -> list[Task]:
        """Take out all pending runs of the structure of a run."""
        group = structure_name(run.treatment.settings)
        found = list(self._pending[group])
        self._pending[group].clear()
        self._epochs_left[group] = 0
        return found

    def learn(self, outcome: Outcome) -> None:
        """Take note of how long epochs last here; runs that compiled something say little about it."""
        if not outcome.compiled:
            self._epochs += outcome.epochs
            self._seconds += outcome.seconds

    def _choose(self, lane: int) -> bytes | None:
        open_groups = [group for group, tasks in self._pending.items() if tasks]
        if not open_groups:
            return None
        ready = [group for group in open_groups if lane in self._compiled[group]]
        if ready:
            current = self._current.get(lane)
            return current if current in ready else ready[0]
        untouched = [group for group in open_groups if not self._compiled[group]]
        largest = max(untouched or open_groups, key=self._epochs_left.__getitem__)
        per_epoch = self._seconds / self._epochs if self._epochs else self._guess
        worth_it = self._epochs_left[largest] * per_epoch > COMPILATION_SECONDS
        return largest if untouched or worth_it else None
