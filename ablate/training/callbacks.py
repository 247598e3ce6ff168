"""The Keras callbacks of a run: what is recorded every epoch, and the rules that stop it."""

import hashlib
import math
import time
from collections.abc import Callable, Sequence

import keras
import numpy as np
import numpy.typing as npt

from ablate.settings.levels import Cosine, EarlyStopping, Plateau, Step
from ablate.settings.metrics import USUAL, Measured, gap, lower_is_better
from ablate.training.isolation.own import CallbackRun, keep_apart, made_by
from ablate.usercode import code

Logs = dict[str, float]
Weights = list[npt.NDArray[np.float32]]

BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")


def _mode(monitor: str) -> str:
    return "min" if lower_is_better(monitor) else "max"


class History(keras.callbacks.Callback):
    """Keeps every per-epoch column, and notes whether a loss stopped being finite (which ends the run).

    Args:
        measured: what there is a column of.
    """

    def __init__(self, measured: Measured = USUAL) -> None:
        super().__init__()
        self.columns: dict[str, list[float]] = {name: [] for name in measured.history}
        self._gap = measured.score
        self.diverged = False
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start the epoch's clock."""
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Add the generalization gap to the logs, and the logs to the columns."""
        assert logs is not None
        logs["gap"] = gap(logs, self._gap)
        for name, values in self.columns.items():
            values.append(time.perf_counter() - self._started if name == "seconds" else float(logs[name]))
        losses = (logs["loss"], logs["train_loss"], logs["val_loss"])
        if not all(math.isfinite(loss) for loss in losses):
            self.diverged = True
            self.model.stop_training = True


class Snapshots(keras.callbacks.Callback):
    """Keeps the weights of the best epoch and of the last, and knows an epoch by its weights.

    This callback stands before all that could change weights: it sees those that the epoch's figures are of.

    Args:
        read: returns what the network has learned, always in the same order.
        monitor: column whose best value makes an epoch the best.
        min_delta: how much better an epoch must be, as Keras' `EarlyStopping` counts it.
        start: epochs before this one (from 0) are no competitors of later ones, as its `start_from_epoch`.
        follow: take a fingerprint of every epoch's weights, not of the best and the last alone: it takes as long as to
            read them once, for runs in which callbacks of the user's may bring back any of them.

    Attributes:
        best_epoch: from 0; -1 before the first.
        best: weights at the best epoch.
        end: weights after the last epoch, before any are restored.
        epochs: how many are over.
    """

    def __init__(
        self,
        read: Callable[[], Weights],
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        *,
        start: int = 0,
        follow: bool = False,
    ) -> None:
        super().__init__()
        self._read = read
        self.monitor = monitor
        self.best_epoch = -1
        self.best: Weights = []
        self.end: Weights = []
        self._sign = 1.0 if _mode(monitor) == "min" else -1.0
        self._min_delta = min_delta
        self._start = start
        self._follow = follow
        self._best_value = math.inf
        self.epochs = 0
        self._seen: list[bytes] = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep the weights if this epoch is the best so far."""
        assert logs is not None
        self.epochs = epoch + 1
        weights = self._read() if self._follow else []
        if self._follow:
            self._seen.append(fingerprint(weights))
        value = self._sign * logs[self.monitor]
        if self.best_epoch < self._start or value + self._min_delta < self._best_value:
            self._best_value = value if not math.isnan(value) else math.inf
            self.best_epoch = epoch
            self.best = weights or self._read()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Keep the last weights; this callback stands before those that restore others."""
        self.end = self._read()

    def epoch_of(self, weights: Weights, *, restored: bool) -> int | None:
        """The epoch (from 0) whose figures are those of some weights; `None` if no epoch ended with them.

        Args:
            weights: as `read` returns them.
            restored: whether the best epoch is meant to be kept. Of several epochs with the same weights it is then
                the one, and else the last.
        """
        seen = self._seen or [fingerprint(self.best), fingerprint(self.end)]
        epochs = range(self.epochs) if self._seen else (self.best_epoch, self.epochs - 1)
        wanted = fingerprint(weights)
        found = [epoch for epoch, known in zip(epochs, seen, strict=True) if known == wanted]
        return self.best_epoch if restored and self.best_epoch in found else max(found, default=None)


def fingerprint(weights: Weights) -> bytes:
    """A digest of weights: equal for equal bits, and, but for a chance of 2^-256, for these alone."""
    digest = hashlib.sha256()
    for weight in weights:
        digest.update(np.ascontiguousarray(weight).view(np.uint8).data)
    return digest.digest()


class StopAtGap(keras.callbacks.Callback):
    """Stops when the generalization gap crosses a value from below, at the second epoch or later."""

    def __init__(self, gap: float) -> None:
        super().__init__()
        self._gap = gap
        self._previous = math.inf

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare this epoch's gap with the one before."""
        assert logs is not None
        if self._previous < self._gap <= logs["gap"]:
            self.model.stop_training = True
        self._previous = logs["gap"]


