"""Whether data can be scored by what a study measures: known before anything is trained."""

from collections.abc import Iterable

import numpy as np

from ablate.data.dataset import Dataset
from ablate.data.splits import Rows, Split
from ablate.errors import Problem, StudyError
from ablate.settings.metrics import SCORES, TOP_K, Measured, Metric
from ablate.settings.run import Data, LossName

_MOST_NAMED = 5  # classes in an error
_SMALLEST_SPREAD = 0.1  # of what is scored by squares: in statistics, figures closer than 5e-7 are the same
_MEND = "more rows, other seeds, a larger data.validation or data.test"


def problems(dataset: Dataset, data: Data, measured: Measured) -> list[Problem]:
    """What the classes of a data set, or its numbers, leave without a meaning."""
    if dataset.task == "regression":
        return _of_numbers(data, measured)
    classes = len(dataset.classes)
    found = [_of_entry(SCORES[entry], classes) for entry in measured.metrics if entry in SCORES]
    if data.positive is not None and classes != 2:
        message = f"is for data with two classes, and this has {classes}; leave the key out"
        found.append(Problem("data.positive", message, repr(data.positive)))
    if data.positive is not None and classes == 2:
        try:
            dataset.positive(data.positive)
        except StudyError as error:
            found += error.problems
    return [problem for problem in found if problem is not None]


def of_loss(dataset: Dataset, loss: LossName | None) -> list[Problem]:
    """That the losses of a regression are too small to be told apart: those of squared errors have a squared unit.

    Args:
        dataset: the data.
        loss: as the study says it.
    """
    if dataset.task == "classification" or loss == "mae" or (spread := float(dataset.y.std())) >= _SMALLEST_SPREAD:
        return []
    message = (
        f"the target has a standard deviation of {spread:.3g}, too small for squared errors to be told apart; "
        f'take a smaller unit, in which it is {_SMALLEST_SPREAD:g} or more, or training.loss = "mae"'
    )
    return [Problem("data", message)]


def of_split(dataset: Dataset, data: Data, measured: Measured, rows: Split, seed: int) -> list[Problem]:
    """Metrics that are undefined because a part of a split lacks a class.

    Args:
        dataset: the data.
        data: its section; `positive` is a class of it.
        measured: what the study measures.
        rows: the split.
        seed: of the split.
    """
    if dataset.task == "regression":
        return _constant(dataset, rows, seed)
    asked = [SCORES[entry] for entry in measured.metrics if entry in SCORES]
    wanted = {"classes": range(len(dataset.classes)), "": (), "positive": ()}
    if len(dataset.classes) == 2:
        wanted["positive"] = (dataset.positive(data.positive),)
    missing = {name: _without(dataset, part) for name, part in _parts(rows).items()}
    found = []
    for metric in asked:
        for part, lacking in missing.items():
            lost = [dataset.classes[index] for index in lacking if index in wanted[metric.needs]]
            if lost:
                found.append(_undefined(metric.name, part, lost, seed))
    return found


def _parts(rows: Split) -> dict[str, Rows]:
    return {"training sample": rows.train_sample, "validation part": rows.validation, "test set": rows.test}


def _of_numbers(data: Data, measured: Measured) -> list[Problem]:
    """What is for classes, where numbers are predicted."""
    message = "is for classes, and the target is a number to predict; leave it out"
    asked = [entry for entry in measured.metrics if entry in SCORES and SCORES[entry].task == "classification"]
    found = [Problem("study.metrics", message, f'"{entry}"') for entry in asked]
    return found + ([Problem("data.positive", message, repr(data.positive))] if data.positive is not None else [])


def _constant(dataset: Dataset, rows: Split, seed: int) -> list[Problem]:
    """Parts of a split in which all numbers to predict are the same: nothing of their variance can be explained."""
    found = []
    for name, part in _parts(rows).items():
        values = dataset.y[part]
        if (values == values[0]).all():
            message = f"r2 is undefined: with seed {seed} the target is {values[0]:g} in every row of the {name}"
            found.append(Problem("data", f"{message}; it takes {_MEND}"))
    return found


def needs_all_seeds(measured: Measured) -> bool:
    """Whether a metric may be undefined for the split of one seed, and defined for others."""
    return any(SCORES[entry].needs for entry in measured.metrics if entry in SCORES)


def _undefined(metric: str, part: str, lost: Iterable[str], seed: int) -> Problem:
    lost = list(lost)
    named = ", ".join(f"'{name}'" for name in lost[:_MOST_NAMED]) + (", ..." if len(lost) > _MOST_NAMED else "")
    message = (
        f"{metric} is undefined: with seed {seed} the {part} has no example of class {named}; leave {metric} out, or "
        f"see that every part has some: {_MEND}"
    )
    return Problem("study.metrics", message)


def _without(dataset: Dataset, rows: Rows) -> list[int]:
    """The classes that some rows have no example of."""
    counts = np.bincount(dataset.y[rows], minlength=len(dataset.classes))
    return np.flatnonzero(counts == 0).tolist()


def _of_entry(metric: Metric, classes: int) -> Problem | None:
    key, value = "study.metrics", f'"{metric.name}"'
    if metric.task == "regression":
        return Problem(key, "is for numbers to be predicted, and the label column holds classes", value)
    if metric.name == "f1" and classes != 2:
        return Problem(key, f"is for two classes, and the data has {classes}; did you mean 'f1_macro'?", value)
    if metric.name == "top_k_accuracy" and classes <= TOP_K:
        return Problem(key, f"asks for the {TOP_K} likeliest classes, and the data has {classes}: always 1", value)
    return None
