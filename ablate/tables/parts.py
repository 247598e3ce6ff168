"""Parts of a table by group or by time, as scikit-learn makes them where it can."""

import warnings
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ablate.tables import targets
from ablate.tables.targets import Target

Rows = npt.NDArray[np.int32]
_MOST_FOLDS = 20


class PartError(Exception):
    """Rows cannot be parted as asked; the message says why."""


def by_group(rows: Rows, y: Target, groups: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """Two parts that have no group in common, with about the same shares of the classes, or of quantiles of numbers.

    The second part is made of whole folds of scikit-learn's `StratifiedGroupKFold`, so that its share is close to the
    one asked for.

    Args:
        rows: to part.
        y: class of every row of the data set, or the number that is learned.
        groups: of every row of the data set.
        share: of the second part.
        seed: of the shuffling.

    Raises:
        PartError: there are too few groups, or a class is in too few of them.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    known = len(np.unique(groups[rows]))
    if known < 2:
        raise PartError(f"has {known} group in {len(rows):,} rows; two parts need at least 2")
    fraction = Fraction(share).limit_denominator(min(_MOST_FOLDS, known))
    fraction = min(max(fraction, Fraction(1, min(_MOST_FOLDS, known))), 1 - Fraction(1, min(_MOST_FOLDS, known)))
    strata = targets.strata(y[rows], most=targets.MOST_BINS)
    splitter = StratifiedGroupKFold(fraction.denominator, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of classes with fewer rows than folds, which is checked below
        try:
            folds = [held for _, held in splitter.split(rows, strata, groups[rows])]
        except ValueError as error:
            raise PartError(f"no stratified parts: {error}") from None
    held = np.sort(np.concatenate(folds[: fraction.numerator]))
    other = np.delete(np.arange(len(rows)), held)
    if not len(held) or not len(other) or _lacks_a_class(y, rows, rows[other]):
        raise PartError("leaves a class out of the training rows: all its groups would be held out")
    return rows[other], rows[held]


def by_time(rows: Rows, y: Target, order: Rows, share: float) -> tuple[Rows, Rows]:
    """Earlier and later rows; those of one moment stay together, in the part that has most of them.

    Args:
        rows: to part.
        y: class of every row of the data set, or the number that is learned.
        order: number of the moment of every row of the data set.
        share: of the later part.

    Raises:
        PartError: one part would be empty, or a class is only in the later one.
    """
    moments = np.sort(order[rows])
    place = len(rows) - max(1, round(len(rows) * share))
    cuts = np.flatnonzero(np.diff(moments)) + 1  # where a moment begins
    if not len(cuts):
        raise PartError("all rows are of one moment; there is nothing later to hold out")
    cut = cuts[np.abs(cuts - place).argmin()]
    later = order[rows] >= moments[cut]
    if _lacks_a_class(y, rows, rows[~later]):
        raise PartError("a class is only in the later rows, and no network can learn it from the earlier ones")
    return rows[~later], rows[later]


def _lacks_a_class(y: Target, rows: Rows, train: Rows) -> bool:
    """Whether a class is in none of the rows that a network learns from; numbers have no classes."""
    return y.dtype.kind != "f" and len(np.setdiff1d(y[rows], y[train])) > 0