class StopWhenEqual(keras.callbacks.Callback):
    """Stops as soon as Keras' running training accuracy equals validation accuracy, up to float32 rounding."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare the two accuracies."""
        assert logs is not None
        if math.isclose(logs["accuracy"], logs["val_accuracy"], rel_tol=1e-6):
            self.model.stop_training = True


class Tick(keras.callbacks.Callback):
    """Calls a function after every epoch, with the number of epochs done."""

    def __init__(self, function: Callable[[int], None]) -> None:
        super().__init__()
        self._function = function

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Report one more epoch."""
        self._function(epoch + 1)


class AddScores(keras.callbacks.Callback):
    """Adds the inference-mode columns to the logs of `model.fit`, which does not know them."""

    def __init__(self, score: Callable[[Logs], Logs]) -> None:
        super().__init__()
        self._score = score

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Score the model as it is now."""
        assert logs is not None
        logs.update(self._score(logs))


def own_callbacks(references: Sequence[str], run: CallbackRun | None = None) -> list[keras.callbacks.Callback]:
    """New callbacks of the user's, from the functions that a study names; each returns one or several.

    Args:
        references: the functions.
        run: what those of them are handed that have a parameter `run`. Keras' callbacks then write below its folder
            where they were given a relative path.

    Raises:
        TypeError: a function returned something else.
    """
    made = []
    for reference in references:
        returned = made_by(code.load(reference), run)
        several = list(returned) if isinstance(returned, list | tuple) else [returned]
        for callback in several:
            if not isinstance(callback, keras.callbacks.Callback):
                raise TypeError(f"{reference} returned {type(callback).__name__}, not a Keras callback")
            if run is not None:
                keep_apart(callback, run)
        made += several
    return made


def has_batch_hooks(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback has something to do for batches, by its class or as given to a `LambdaCallback`."""
    return any(
        getattr(getattr(callback, hook), "__func__", None) is not getattr(keras.callbacks.Callback, hook)
        for hook in BATCH_HOOKS
    )


def schedule(level: Cosine | Step | Plateau | bool, rate: float, epochs: int) -> list[keras.callbacks.Callback]:
    """The callbacks of a learning-rate schedule, which set the optimizer's rate between epochs.

    The cosine is that of Loshchilov and Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts",
    equation 5, without restarts and with the epoch as unit.

    Args:
        level: of the remedy; `False` for a rate that stays.
        rate: the optimizer's own.
        epochs: how long the training may become.
    """

    def cosine(epoch: int) -> float:
        assert isinstance(level, Cosine)
        if epoch < level.warmup:
            return rate * (epoch + 1) / (level.warmup + 1)
        done = (epoch - level.warmup) / (epochs - level.warmup)
        return rate * (level.final + (1 - level.final) * (1 + math.cos(math.pi * done)) / 2)

    match level:
        case Cosine():
            return [keras.callbacks.LearningRateScheduler(lambda epoch, _: cosine(epoch))]
        case Step():
            return [
                keras.callbacks.LearningRateScheduler(lambda epoch, _: rate * level.factor ** (epoch // level.every))
            ]
        case Plateau():
            rules = level.model_dump(exclude={"name"})
            return [keras.callbacks.ReduceLROnPlateau(**rules, mode=_mode(level.monitor))]
        case _:
            return []


def stopping(level: EarlyStopping | bool, epochs: int) -> list[keras.callbacks.Callback]:
    """The callbacks of an early-stopping level; all its rules apply.

    Without a `patience` Keras' callback never stops a run, but still restores the best weights if asked to.
    """
    if not isinstance(level, EarlyStopping):
        return []
    rules: list[keras.callbacks.Callback] = [
        keras.callbacks.EarlyStopping(
            monitor=level.monitor,
            mode=_mode(level.monitor),
            patience=epochs if level.patience is None else level.patience,
            min_delta=level.min_delta,
            restore_best_weights=level.restore_best_weights,
            baseline=level.baseline,
            start_from_epoch=level.start_from_epoch or 0,
        )
    ]
    if level.stop_at_gap is not None:
        rules.append(StopAtGap(level.stop_at_gap))
    if level.stop_when_equal:
        rules.append(StopWhenEqual())
    return rules
