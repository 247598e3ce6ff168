"""Hands pending runs to worker lanes so that all lanes finish together and programs are compiled as rarely as pays.

Runs are grouped by what they can share of a compiled program. A free lane goes on with the group it has compiled;
else it takes the largest group that no lane works on; else it helps where most is left to do, if that is worth a
compilation of its own.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ablate.errors import StoreError
from ablate.execution import local
from ablate.execution.worker import Assignment, Outcome
from ablate.results.identity import Identity, PlannedRun, canonical_json, data_name
from ablate.results.record import Failure
from ablate.results.store import Store, utc_now
from ablate.study.levels import plain
from ablate.study.settings import RunSettings

TrainerName = Literal["compiled", "fit"]

COMPILATION_SECONDS = 3.0  # what compiling one more program costs, as measured on two machines; only scheduling uses it
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Options:
    """How runs are carried out; none of it changes what they find.

    Attributes:
        jobs: worker processes.
        trainer: `compiled` or `fit`.
        timeout: seconds a run may take; `None` for no limit.
        budget: seconds after which no further run is begun; `None` for no limit.
        fail_fast: stop at the first failed run.
    """

    jobs: int
    trainer: TrainerName = "compiled"
    timeout: float | None = None
    budget: float | None = None
    fail_fast: bool = False


@dataclass
class Progress:
    """How far a study is; handed to a listener after every finished run and a few times a second.

    Attributes:
        total: runs to train.
        total_epochs: the most epochs they can take.
        done: finished runs, by status.
        epochs: epochs trained, or saved by stopping early.
        last: the run that finished just now, if that is the occasion.
        started: monotonic time of the beginning, in seconds.
    """

    total: int
    total_epochs: int
    done: dict[str, int] = field(default_factory=lambda: {"ok": 0, "diverged": 0, "failed": 0})
    epochs: int = 0
    last: tuple[PlannedRun, Outcome] | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def finished(self) -> int:
        """Runs that are over, one way or another."""
        return sum(self.done.values())


@dataclass
class StopSignal:
    """Set from a signal handler: 1 ends runs after their epoch, 2 at once."""

    level: int = 0


Listener = Callable[[Progress], None]


def group_of(settings: RunSettings) -> bytes:
    """What runs must have in common to share a compiled program, as far as can be told without TensorFlow."""
    optimizer = {key: value for key, value in plain(settings.remedies.optimizer).items() if key != "learning_rate"}
    return canonical_json(
        {
            "data": settings.data.model_dump(),
            "model": settings.model.model_dump(),
            "batch_size": settings.training.batch_size,
            "batch_norm": settings.by_layer("batch_norm"),
            "optimizer": optimizer,
        }
    )


class _Queue:
    """Pending runs by group, and which lane has compiled what."""

    def __init__(self, assignments: Sequence[tuple[PlannedRun, Assignment]]) -> None:
        self._groups: dict[bytes, list[tuple[PlannedRun, Assignment]]] = {}
        for run, assignment in assignments:
            self._groups.setdefault(group_of(run.treatment.settings), []).append((run, assignment))
        self._compiled: dict[bytes, set[int]] = {group: set() for group in self._groups}
        self._current: dict[int, bytes] = {}
        self._epochs = 0
        self._seconds = 0.0

    def take(self, lane: int) -> tuple[PlannedRun, Assignment] | None:
        """The next run for a lane; `None` if nothing is worth its while."""
        group = self._choose(lane)
        if group is None:
            return None
        self._compiled[group].add(lane)
        self._current[lane] = group
        return self._groups[group].pop(0)

    def learn(self, outcome: Outcome) -> None:
        """Take note of how long epochs last here; runs that compiled something say little about it."""
        if not outcome.compiled:
            self._epochs += outcome.epochs
            self._seconds += outcome.seconds

    def _choose(self, lane: int) -> bytes | None:
        open_groups = {group: self._work(group) for group, runs in self._groups.items() if runs}
        if not open_groups:
            return None
        ready = [group for group in open_groups if lane in self._compiled[group]]
        if ready:
            current = self._current.get(lane)
            return current if current in ready else ready[0]
        untouched = [group for group in open_groups if not self._compiled[group]]
        if untouched:
            return max(untouched, key=open_groups.__getitem__)
        largest = max(open_groups, key=open_groups.__getitem__)
        seconds = open_groups[largest] * (self._seconds / self._epochs if self._epochs else 0.0)
        return largest if seconds > COMPILATION_SECONDS else None

    def _work(self, group: bytes) -> int:
        return sum(run.treatment.settings.training.epochs for run, _ in self._groups[group])


def execute(
    runs: Sequence[PlannedRun],
    identity: Identity,
    store: Store,
    folder: Path,
    options: Options,
    listener: Listener = lambda progress: None,
    stop: StopSignal | None = None,
) -> Mapping[str, Outcome]:
    """Train runs that the store does not have yet.

    Args:
        runs: what to train; equal keys are trained once.
        identity: their data and libraries.
        store: where records and failures go.
        folder: where relative paths of the study start.
        options: how.
        listener: hears of progress.
        stop: watched for a wish to stop.

    Returns:
        What became of each run, by key; runs that were not begun are missing.
    """
    pairs = [
        (run, _assignment(index, run, identity, store, folder, options))
        for index, run in enumerate({run.key: run for run in runs}.values())
    ]
    if not pairs:
        return {}
    lanes = local.Lanes(min(options.jobs, len(pairs)), len(pairs))
    session = _Session(pairs, lanes, store, options, listener, stop or StopSignal())
    try:
        session.work()
    except BaseException:
        lanes.close(kill=True)
        raise
    lanes.close(kill=session.stop.level > 1)
    return session.outcomes


def _assignment(
    index: int, run: PlannedRun, identity: Identity, store: Store, folder: Path, options: Options
) -> Assignment:
    settings = run.treatment.settings
    digest = identity.data[data_name(settings.data)].digest
    plain_settings = settings.model_dump(exclude_none=True)
    return Assignment(index, run.key, plain_settings, run.seed, folder, digest, store.root, options.trainer)


class _Session:
    """One call of `execute`: lanes at work until the queue is empty or somebody wants to stop."""

    def __init__(
        self,
        pairs: Sequence[tuple[PlannedRun, Assignment]],
        lanes: local.Lanes,
        store: Store,
        options: Options,
        listener: Listener,
        stop: StopSignal,
    ) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.stop = stop
        self._queue = _Queue(pairs)
        self._lanes = lanes
        self._store = store
        self._options = options
        self._listener = listener
        epochs = sum(run.treatment.settings.training.epochs for run, _ in pairs)
        self._progress = Progress(len(pairs), epochs)
        self._busy: dict[Future[Outcome], tuple[int, PlannedRun, Assignment]] = {}

    def work(self) -> None:
        for lane in range(len(self._lanes)):
            self._feed(lane)
        while self._busy:
            finished, _ = wait(self._busy, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            for future in finished:
                lane, run, assignment = self._busy.pop(future)
                self._settle(run, assignment, local.outcome(assignment, future, self._options.timeout))
                self._feed(lane)
            if self.stop.level:
                self._lanes.stop_after_epoch()
            if self.stop.level > 1:
                return
            self._progress.epochs = self._lanes.epochs_done
            self._tell(None)

    def _feed(self, lane: int) -> None:
        budget = self._options.budget
        over = budget is not None and time.monotonic() - self._progress.started >= budget
        if self.stop.level or over:
            return
        task = self._queue.take(lane)
        if task is not None:
            run, assignment = task
            future = self._lanes.submit(lane, assignment, self._options.timeout)
            self._busy[future] = (lane, run, assignment)

    def _settle(self, run: PlannedRun, assignment: Assignment, outcome: Outcome) -> None:
        if outcome.status == "unwritable":
            raise StoreError(outcome.message)
        if outcome.status == "stopped":
            return
        self.outcomes[run.key] = outcome
        self._queue.learn(outcome)
        self._lanes.settle(assignment, run.treatment.settings.training.epochs)
        self._progress.done[outcome.status] += 1
        self._progress.epochs = self._lanes.epochs_done
        if outcome.status == "failed":
            self._store.record_failure(run.key, Failure(outcome.message, outcome.log, utc_now()))
            if self._options.fail_fast:
                self.stop.level = max(self.stop.level, 1)
        self._tell((run, outcome))

    def _tell(self, last: tuple[PlannedRun, Outcome] | None) -> None:
        self._progress.last = last
        self._listener(self._progress)
