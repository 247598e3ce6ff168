"""Which epoch the kept weights are of, and their figures: all figures of a result are of the same weights."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ablate.results.record import Moment
from ablate.settings.metrics import USUAL, Measured, gap
from ablate.training.callbacks import Logs, Snapshots, Weights

FINAL_GAP_EPOCHS = 5


@dataclass(frozen=True)
class Kept:
    """The weights that a run is left with.

    Attributes:
        epoch: whose figures are theirs, from 0; `None` where they are those of no epoch, because a callback averaged,
            pruned or loaded weights after the last one.
        best_epoch: from 0.
        epochs: how many were trained.
        restored: whether early stopping brought back the best epoch.
        moments: the weights that are looked at, by moment. `end` is the last epoch where early stopping restored the
            best one, else the kept weights.
    """

    epoch: int | None
    best_epoch: int
    epochs: int
    restored: bool
    moments: Mapping[Moment, Weights]


def find(weights: Weights, snapshots: Snapshots, *, restored: bool) -> Kept:
    """Find the epoch that the kept weights are of.

    Args:
        weights: which a run is left with, as `snapshots` reads them.
        snapshots: of the run, which is over.
        restored: whether its early stopping restores the best epoch.
    """
    epoch = snapshots.epoch_of(weights, restored=restored)
    restored = restored and epoch == snapshots.best_epoch
    end = snapshots.end if restored else weights
    return Kept(epoch, snapshots.best_epoch, snapshots.epochs, restored, {"best": snapshots.best, "end": end})


def figures(
    columns: Mapping[str, Sequence[float]], kept: Kept, scores: Logs, measured: Measured = USUAL
) -> dict[str, float]:
    """The figures of the kept weights: those of their epoch, or else their scores.

    The gap of a run that ends with its last weights is the mean of the last epochs, which is less noisy than one; of
    weights from anywhere else it is their own. Weights of no epoch have no running loss and accuracy.

    Args:
        columns: the run's history.
        kept: what the run is left with.
        scores: the inference-mode columns of the kept weights where they are of no epoch.
        measured: what there is a column of.
    """
    counted = {"best_epoch": kept.best_epoch + 1, "stopped_epoch": kept.epochs}
    if kept.epoch is None:
        running = dict.fromkeys(measured.running, math.nan)
        return {**running, **scores, "gap": gap(scores, measured.score), **counted}
    result = {name: values[kept.epoch] for name, values in columns.items() if name != "seconds"}
    if kept.epoch == kept.epochs - 1 and not kept.restored:
        result["gap"] = float(np.mean(columns["gap"][-min(FINAL_GAP_EPOCHS, kept.epochs) :]))
    return {**result, **counted}


def is_finite(result: Mapping[str, float]) -> bool:
    """Whether the kept weights have losses that are numbers."""
    return all(math.isfinite(result[name]) for name in ("train_loss", "val_loss"))
