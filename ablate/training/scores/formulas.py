"""Scores of predictions, by numpy: each equals scikit-learn's function of its name on the same numbers.

An epoch of a small network takes milliseconds, and scikit-learn looks at its arguments for longer than that: see
docs/decisions/0020-scores.md. Sorting is the dear part, and is done once for all scores of a part.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ablate.settings.metrics import ECE_BINS, TOP_K

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Answers:
    """What a network says of a part of the data.

    Attributes:
        labels: class indices, shape (n,).
        probabilities: of the classes, shape (n, classes).
        positive: index of the class that scores of two classes are about.
    """

    labels: Ints
    probabilities: Floats
    positive: int = 1

    @property
    def classes(self) -> int:
        """How many there are."""
        return int(self.probabilities.shape[1])

    @cached_property
    def confusion(self) -> Ints:
        """How many examples of each class (rows) were taken for each (columns)."""
        size, taken_for = self.classes, self.probabilities.argmax(axis=1)
        return np.bincount(self.labels * size + taken_for, minlength=size * size).reshape(size, size)

    @cached_property
    def own(self) -> Floats:
        """The probability of each example's own class."""
        return self.probabilities[np.arange(len(self.labels)), self.labels]

    @cached_property
    def judged(self) -> list[int]:
        """The classes whose scores count: the positive one of two, else all."""
        return [self.positive] if self.classes == 2 else list(range(self.classes))

    @cached_property
    def ordered(self) -> list[tuple[Floats, Floats]]:
        """For each class that counts, the probabilities that its own examples have, and those of all in their order."""
        columns = np.ascontiguousarray(self.probabilities.T[self.judged])
        every = np.sort(columns, axis=1)
        places = np.argsort(self.labels.astype(np.uint16), kind="stable")  # which numpy sorts by radix
        ends = np.cumsum(np.bincount(self.labels, minlength=self.classes))
        starts = ends - np.diff(ends, prepend=0)
        own = [column[places[starts[label] : ends[label]]] for label, column in zip(self.judged, columns, strict=True)]
        return list(zip(own, every, strict=True))

    @cached_property
    def bins(self) -> npt.NDArray[np.float64]:
        """Calibration in bins of equal width: examples, the sum of their top probabilities, and how many are right."""
        sure = self.probabilities.max(axis=1).astype(np.float64)
        place = np.clip(np.ceil(sure * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
        right = self.probabilities.argmax(axis=1) == self.labels
        weights = (None, sure, right)
        return np.stack([np.bincount(place, each, ECE_BINS).astype(np.float64) for each in weights])


def of_classes(names: Iterable[str], answers: Answers) -> dict[str, float]:
    """Scores by name; NaN where a probability is not a finite number."""
    if not np.isfinite(answers.probabilities).all():
        return dict.fromkeys(names, float("nan"))
    return {name: float(OF_CLASSES[name](answers)) for name in names}


def of_numbers(names: Iterable[str], targets: Floats, predictions: Floats) -> dict[str, float]:
    """Scores of predicted numbers by name, in the unit of the targets; NaN where a prediction is not finite."""
    if not np.isfinite(predictions).all():
        return dict.fromkeys(names, float("nan"))
    errors = predictions.astype(np.float64) - targets.astype(np.float64)
    return {name: float(OF_NUMBERS[name](errors, targets.astype(np.float64))) for name in names}


def _shares(confusion: Ints, axis: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The diagonal over the sums of rows (1) or columns (0), 0 where these are 0; and whether they are not."""
    totals = confusion.sum(axis=axis)
    return confusion.diagonal() / np.maximum(totals, 1), totals > 0


def _balanced_accuracy(answers: Answers) -> float:
    recalls, present = _shares(answers.confusion, axis=1)
    return float(recalls[present].mean())


def _f1_by_class(confusion: Ints) -> tuple[Floats, npt.NDArray[np.bool_]]:
    totals = confusion.sum(axis=0) + confusion.sum(axis=1)
    return 2 * confusion.diagonal() / np.maximum(totals, 1), totals > 0


def _of_positive_or_mean(values: Floats, answers: Answers) -> float:
    """The positive class's of two; else the mean over the classes that the part has or that were predicted."""
    seen = (answers.confusion.sum(axis=0) + answers.confusion.sum(axis=1)) > 0
    return float(values[answers.positive] if answers.classes == 2 else values[seen].mean())


def _f1_macro(answers: Answers) -> float:
    values, seen = _f1_by_class(answers.confusion)
    return float(values[seen].mean())


def _roc_auc(answers: Answers) -> float:
    """The mean over classes of how often an example of the class is above another (Mann and Whitney 1947)."""
    total = 0.0
    for own, every in answers.ordered:
        count, others = len(own), len(every) - len(own)
        twice = every.searchsorted(own).sum() + every.searchsorted(own, "right").sum()  # midranks, from 1/2 on
        total += (twice - count * count) / (2 * count * others)
    return total / len(answers.ordered)


def _average_precision(answers: Answers) -> float:
    """The mean over a class's examples of the precision where the threshold is their probability."""
    found = []
    for own, every in answers.ordered:
        mine = np.sort(own)
        above = len(mine) - mine.searchsorted(mine)
        found.append(np.mean(above / (len(every) - every.searchsorted(mine))))
    return float(np.mean(found))


def _top_k_accuracy(answers: Answers) -> float:
    """Of classes with equal probabilities, the last counts as the likeliest, as in scikit-learn."""
    own, values = answers.own[:, None], answers.probabilities
    later = np.arange(answers.classes) > answers.labels[:, None]
    return float((((values > own) | ((values == own) & later)).sum(axis=1) < TOP_K).mean())


def _log_loss(answers: Answers) -> float:
    smallest = np.finfo(answers.probabilities.dtype).eps
    return float(-np.log(np.clip(answers.own, smallest, 1 - smallest).astype(np.float64)).mean())


def _brier(answers: Answers) -> float:
    """Half of it for two classes, where both errors are the same one (Brier 1950, and as scikit-learn scales it)."""
    values = answers.probabilities.astype(np.float64)
    squares = (values**2).sum(axis=1) - 2 * answers.own.astype(np.float64) + 1
    return float(squares.mean() / (2 if answers.classes == 2 else 1))


def _ece(answers: Answers) -> float:
    """The expected calibration error (Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3)."""
    _, sure, right = answers.bins
    return float(np.abs(sure - right).sum() / len(answers.labels))


OF_CLASSES: dict[str, Callable[[Answers], float]] = {
    "accuracy": lambda answers: answers.confusion.trace() / len(answers.labels),
    "balanced_accuracy": _balanced_accuracy,
    "f1_macro": _f1_macro,
    "f1": lambda answers: _f1_by_class(answers.confusion)[0][answers.positive],
    "precision": lambda answers: _of_positive_or_mean(_shares(answers.confusion, axis=0)[0], answers),
    "recall": lambda answers: _of_positive_or_mean(_shares(answers.confusion, axis=1)[0], answers),
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "top_k_accuracy": _top_k_accuracy,
    "log_loss": _log_loss,
    "brier": _brier,
    "ece": _ece,
}
OF_NUMBERS: dict[str, Callable[[Floats, Floats], float]] = {
    "mae": lambda errors, _: np.abs(errors).mean(),
    "rmse": lambda errors, _: np.sqrt((errors**2).mean()),
    "r2": lambda errors, targets: 1 - (errors**2).sum() / ((targets - targets.mean()) ** 2).sum(),
}
