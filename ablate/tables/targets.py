"""Targets: whether what is to be learned is a class or a number, its numbers, and bins of them for splits."""

import re
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Task = Literal["classification", "regression"]
Target = npt.NDArray[np.int32] | npt.NDArray[np.float64]  # class indices, or the numbers of a regression

MANY = 20  # different values; of more than these a target may be a number to predict
FEWEST_OF_A_CLASS = 3  # rows, so that every part of a split has one
MOST_BINS = 10
LARGEST = 1e25  # its square is far from what tables leave out as not measured
SMALLEST_SPREAD = 1e-3  # figures closer than 5e-7 are taken for the same
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:[,.' ]\d{3})+(?:[.,]\d+)?")
_SAY = 'data.task = "regression"'


class TargetError(Exception):
    """A target cannot be learned as asked; the message says why."""


def detect(labels: npt.NDArray[Any]) -> Task:
    """What a target is taken for where a study does not say.

    It is a number to predict if it is of a floating-point type, has more than `MANY` different values, and cannot be
    classes: some value has a fraction, or is in fewer than `FEWEST_OF_A_CLASS` rows. Anything else is a class.

    Args:
        labels: as they were read, shape (rows,).
    """
    if labels.dtype.kind != "f":
        return "classification"
    values, counts = np.unique(labels[np.isfinite(labels)], return_counts=True)
    if len(values) <= MANY:
        return "classification"
    return "regression" if _have_fractions(values) or counts.min() < FEWEST_OF_A_CLASS else "classification"


def numbers(labels: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The numbers of a regression's target.

    Args:
        labels: as they were read, shape (rows,): of any type.

    Raises:
        TargetError: some are no numbers, not finite or too large; or all are the same.
    """
    if labels.dtype.kind == "U":
        labels = _parsed(labels)
    if labels.dtype.kind not in "iuf":
        raise TargetError(f"holds {labels.dtype}, and a regression learns numbers")
    found = labels.astype(np.float64)
    wrong = ~(np.abs(found) <= LARGEST)  # true for NaN, too
    if wrong.any():
        count, row = int(wrong.sum()), int(wrong.argmax())
        message = f"{count:,} of {len(found):,} values to learn are NaN, infinite or beyond {LARGEST:g}, the first in "
        raise TargetError(f"{message}row {row + 1:,} ({found[row]:g}); fill or remove them, or use a larger unit")
    if (found == found[0]).all():
        raise TargetError(f"is {found[0]:g} in every row; there is nothing to learn")
    if (spread := found.std()) < SMALLEST_SPREAD:
        message = f"has a standard deviation of {spread:.3g}, too small for errors to be told apart"
        raise TargetError(f"{message}; take a smaller unit, in which it is {SMALLEST_SPREAD:g} or more")
    return found


def _parsed(texts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Texts as numbers, all of them with a point or all with a comma before the fraction."""
    wrong = no_numbers(texts)
    if wrong.any():
        raise TargetError(say_no_numbers(texts, wrong))
    has_comma, has_point = (np.char.find(texts, sign) >= 0 for sign in ",.")
    if has_comma.any() and has_point.any():
        message = f"some numbers have a comma ('{texts[has_comma.argmax()]}'), some a point"
        raise TargetError(f"{message} ('{texts[has_point.argmax()]}'); write all in one way")
    return np.char.replace(texts, ",", ".").astype(np.float64)


def no_numbers(texts: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which texts are no numbers; a comma may stand before the fraction."""
    distinct, places = np.unique(texts, return_inverse=True)
    wrong = np.array([_NUMBER.fullmatch(str(text).strip()) is None for text in distinct], np.bool_)
    return wrong[places.reshape(-1)]


def say_no_numbers(texts: npt.NDArray[Any], wrong: npt.NDArray[np.bool_]) -> str:
    """That some texts are no numbers, and what to do."""
    row = int(wrong.argmax())
    like_thousands = _THOUSANDS.fullmatch(str(texts[row]).strip())
    advice = "write numbers without a sign for thousands" if like_thousands else "mend or remove them"
    holds = "row holds" if wrong.sum() == 1 else "rows hold"
    return f"{int(wrong.sum()):,} {holds} no number, the first is '{texts[row]}' in row {row + 1:,}; {advice}"


def advice(labels: npt.NDArray[Any]) -> str:
    """What to say of labels that make no classes and look like numbers to predict; may be empty.

    Args:
        labels: as they were read.
    """
    if labels.dtype.kind in "iuf":
        return f"; if it is a number to predict, say {_SAY}"
    if labels.dtype.kind != "U":
        return ""
    wrong = no_numbers(labels)
    thousands = np.array([_THOUSANDS.fullmatch(str(text).strip()) is not None for text in labels[wrong]], np.bool_)
    if wrong.mean() - thousands.sum() / len(labels) > _FEW_TEXTS:
        return ""
    return f"; it looks like a number to predict ({_SAY}), but {say_no_numbers(labels, wrong)}"


_FEW_TEXTS = 0.1  # share of rows that are no number, up to which a column of texts looks like numbers


def check_labels(labels: npt.NDArray[Any], *, said: bool) -> None:
    """See that labels can be classes, and that nobody has to guess what a few numbers with fractions are.

    Args:
        labels: as they were read.
        said: whether the study says that they are classes.

    Raises:
        TargetError: some are not finite, or they may be classes or numbers to predict.
    """
    if labels.dtype.kind != "f":
        return
    if not np.isfinite(labels).all():
        count, row = int((~np.isfinite(labels)).sum()), int((~np.isfinite(labels)).argmax())
        raise TargetError(f"{count:,} of {len(labels):,} labels are NaN or infinite, the first in row {row + 1:,}")
    values = np.unique(labels)
    if not said and _have_fractions(values):
        raise TargetError(
            f"holds {len(values)} different numbers with fractions, which may be classes or numbers to predict; say "
            f'which: data.task = "classification" or {_SAY}'
        )


def whole_numbers_as_classes(labels: npt.NDArray[Any], classes: int) -> str:
    """What a reader should know of many whole numbers that are taken for classes; may be empty."""
    if labels.dtype.kind not in "iuf" or classes <= MANY:
        return ""
    return (
        f"the target holds {classes} different whole numbers, and each is taken for a class of its own; "
        f'{_SAY} predicts the number instead, data.task = "classification" says that classes are meant'
    )


def strata(y: Target, most: int) -> npt.NDArray[np.int32]:
    """What a stratified split keeps the shares of: classes as they are; of numbers, the quantile bin of each.

    There are at most `MOST_BINS` bins of about as many rows. Equal numbers are in one bin, and a bin with a single row
    is joined to its neighbour, so there may be fewer.

    Args:
        y: class indices or numbers, of the rows to be parted.
        most: bins; of numbers alone.
    """
    if y.dtype.kind != "f":
        return y.astype(np.int32)
    _, places, counts = np.unique(y, return_inverse=True, return_counts=True)
    before = np.cumsum(counts) - counts
    bins = before * max(1, min(MOST_BINS, most)) // len(y)
    for value in np.flatnonzero(np.diff(bins)) + 1:
        if counts[bins == bins[value - 1]].sum() < 2:
            bins[bins == bins[value]] = bins[value - 1]
    last = bins == bins[-1]
    if counts[last].sum() < 2 and not last.all():
        bins[last] = bins[~last][-1]
    return bins[places.reshape(-1)].astype(np.int32)


def _have_fractions(values: npt.NDArray[Any]) -> bool:
    return bool((values != values.round()).any())
