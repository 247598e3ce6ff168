"""Carries out the pending runs of a study: feeds the lanes, records failures, tells of progress, stops when asked."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ablate.errors import StoreError, WorkerError
from ablate.execution import surroundings
from ablate.execution.assignment import Assignment, Outcome
from ablate.execution.engines import Engine
from ablate.execution.progress import Listener, Progress
from ablate.execution.queue import RunQueue, Task, guess_epoch_seconds
from ablate.results.claims import Claims
from ablate.results.identity import Identity, PlannedRun, data_name, origin_name
from ablate.results.record import Failure, Record, TrainerName
from ablate.results.store import Store, utc_now

POLL_SECONDS = 0.1
ENOUGH_UNBORN = 3  # processes that end before they train, one after the other, until it is pointless to go on
GRACE_SECONDS = 5.0  # beyond the budget for the epochs that are being trained
MARGIN = 1.25  # times the longest run so far: what has to be left of the budget for one more


@dataclass(frozen=True)
class Options:
    """How runs are carried out; none of it changes what they find.

    Attributes:
        jobs: worker processes.
        trainer: `compiled` or `fit`.
        timeout: seconds a run may take; `None` for no limit.
        budget: seconds, from the making of this object, after which runs end at their epoch, or `GRACE_SECONDS`
            later, and stay pending; `None` for no limit.
        fail_fast: stop at the first failed run.
        trust_model: whether models that come in files may be loaded.
        whole: begin no run that the budget would probably cut off, judged by the longest so far.
        began: monotonic time at which the budget begins to count, in seconds.
    """

    jobs: int
    trainer: TrainerName = "compiled"
    timeout: float | None = None
    budget: float | None = None
    fail_fast: bool = False
    trust_model: bool = False
    whole: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def overtime(self) -> float:
        """Seconds beyond the budget; negative within it."""
        return -math.inf if self.budget is None else time.monotonic() - self.began - self.budget


@dataclass
class StopSignal:
    """A wish to stop, set from a signal handler.

    Attributes:
        level: 1 ends runs after their epoch, 2 at once.
        is_watched: whether somebody looks at the level, now.
    """

    level: int = 0
    is_watched: bool = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A part of the work that heeds the level."""
        self.is_watched = True
        try:
            yield
        finally:
            self.is_watched = False


