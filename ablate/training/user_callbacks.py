"""The user's callbacks in a training: made anew for each, and watched for what a compiled program cannot follow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras

from ablate.results.record import TrainerName
from ablate.settings.seeds import Stream, derive
from ablate.training.callbacks import Logs, has_batch_hooks
from ablate.training.isolation.isolation import Isolation
from ablate.training.program import AlteredError, Program
from ablate.training.run import Run


@dataclass(frozen=True)
class UserCallbacks:
    """The user's callbacks of a run.

    Attributes:
        make: makes new ones, for one training.
        isolation: of this process, which their code may change.
    """

    make: Callable[[], Sequence[keras.callbacks.Callback]]
    isolation: Isolation

    def with_batch_hooks(self) -> list[str]:
        """The classes of those that have hooks for every batch."""
        with self.isolation.part():
            return [type(callback).__name__ for callback in self.make() if has_batch_hooks(callback)]

    def made(self, run: Run, trainer: TrainerName, program: Program | None) -> list[keras.callbacks.Callback]:
        """New ones, and behind them one that leaves the run to `fit` where they change what is to be traced.

        A program is shared: variables may differ between the runs that it trains, and nothing else.

        Args:
            run: which they are for.
            trainer: of the run.
            program: which it is to be trained by; `None` for `fit`.
        """

        def look(epoch: int, _logs: Logs | None = None) -> None:
            changes = self.isolation.has_program_changes
            if epoch == 0 and program and (program.is_altered or changes(run.program_key(trainer))):
                raise AlteredError

        keras.utils.set_random_seed(derive(run.seed, Stream.CODE))
        made = self.make()
        return [*made, keras.callbacks.LambdaCallback(on_epoch_begin=look)] if made else []
