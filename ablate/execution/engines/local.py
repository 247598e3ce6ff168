"""Worker processes on this machine: one lane per job, each a pebble pool of a single fresh process.

A lane works off one run at a time, so a crash or a time-out costs that run alone and is blamed on it, and the
scheduler can send runs of one compiled program to the lane that has it. A lane whose process ended is given a new
pool: the old one's locks and pipes may be held by the dead.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext
from pathlib import Path
from typing import Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from ablate.errors import WorkerError
from ablate.execution import compilation_cache, worker
from ablate.execution.assignment import Assignment, Board, Outcome
from ablate.execution.output import TAIL, Tail
from ablate.reading import memory_limit
from ablate.results.files import process_exists

GROWTH = 2**30  # bytes that a worker may grow by; `model.fit` under XLA keeps 5 MB a run that nobody can give back
SAFE_PATH = "PYTHONSAFEPATH"
SILENCE = 0.5  # seconds after which a process that is gone without a word is taken for one that ended itself
_HASH_SEED = "PYTHONHASHSEED"
Result = TypeVar("Result")


class _Lane:
    """One worker process at a time, and the last of what it printed."""

    def __init__(self, context: SpawnContext, board: Board, compiled: Path | None) -> None:
        self.tail = Tail()
        self.used = False
        self._first_memory = 0
        self._leaving: list[threading.Thread] = []
        self._context = context
        self._arguments = (os.getpid(), board, self.tail.writer, compiled)
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPool:
        pool = ProcessPool(max_workers=1, initializer=worker.start, initargs=self._arguments, context=self._context)
        with _interrupts_blocked(), _equal_hashes():
            if not pool.active:  # asking starts its process
                raise WorkerError("no worker process could be started on this machine")
        return pool

    def send(
        self, work: Callable[[Assignment], Result], assignment: Assignment, timeout: float | None
    ) -> "Future[Result]":
        """Let the process do some work when it is free; a new one, if it died while it had nothing to do."""
        self.used = True
        if not self._pool.active:
            self.renew()
        with _interrupts_blocked():
            future: Future[Result] = self._pool.schedule(work, args=(assignment,), timeout=timeout)
        return future

    def renew(self) -> None:
        """Start a new process in the place of the old, which is ended meanwhile if it is still there."""
        self.end(kill=True)
        leaving = threading.Thread(target=self._pool.join, daemon=True)  # pebble may have begun to start another
        leaving.start()
        self._leaving.append(leaving)
        self._pool = self._new_pool()
        self._first_memory = 0

    def grown_by(self, memory: int) -> int:
        """Bytes that the process has grown by since its first run."""
        self._first_memory = self._first_memory or memory
        return memory - self._first_memory

    def end(self, *, kill: bool) -> None:
        """Ask the process to end: when it is done, or at once. What was never sent anything is not waited for."""
        if kill or not self.used:
            self._pool.stop()  # type: ignore[no-untyped-call]
        else:
            self._pool.close()  # type: ignore[no-untyped-call]

    def join(self) -> None:
        """Wait until it has ended, and those before it."""
        self._pool.join()
        for leaving in self._leaving:
            leaving.join()


class Lanes:
    """Worker processes that are started clean (spawned, never forked) and used until `close`.

    They begin at once to import TensorFlow, which takes seconds; the caller may plan meanwhile. As a context manager
    it closes them, at once after an exception.

    Args:
        jobs: how many.
        assignments: how many runs they may be sent in all.
    """

    def __init__(self, jobs: int, assignments: int) -> None:
        self._closing = ExitStack()
        self._closing.enter_context(_modules_of_no_folder())
        context = multiprocessing.get_context("spawn")
        numbers = context.RawArray("i", assignments), context.RawArray("i", assignments)
        self._board = Board(*numbers, context.RawValue("i", 0))
        compiled = self._closing.enter_context(compilation_cache.lent())
        self._growth = min(GROWTH, memory_limit() * 2 // jobs)  # all together at most a quarter of the machine's
        self._silent: dict[int, float] = {}
        self._ended: set[int] = set()
        self._lanes = [_Lane(context, self._board, compiled) for _ in range(jobs)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self.close(kill=kind is not None)

    def __len__(self) -> int:
        return len(self._lanes)

    def submit(self, lane: int, assignment: Assignment, timeout: float | None) -> "Future[Outcome]":
        """Send a run to a lane that has nothing to do.

        Args:
            lane: which worker.
            assignment: the run.
            timeout: seconds after which its process is ended; `None` for no limit.
        """
        self._lanes[lane].tail.begin()
        self._board.processes[assignment.index] = 0  # it may have been sent before
        self._silent.pop(assignment.index, None)
        return self._lanes[lane].send(worker.run, assignment, timeout)

    def is_silent(self, assignment: Assignment) -> bool:
        """Whether the process of a run is gone and will not be heard of: pebble does not notice an exit code of 0."""
        process = self._board.processes[assignment.index]
        if not process or process_exists(process):
            return False
        since = self._silent.setdefault(assignment.index, time.monotonic())
        return time.monotonic() - since > SILENCE

    def outcome(self, lane: int, assignment: Assignment, future: "Future[Outcome]", timeout: float | None) -> Outcome:
        """What became of a run whose future is done, or whose process is silent.

        What its process left running is ended. After a crash or a time-out, and when it has grown too large, the lane
        gets a new process.
        """
        outcome, alive = _outcome(assignment, future, timeout)
        if outcome.spent or self._lanes[lane].grown_by(outcome.memory) > self._growth:
            self._lanes[lane].renew()
        if outcome.status not in {"failed", "unborn"}:
            return outcome
        log = f"{self._lanes[lane].tail.text()}{outcome.log}"[-TAIL:]
        if not alive:
            self._end_children(assignment)
            self._lanes[lane].renew()
        return replace(outcome, log=log)

    def _end_children(self, assignment: Assignment) -> None:
        """End what a dead worker started and left behind; all of it is in the group that it led."""
        self._end_group(self._board.processes[assignment.index])

    def _end_group(self, group: int) -> None:
        if group and group not in self._ended:  # the system may give a number again
            self._ended.add(group)
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGKILL)

    def spread(self, work: Callable[[Assignment], Result], assignments: Sequence[Assignment]) -> "list[Future[Result]]":
        """Let all lanes do some work for finished runs, such as making Keras models of the weights they kept."""
        return [
            self._lanes[number % len(self)].send(work, assignment, None)
            for number, assignment in enumerate(assignments)
        ]

    @property
    def epochs_done(self) -> int:
        """Epochs finished so far, over all runs."""
        return sum(self._board.epochs)

    def settle(self, assignment: Assignment, epochs: int) -> None:
        """Count a run that is over as so many epochs, however far it came."""
        self._board.epochs[assignment.index] = epochs

    def stop_after_epoch(self) -> None:
        """Ask all workers to end their runs at the end of the epoch; what they were training stays pending."""
        self._board.stop.value = 1

    def close(self, *, kill: bool = False) -> None:
        """End the workers, when they are done or at once, and whatever they left running."""
        lanes, self._lanes = self._lanes, []
        try:
            for lane in lanes:
                lane.end(kill=kill)
            for lane in lanes:
                lane.join()
        except BaseException:
            for lane in lanes:
                lane.end(kill=True)
            raise
        finally:
            for group in set(self._board.processes):
                self._end_group(group)
            for lane in lanes:
                lane.tail.close()
            self._closing.close()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let processes that start here, now or from a pool's own threads, inherit a blocked SIGINT and SIGHUP.

    Ctrl-C and the end of a terminal reach every process of it; a worker that is still starting could not ignore them
    yet, and the helper process of `multiprocessing` would never ignore SIGHUP.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()  # it unblocks SIGINT, so that comes afterwards
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _equal_hashes() -> Iterator[None]:
    """Let processes that start here go through sets of texts in one order, whichever of them trains a run."""
    before = os.environ.get(_HASH_SEED)
    os.environ.setdefault(_HASH_SEED, "0")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_HASH_SEED, None)


@contextmanager
def _modules_of_no_folder() -> Iterator[None]:
    """Let processes that start here find no module in the folder where the command was typed, which may be anybody's.

    Python looks there first for what a fresh process imports.
    """
    if SAFE_PATH in os.environ:
        yield
        return
    os.environ[SAFE_PATH] = worker.SAFE
    try:
        yield
    finally:
        os.environ.pop(SAFE_PATH, None)


def _outcome(assignment: Assignment, future: "Future[Outcome]", timeout: float | None) -> tuple[Outcome, bool]:
    """What became of a run, and whether its process is still there."""
    try:
        if future.done():
            return future.result(), True
        future.cancel()
        reason = "its process ended itself with exit code 0 before the run was over"
    except FutureTimeoutError:
        reason = f"stopped after {timeout:g} s (--timeout)"
    except ProcessExpired as error:
        reason = _reason(error.exitcode)
    except BrokenProcessPool:
        return Outcome(assignment.key, "unborn", "a worker process ended before it began to train"), False
    except CancelledError:
        return Outcome(assignment.key, "stopped"), False
    return Outcome(assignment.key, "failed", reason), False


def _reason(code: int) -> str:
    """Why a process is gone, by its exit code, which is negative if a signal ended it."""
    if code >= 0:
        return f"its process ended itself with exit code {code} before the run was over"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
        match -code:
            case signal.SIGKILL:
                return f"its process was killed ({name}), by hand or because memory ran out"
            case signal.SIGSEGV | signal.SIGBUS | signal.SIGILL | signal.SIGFPE | signal.SIGABRT:
                return f"its process crashed ({name})"
            case _:
                return f"its process was ended by {name}"
    return f"its process was ended by signal {-code}"
