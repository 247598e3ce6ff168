"""How far a study is, as it is told to whoever listens."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Self

from ablate.execution.assignment import Outcome
from ablate.results.identity import PlannedRun


@dataclass
class Progress:
    """How far a study is; handed to a listener after every finished run and a few times a second.

    Attributes:
        total: runs to train.
        total_epochs: the most epochs they can take.
        done: finished runs, by status.
        epochs: epochs trained, or saved by stopping early.
        elsewhere: runs that other invocations are training just now.
        last: the run that finished just now, if that is the occasion.
        notes: what went wrong after the training, in sentences; no run is lost by it.
        started: monotonic time of the beginning, in seconds.
    """

    total: int
    total_epochs: int
    done: dict[str, int] = field(default_factory=lambda: {"ok": 0, "diverged": 0, "failed": 0})
    epochs: int = 0
    elsewhere: int = 0
    last: tuple[PlannedRun, Outcome] | None = None
    notes: tuple[str, ...] = ()
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def of_all(cls, outcomes: Collection[Outcome], notes: tuple[str, ...]) -> Self:
        """What is to be said when all runs are over."""
        epochs = sum(outcome.epochs for outcome in outcomes)
        found = cls(len(outcomes), epochs, epochs=epochs, notes=notes)
        for outcome in outcomes:
            found.done[outcome.status] += 1
        return found

    @property
    def is_preparing(self) -> bool:
        """Whether nothing is trained yet: workers load their libraries and compile the first program."""
        return not self.epochs and not self.finished

    @property
    def finished(self) -> int:
        """Runs that are over, one way or another."""
        return sum(self.done.values())


Listener = Callable[[Progress], None]
