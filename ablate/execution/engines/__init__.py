"""Engines: where runs are trained. The scheduler knows no more of one than this protocol."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from ablate.execution.assignment import Assignment, Outcome

if TYPE_CHECKING:
    from concurrent.futures import Future

Result = TypeVar("Result")


class Engine(Protocol):
    """Workers that train one run at a time each and commit its record to the store before they answer.

    The store alone says what is done. So an engine may lose an answer, or train a run twice; it must not answer for a
    run whose record is not in the store.
    """

    def __len__(self) -> int:
        """How many workers there are."""

    def submit(self, lane: int, assignment: Assignment, timeout: float | None) -> "Future[Outcome]":
        """Send a run to a worker that has nothing to do; `timeout` in seconds, `None` for no limit."""

    def is_silent(self, assignment: Assignment) -> bool:
        """Whether the worker of a run is gone and will not be heard of."""

    def outcome(self, lane: int, assignment: Assignment, future: "Future[Outcome]", timeout: float | None) -> Outcome:
        """What became of a run whose future is done, or whose worker is silent; the lane has a worker again."""

    def spread(self, work: Callable[[Assignment], Result], assignments: Sequence[Assignment]) -> "list[Future[Result]]":
        """Let all workers do some work for finished runs."""

    @property
    def epochs_done(self) -> int:
        """Epochs finished so far, over all runs."""

    def settle(self, assignment: Assignment, epochs: int) -> None:
        """Count a run that is over as so many epochs, however far it came."""

    def stop_after_epoch(self) -> None:
        """Ask all workers to end their runs at the end of the epoch."""

    def close(self, *, kill: bool = False) -> None:
        """End the workers, when they are done or at once."""
