"""The scores of a regression's run, in the unit of its target: computed from predictions, in float64."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ablate.data.dataset import Dataset
from ablate.data.splits import Rows
from ablate.results.held_out import HeldOut
from ablate.settings.run import LossName, RunSettings
from ablate.settings.seeds import Stream, derive
from ablate.training.data import Standard
from ablate.training.scores import formulas
from ablate.training.scores.scoring import AnyScorer, Predictions, Score, functions

MOST_KEPT = 200  # predictions for examples of the test set
DIGITS = 12  # of each: those of a float32, and the offset of a target of 1,000,000,000 and a bit
_SEED = 0  # the same examples in every run

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NumberScorer(AnyScorer):
    """What a run of a regression is scored by.

    Attributes:
        targets: of the whole data set, in their own unit, shape (n,).
        standard: what they went through.
        loss: of the run.
        names: scores of the table of metrics.
        own: of the user's, by name.
    """

    targets: Floats
    standard: Standard
    loss: LossName
    names: tuple[str, ...]
    own: Mapping[str, Score]

    def columns(self, side: str, rows: Rows, predictions: Predictions) -> dict[str, float]:
        """The loss and the scores of a part of the data as columns.

        Args:
            side: `train`, `val` or `test`.
            rows: of the part.
            predictions: for each of them, of the standardized target, shape (rows, 1).
        """
        return self.of_numbers(side, rows, self._restored(predictions))

    def of_numbers(self, side: str, rows: Rows, predicted: Floats) -> dict[str, float]:
        """The same of predictions in the unit of the target, shape (rows,)."""
        targets = self.targets[rows]
        found = {"loss": self._loss(np.abs(predicted - targets)), **formulas.of_numbers(self.names, targets, predicted)}
        found |= {name: score(targets, predicted) for name, score in self.own.items()}
        return {f"{side}_{name}": value for name, value in found.items()}

    def running(self, logs: Mapping[str, float]) -> dict[str, float]:
        """The running loss, penalties included, in the unit of the loss."""
        return {"loss": float(logs["loss"]) * self.standard.sd ** (1 if self.loss == "mae" else 2)}

    def held_out(self, rows: Rows, predictions: Predictions) -> HeldOut | None:
        """True and predicted numbers of some examples; `None` where one is not finite."""
        chosen = np.random.default_rng(derive(_SEED, Stream.SAMPLE)).permutation(len(rows))[:MOST_KEPT]
        kept = [self.targets[rows][np.sort(chosen)], self._restored(predictions)[np.sort(chosen)]]
        if not np.isfinite(kept).all():
            return None
        return HeldOut(numbers=tuple(tuple(float(f"{each:.{DIGITS}g}") for each in row) for row in kept))

    def _restored(self, predictions: Predictions) -> Floats:
        return self.standard.restored(predictions[:, 0])

    def _loss(self, off: Floats) -> float:
        """The mean loss of absolute errors; Huber's is squared up to one standard deviation."""
        sd = self.standard.sd
        match self.loss:
            case "mse":
                values = off**2
            case "mae":
                values = off
            case "huber":
                values = np.where(off <= sd, off**2 / 2, sd * off - sd**2 / 2)
        return float(values.mean())


def of(settings: RunSettings, dataset: Dataset, standard: Standard) -> NumberScorer:
    """What a run of a regression is scored by.

    Raises:
        ModelError: as `scoring.of`.
    """
    return NumberScorer(dataset.y.astype(np.float64), standard, settings.loss or "mse", *functions(settings.measured))
