"""Carries out the pending runs of a study: feeds the lanes, records failures, tells of progress, stops when asked."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path

from ablate.errors import StoreError, WorkerError
from ablate.execution import local
from ablate.execution.queue import RunQueue, Task, guess_epoch_seconds
from ablate.execution.worker import Assignment, Outcome
from ablate.results.identity import Identity, PlannedRun, data_name
from ablate.results.record import Failure, TrainerName
from ablate.results.store import Store, utc_now

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Options:
    """How runs are carried out; none of it changes what they find.

    Attributes:
        jobs: worker processes.
        trainer: `compiled` or `fit`.
        timeout: seconds a run may take; `None` for no limit.
        budget: seconds after which runs end at their epoch and stay pending; `None` for no limit.
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


def execute(
    runs: Sequence[PlannedRun],
    lanes: local.Lanes,
    identity: Identity,
    store: Store,
    folder: Path,
    options: Options,
    listener: Listener = lambda progress: None,
    stop: StopSignal | None = None,
    *,
    keep_weights: bool = False,
) -> Mapping[str, Outcome]:
    """Train runs that the store does not have yet.

    Args:
        runs: what to train; equal keys are trained once.
        lanes: the workers.
        identity: their data and libraries.
        store: where records and failures go.
        folder: where relative paths of the study start.
        options: how.
        listener: hears of progress.
        stop: watched for a wish to stop.
        keep_weights: keep what the networks have learned in the store, for `save_models`.

    Returns:
        What became of each run, by key; runs that were not begun are missing.
    """
    pairs = [
        (run, _assignment(index, run, identity, store, folder, options.trainer, keep_weights=keep_weights))
        for index, run in enumerate({run.key: run for run in runs}.values())
    ]
    if not pairs:
        return {}
    settings = pairs[0][0].treatment.settings
    queue = RunQueue(pairs, guess_epoch_seconds(settings, identity.data[data_name(settings.data)]))
    session = _Session(pairs, queue, lanes, store, options, listener, stop or StopSignal())
    session.work()
    if session.stop.level > 1:
        lanes.close(kill=True)
    return session.outcomes


def save_models(runs: Sequence[PlannedRun], lanes: local.Lanes, identity: Identity, store: Store, folder: Path) -> None:
    """Turn the kept weights of some runs into Keras models.

    Args:
        runs: whose weights the store has.
        lanes: the workers.
        identity: data and libraries of the runs.
        store: where weights are and models go.
        folder: where relative paths of the study start.

    Raises:
        StoreError: one could not be written.
    """
    lanes.save_models([_assignment(0, run, identity, store, folder, "compiled", keep_weights=False) for run in runs])


def _assignment(
    index: int,
    run: PlannedRun,
    identity: Identity,
    store: Store,
    folder: Path,
    trainer: TrainerName,
    *,
    keep_weights: bool,
) -> Assignment:
    settings = run.treatment.settings
    digest = identity.data[data_name(settings.data)].digest
    plain_settings = settings.model_dump(exclude_none=True)
    return Assignment(index, run.key, plain_settings, run.seed, folder, digest, store.root, trainer, keep_weights)


class _Session:
    """One call of `execute`: lanes at work until the queue is empty or somebody wants to stop."""

    def __init__(
        self,
        pairs: Sequence[Task],
        queue: RunQueue,
        lanes: local.Lanes,
        store: Store,
        options: Options,
        listener: Listener,
        stop: StopSignal,
    ) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.stop = stop
        self._queue = queue
        self._lanes = lanes
        self._store = store
        self._options = options
        self._listener = listener
        epochs = sum(run.treatment.settings.training.epochs for run, _ in pairs)
        self._progress = Progress(len(pairs), epochs)
        self._busy: dict[Future[Outcome], tuple[int, PlannedRun, Assignment]] = {}

    def work(self) -> None:
        self._feed_idle()
        while self._busy:
            finished, _ = wait(self._busy, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            if self.stop.level > 1:
                return  # processes that end now were ended; their runs stay pending
            for future in finished:
                _, run, assignment = self._busy.pop(future)
                self._settle(run, assignment, local.outcome(assignment, future, self._options.timeout))
            self._feed_idle()
            if self.stop.level or self._over_budget():
                self._lanes.stop_after_epoch()
            self._progress.epochs = self._lanes.epochs_done
            self._tell(None)

    def _over_budget(self) -> bool:
        budget = self._options.budget
        return budget is not None and time.monotonic() - self._progress.started >= budget

    def _feed_idle(self) -> None:
        working = {lane for lane, _, _ in self._busy.values()}
        for lane in range(len(self._lanes)):
            if lane not in working:
                self._feed(lane)

    def _feed(self, lane: int) -> None:
        if self.stop.level or self._over_budget():
            return
        task = self._queue.take(lane)
        if task is not None:
            run, assignment = task
            future = self._lanes.submit(lane, assignment, self._options.timeout)
            self._busy[future] = (lane, run, assignment)

    def _settle(self, run: PlannedRun, assignment: Assignment, outcome: Outcome) -> None:
        if outcome.status == "unable":
            raise WorkerError(outcome.message)
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