def execute(
    runs: Sequence[PlannedRun],
    lanes: Engine,
    identity: Identity,
    store: Store,
    folder: Path,
    options: Options,
    listener: Listener = lambda progress: None,
    stop: StopSignal | None = None,
    *,
    keep_weights: bool = False,
    attempts: Mapping[str, int] | None = None,
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
        attempts: how often runs had failed when the study was begun, by key, 0 for others: a run that has failed more
            often since is not tried again. By default, how often they have failed by now.

    Returns:
        What became of each run, by key; runs that were not begun are missing.
    """
    around = surroundings.describe(folder) if runs else {}
    pairs = [
        (
            run,
            assignment(index, run, identity, store, folder, options.trainer, keep_weights=keep_weights, around=around),
        )
        for index, run in enumerate({run.key: run for run in runs}.values())
    ]
    if not pairs:
        return {}
    settings = pairs[0][0].treatment.settings
    queue = RunQueue(pairs, guess_epoch_seconds(settings, identity.data[data_name(settings.data)]))
    with closing(Claims(store.root)) as claims:
        before = {run.key: store.attempts(run.key) for run, _ in pairs} if attempts is None else attempts
        session = _Session(pairs, queue, lanes, store, claims, options, listener, stop or StopSignal(), before)
        session.work()
    return session.outcomes


def assignment(
    index: int,
    run: PlannedRun,
    identity: Identity,
    store: Store,
    folder: Path,
    trainer: TrainerName,
    *,
    keep_weights: bool,
    around: Mapping[str, str] | None = None,
) -> Assignment:
    """A run as it is sent to a worker; see `Assignment`."""
    settings = run.treatment.settings
    digest = identity.data[data_name(settings.data)].digest
    plain_settings = settings.model_dump(exclude_none=True)
    root = store.root.absolute()  # a run may change the working directory of its process
    return Assignment(
        index=index,
        key=run.key,
        settings=plain_settings,
        seed=run.seed,
        folder=folder,
        data_digest=digest,
        code={name: identity.code[name] for name in settings.code},
        model_file=identity.files[settings.model.file] if settings.model.file is not None else None,
        store=root,
        trainer=trainer,
        keep_weights=keep_weights,
        origin=_origin(run, identity, root),
        treatment=dict(run.treatment.levels),
        surroundings=around or {},
    )


def _origin(run: PlannedRun, identity: Identity, root: Path) -> tuple[Path, str] | None:
    """Where the weights are that a run starts from: a study's folder and the key of its run."""
    settings = run.treatment.settings
    name = settings.training.continue_from
    return (root.parent / name, identity.origins[origin_name(settings, run.seed)]) if name is not None else None


def of_record(record: Record) -> Outcome:
    """What a record says of its run."""
    epochs, (metric, score) = int(record.result["stopped_epoch"]), record.headline
    seconds = record.seconds["total"]
    return Outcome(record.key, record.status, epochs=epochs, metric=metric, score=score, seconds=seconds)


class _Session:
    """One call of `execute`: lanes at work until there is nothing left to do or somebody wants to stop."""

    def __init__(
        self,
        pairs: Sequence[Task],
        queue: RunQueue,
        lanes: Engine,
        store: Store,
        claims: Claims,
        options: Options,
        listener: Listener,
        stop: StopSignal,
        attempts: Mapping[str, int],
    ) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._stop = stop
        self._queue = queue
        self._lanes = lanes
        self._store = store
        self._claims = claims
        self._options = options
        self._listener = listener
        epochs = sum(run.treatment.settings.training.epochs for run, _ in pairs)
        self._progress = Progress(len(pairs), epochs)
        self._busy: dict[Future[Outcome], tuple[int, Task]] = {}
        self._elsewhere: dict[str, Task] = {}
        self._unborn = 0
        self._longest = 0.0
        self._attempts = attempts

    def work(self) -> None:
        self._feed_idle()
        while self._busy or (self._elsewhere and not self._is_too_late()):
            self._wait()
            self._claims.renew()
            if self._stop.level > 1 or self._options.overtime > GRACE_SECONDS:
                self._lanes.close(kill=True)  # what was being trained stays pending
                return
            for future, (lane, task) in list(self._busy.items()):
                if future.done() or self._lanes.is_silent(task[1]):
                    del self._busy[future]
                    self._settle(task, self._lanes.outcome(lane, task[1], future, self._options.timeout))
            self._look_elsewhere()
            self._feed_idle()
            if self._is_ending():
                self._lanes.stop_after_epoch()
            self._progress.epochs = self._lanes.epochs_done
            self._tell(None)

    def _wait(self) -> None:
        if self._busy:
            wait(self._busy, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        else:
            time.sleep(POLL_SECONDS)

    def _is_ending(self) -> bool:
        return self._stop.level > 0 or self._options.overtime > 0

    def _is_too_late(self) -> bool:
        """Whether no more runs are begun."""
        return self._is_ending() or (self._options.whole and -self._options.overtime < MARGIN * self._longest)

    def _feed_idle(self) -> None:
        working = {lane for lane, _ in self._busy.values()}
        for lane in range(len(self._lanes)):
            if lane not in working:
                self._feed(lane)

    def _feed(self, lane: int) -> None:
        while not self._is_too_late():
            task = self._queue.take(lane)
            if task is None:
                return
            if self._is_ours(task):
                future = self._lanes.submit(lane, task[1], self._options.timeout)
                self._busy[future] = lane, task
                return

    def _is_ours(self, task: Task) -> bool:
        """Whether to train a run here: no other invocation is at it, nor was since this one began."""
        key = task[0].key
        if self._store.has(self._store.record_path(key)) and self._is_settled(task):
            return False  # no need to claim it
        if self._claims.take(key):
            return not self._is_settled(task)
        self._elsewhere[key] = task
        return False

    def _look_elsewhere(self) -> None:
        """See what other invocations have finished, and take over what they gave up."""
        for key, task in list(self._elsewhere.items()):
            if self._claims.take(key):
                del self._elsewhere[key]
                if not self._is_settled(task):
                    self._queue.put_back(task)

    def _is_settled(self, task: Task) -> bool:
        """Whether a run that is claimed here was finished, or has failed, elsewhere since this invocation began."""
        run, assignment = task
        if (record := self._store.load(run.key)) is not None:
            outcome = replace(of_record(record), seconds=0.0, elsewhere=True)
        elif self._store.attempts(run.key) > self._attempts.get(run.key, 0):
            failure = self._store.last_failure(run.key)
            outcome = Outcome(run.key, "failed", failure.reason if failure else "elsewhere", elsewhere=True)
        else:
            return False
        self._finish(run, assignment, outcome)
        return True

    def _settle(self, task: Task, outcome: Outcome) -> None:
        run, assignment = task
        if outcome.status == "unable":
            raise WorkerError(outcome.message)
        if outcome.status == "unwritable":
            raise StoreError(outcome.message)
        if outcome.status in {"failed", "unborn"} and (record := self._store.load(run.key)) is not None:
            outcome = of_record(record)  # its worker was gone before it could answer
        if outcome.status == "failed":
            self._store.record_failure(run.key, Failure(outcome.message, outcome.log, utc_now()))
        if outcome.status == "stopped":
            self._claims.give_back(run.key)
            return
        if outcome.status == "unborn":  # not this run's fault, so far as is known
            self._unborn += 1
            if self._unborn >= ENOUGH_UNBORN:
                raise WorkerError(f"{outcome.message}, {self._unborn} times in a row. It printed:\n{outcome.log}")
            self._queue.put_back(task)
            return
        self._unborn = 0
        self._longest = max(self._longest, outcome.seconds)
        self._queue.learn(outcome)
        self._finish(run, assignment, outcome)
        if outcome.refused and not self._is_ending():
            self._refuse_like(run, outcome)

    def _refuse_like(self, run: PlannedRun, outcome: Outcome) -> None:
        """Let the other runs of a structure that cannot be trained fail at once, for the same reason."""
        for task in self._queue.drop_like(run):
            if self._is_ours(task):
                other = replace(outcome, key=task[0].key, seconds=0.0)
                self._store.record_failure(other.key, Failure(outcome.message, outcome.log, utc_now()))
                self._finish(*task, other)

    def _finish(self, run: PlannedRun, assignment: Assignment, outcome: Outcome) -> None:
        self._claims.give_back(run.key)
        self.outcomes[run.key] = outcome
        self._lanes.settle(assignment, run.treatment.settings.training.epochs)
        self._progress.done[outcome.status] += 1
        self._progress.epochs = self._lanes.epochs_done
        if outcome.status == "failed" and self._options.fail_fast:
            self._stop.level = max(self._stop.level, 1)
        self._tell((run, outcome))

    def _tell(self, last: tuple[PlannedRun, Outcome] | None) -> None:
        self._progress.last = last
        self._progress.elsewhere = len(self._elsewhere)
        self._listener(self._progress)
