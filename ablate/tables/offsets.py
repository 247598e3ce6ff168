"""Columns whose values are large beside their differences, such as unix times: float32 would make many of them one.

Such a column is kept as differences from a pivot, a number near its middle that is taken away in float64. Training
then centres and scales the differences, and a saved network takes the pivot away itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ablate.tables.kinds import Values

LOST = 2.0**-10  # of the spread of a column: from here on, what float32 rounds away is too much
_MOST_ROWS = 20_000  # that are looked at
_MERGED = 0.9  # share of different values that is left from which on nothing is said


@dataclass(frozen=True)
class Kept:
    """A column as it is held in memory.

    Attributes:
        values: float32, shape (rows,).
        pivot: what was taken away from them before, float64; 0 for most columns.
        merged: different values before and after, among the rows looked at, where many became one.
    """

    values: npt.NDArray[np.float32]
    pivot: float = 0.0
    merged: tuple[int, int] | None = None


def keep(values: Values, train: npt.NDArray[np.integer], *, centre: bool = True) -> Kept:
    """A column as float32, less a pivot where it would lose too much otherwise.

    Args:
        values: of all rows; any numeric type, NaN where one is missing.
        train: rows of the training part; nothing else decides on a pivot.
        centre: whether a pivot may be taken away.
    """
    sample = values[evenly(train, _MOST_ROWS)]
    found = pivot_of(sample) if centre else 0.0
    kept = Kept(less(values, found), found)
    return Kept(kept.values, kept.pivot, _merged(sample, less(sample, found)))


def less(values: Values, pivot: float) -> npt.NDArray[np.float32]:
    """The differences from a pivot, taken in float64, as a saved network takes them, and rounded to float32."""
    exact = values.astype(np.float64, copy=False)
    return (exact - pivot if pivot else exact).astype(np.float32)


def pivot_of(sample: Values) -> float:
    """A round number near the middle of a column; 0 where float32 holds the column well enough.

    Well enough: no value changes by the rounding, or a step of float32 at the median is at most `LOST` times the
    distance of the quartiles (the standard deviation where these are equal).
    """
    exact = sample.astype(np.float64, copy=False)
    exact = exact[np.isfinite(exact)]
    if not len(exact) or (exact.astype(np.float32) == exact).all():
        return 0.0
    low, middle, high = np.quantile(exact, [0.25, 0.5, 0.75])
    spread = high - low or float(np.std(exact - middle))
    step = float(np.spacing(np.float32(abs(middle))))
    if not spread or step <= LOST * spread:
        return 0.0
    unit = 2.0 ** np.floor(np.log2(spread))
    return float(np.round(middle / unit) * unit)


def evenly(rows: npt.NDArray[np.integer], most: int) -> npt.NDArray[np.integer]:
    """At most so many rows, spread over all of them."""
    return rows[:: -(-len(rows) // most)] if len(rows) > most else rows


def _merged(before: Values, after: npt.NDArray[np.float32]) -> tuple[int, int] | None:
    was, left = (len(np.unique(each[~np.isnan(each)] if each.dtype.kind == "f" else each)) for each in (before, after))
    return (was, left) if left < _MERGED * was else None


def of_array(
    x: Values, train: npt.NDArray[np.integer], *, centre: bool
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64] | None, dict[int, tuple[int, int]]]:
    """Rows of numbers as float32, the pivots of their columns if there are any, and the columns that lost values.

    Args:
        x: shape (rows, features); any numeric type.
        train: rows of the training part.
        centre: whether pivots may be taken away.

    Returns:
        The differences, shape (rows, features); the pivots, shape (features,); by column, different values before and
        after.
    """
    kept = x.astype(np.float32)
    if x.dtype == np.float32 or (x.dtype.kind in "biu" and x.dtype.itemsize <= 2):
        return kept, None, {}
    rows = evenly(train, max(500, min(_MOST_ROWS, 4_000_000 // x.shape[1])))
    sample = x[rows]
    lossy = np.flatnonzero((sample.astype(np.float32) != sample.astype(np.float64)).any(axis=0))
    pivots, merged = np.zeros(x.shape[1]), {}
    for column in lossy:
        pivot = pivot_of(sample[:, column]) if centre else 0.0
        if pivot:
            pivots[column] = pivot
            kept[:, column] = less(x[:, column], pivot)
        if lost := _merged(sample[:, column], less(sample[:, column], pivot)):
            merged[int(column)] = lost
    return kept, pivots if pivots.any() else None, merged


def say(merged: Sequence[tuple[str, tuple[int, int]]], advice: str) -> list[str]:
    """What was lost, in words.

    Args:
        merged: names of columns, each with its different values before and after.
        advice: what to do about it; may be empty.
    """
    return [
        f"column {name}: {before:,} different values become {after:,} in float32, the type that networks "
        f"calculate in{advice}"
        for name, (before, after) in merged
    ]
