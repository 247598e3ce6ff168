"""Worker processes on this machine: one lane per job, each a pebble pool of a single fresh process.

A lane works off one run at a time, so a crash or a time-out costs that run alone and is blamed on it, and the
scheduler can send runs of one compiled program to the lane that has it.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from typing import Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from ablate.errors import AblateError, StoreError
from ablate.execution import compilation_cache, worker
from ablate.execution.worker import Assignment, Outcome

Result = TypeVar("Result")


class Lanes:
    """Worker processes that are started clean (spawned, never forked) and used until `close`.

    They begin at once to import TensorFlow, which takes seconds; the caller may plan meanwhile. As a context manager
    it closes them, at once after an exception.

    Args:
        jobs: how many.
        assignments: how many runs they may be sent in all.
    """

    def __init__(self, jobs: int, assignments: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._epochs = self._context.RawArray("i", assignments)
        self._stop = self._context.RawValue("i", 0)
        self._closing = ExitStack()
        self._compiled = self._closing.enter_context(compilation_cache.lent())
        self._used: set[int] = set()
        self._pools = [self._new_pool() for _ in range(jobs)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self.close(kill=kind is not None)

    def _new_pool(self) -> ProcessPool:
        arguments = (os.getpid(), self._epochs, self._stop, self._compiled)
        pool = ProcessPool(max_workers=1, initializer=worker.start, initargs=arguments, context=self._context)
        with _interrupts_blocked():
            assert pool.active  # asking starts its process
        return pool

    def __len__(self) -> int:
        return len(self._pools)

    def submit(self, lane: int, assignment: Assignment, timeout: float | None) -> "Future[Outcome]":
        """Send a run to a lane; it begins when the lane is free.

        Args:
            lane: which worker.
            assignment: the run.
            timeout: seconds after which its process is ended; `None` for no limit.
        """
        return self._send(lane, worker.run, assignment, timeout)

    def save_models(self, assignments: Sequence[Assignment]) -> None:
        """Turn the weights that runs kept into Keras models, all lanes at once.

        Raises:
            StoreError: one could not be written.
        """
        futures = [
            self._send(number % len(self), worker.save_model, assignment, None)
            for number, assignment in enumerate(assignments)
        ]
        for future in futures:
            try:
                future.result()
            except AblateError:
                raise
            except Exception as error:
                raise StoreError(f"a trained network could not be saved: {error}") from error

    def _send(
        self, lane: int, work: Callable[[Assignment], Result], assignment: Assignment, timeout: float | None
    ) -> "Future[Result]":
        self._used.add(lane)
        with _interrupts_blocked():
            if not self._pools[lane].active:  # its process died while it had nothing to do
                self._pools[lane] = self._new_pool()
            future: Future[Result] = self._pools[lane].schedule(work, args=(assignment,), timeout=timeout)
        return future

    @property
    def epochs_done(self) -> int:
        """Epochs finished so far, over all runs."""
        return sum(self._epochs)

    def settle(self, assignment: Assignment, epochs: int) -> None:
        """Count a run that is over as so many epochs, however far it came."""
        self._epochs[assignment.index] = epochs

    def stop_after_epoch(self) -> None:
        """Ask all workers to end their runs at the end of the epoch; what they were training stays pending."""
        self._stop.value = 1

    def close(self, *, kill: bool = False) -> None:
        """End the workers: when they are done, or at once. What was never sent a run is not waited for."""
        pools, self._pools = self._pools, []
        for lane, pool in enumerate(pools):
            if kill or lane not in self._used:
                pool.stop()  # type: ignore[no-untyped-call]
            else:
                pool.close()  # type: ignore[no-untyped-call]
        for pool in pools:
            pool.join()
        self._closing.close()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let processes that start here, now or from a pool's own threads, inherit a blocked SIGINT.

    Ctrl-C reaches every process of a terminal; a worker that is still importing could not ignore it yet.
    """
    resource_tracker.ensure_running()  # when it is started later, it unblocks SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def outcome(assignment: Assignment, future: "Future[Outcome]", timeout: float | None) -> Outcome:
    """What became of a finished future, crashes and time-outs included."""
    try:
        return future.result()
    except FutureTimeoutError:
        return Outcome(assignment.key, "failed", f"stopped after {timeout:g} s without an end (--timeout)")
    except ProcessExpired as error:
        return Outcome(assignment.key, "failed", f"its process ended with exit code {error.exitcode}")
    except BrokenProcessPool:
        return Outcome(assignment.key, "failed", "its process ended before the run began")
    except CancelledError:
        return Outcome(assignment.key, "stopped")
