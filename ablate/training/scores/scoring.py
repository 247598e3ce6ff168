"""The scores of a run beside loss and accuracy: which it has, of which rows, by which code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ablate.data.dataset import Dataset
from ablate.data.splits import Rows, Split
from ablate.errors import ModelError
from ablate.results.held_out import MOST_CLASSES, HeldOut
from ablate.settings.metrics import SCORES, Measured, lower_is_better, score_name
from ablate.training.scores import formulas
from ablate.training.scores.formulas import Answers
from ablate.usercode import code

Predictions = npt.NDArray[Any]
Score = Callable[[Predictions, Predictions], float]


class AnyScorer:
    """What runs are scored by, whatever they learn: the columns of a part of the data."""

    def columns(self, side: str, rows: Rows, predictions: Predictions) -> dict[str, float]:
        """The scores of a part of the data as columns; see those of `Scorer` and of `NumberScorer`."""
        raise NotImplementedError

    def running(self, logs: Mapping[str, float]) -> dict[str, float]:
        """The running columns in the unit of records, where that is not Keras' own."""
        return {}

    def held_out(self, rows: Rows, predictions: Predictions) -> HeldOut | None:
        """What is kept of the answers to a part of the data."""
        raise NotImplementedError

    def every_epoch(self, rows: Split, predictions: Mapping[str, Predictions]) -> dict[str, float]:
        """The columns of the training sample and the validation rows, where there are predictions for them."""
        parts = {"train": rows.train_sample, "val": rows.validation}
        return {
            name: value
            for side, predicted in predictions.items()
            for name, value in self.columns(side, parts[side], predicted).items()
        }


@dataclass(frozen=True)
class Scorer(AnyScorer):
    """What a run is scored by that tells classes apart.

    Attributes:
        labels: of the whole data set, shape (n,).
        classes: their names.
        positive: index of the class that scores of two classes are about.
        names: scores of the table of metrics.
        own: of the user's, by name.
    """

    labels: npt.NDArray[np.int32]
    classes: tuple[str, ...]
    positive: int
    names: tuple[str, ...]
    own: Mapping[str, Score]

    def columns(self, side: str, rows: npt.NDArray[np.int32], predictions: Predictions) -> dict[str, float]:
        """The scores of a part of the data as columns.

        Args:
            side: `train`, `val` or `test`.
            rows: of the part.
            predictions: for each of them, the probabilities of the classes.
        """
        labels = self.labels[rows]
        found = formulas.of_classes(self.names, Answers(labels, predictions, self.positive))
        found |= {name: score(labels, predictions) for name, score in self.own.items()}
        return {f"{side}_{name}": value for name, value in found.items()}

    def held_out(self, rows: npt.NDArray[np.int32], predictions: Predictions) -> HeldOut:
        """What is kept of the answers to a part of the data."""
        answers = Answers(self.labels[rows], predictions, self.positive)
        few = answers.classes <= MOST_CLASSES
        confusion = answers.confusion.tolist() if few else []
        bins = answers.bins.tolist() if np.isfinite(predictions).all() else []
        return HeldOut(self.classes if few else (), tuple(map(tuple, confusion)), tuple(map(tuple, bins)))


def of(measured: Measured, dataset: Dataset, positive: int = 1) -> Scorer:
    """What runs on a data set are scored by where a study measures this.

    Raises:
        ModelError: a function of the user's gives no Keras metric, or one whose name says the wrong direction.
    """
    return Scorer(dataset.y.astype(np.int32), dataset.classes, positive, *functions(measured))


def functions(measured: Measured) -> tuple[tuple[str, ...], Mapping[str, Score]]:
    """The scores of the table that a study measures, and the user's own by name.

    Raises:
        ModelError: as `of`.
    """
    own = {score_name(entry): _own(entry) for entry in measured.metrics if ":" in entry}
    return tuple(name for name in measured.extra if name in SCORES), own


def predicted_classes(predictions: Predictions) -> int:
    """How many classes are the likeliest of some example."""
    return len(np.unique(predictions.argmax(axis=1)))


def _own(reference: str) -> Score:
    """A Keras metric of the user's as a function of labels and predictions, as `fit` would hand them to it."""
    metric = code.load(reference)()
    if not isinstance(metric, keras.metrics.Metric):
        raise ModelError(f"{reference} returned {type(metric).__name__}, not a Keras metric")
    name = score_name(reference)
    direction = getattr(metric, "_direction", None)  # how Keras' own metrics say which way is better; private to it
    if direction in ("up", "down") and (direction == "down") != lower_is_better(f"val_{name}"):
        should = "should end in _error or _loss" if direction == "down" else "should not end in error or loss"
        raise ModelError(
            f"{reference} returned {type(metric).__name__}, of which {'less' if direction == 'down' else 'more'} is "
            f"better; the name of the function says otherwise and {should}"
        )

    def score(labels: Predictions, predictions: Predictions) -> float:
        metric.reset_state()
        try:
            metric.update_state(labels, predictions)
            return float(metric.result())
        except Exception as error:
            shapes = f"labels of shape {labels.shape} and probabilities of shape {predictions.shape}"
            raise ModelError(f"{reference} cannot score {shapes}: {' '.join(str(error).split())[:200]}") from error

    return score
