"""Accuracy axes: linear where accuracies are low, by the share of errors where 97% and 98% would fall together."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from ablate.report import wording
from ablate.settings.metrics import lower_is_better

HIGH = 95.0  # percent; from a median this high on, the errors tell treatments apart
TOP = 100.1  # percent; so that a line at 100 is seen whole
FAR_OFF = 15.0  # points below the median treatment; what learned so little would squeeze all others into a corner
FAR = 3.0  # times the distance of the median treatment from the best, beyond which one has an axis of its own
ROOM = 0.1  # share of an axis beyond what is drawn on it
MOST_HIDDEN, FEW_HIDDEN = 0.25, 0.1  # shares of the epochs beyond an axis: from which it is moved, and to which
_FLOOR = 0.005  # share of errors added before the logarithm, so that 100% has a place
_TICKS = (0, 50, 70, 80, 90, 95, 97, 98, 99, 99.5, 100)
_CLOSE = 0.055  # share of the axis that two ticks need between them

Floats = npt.NDArray[np.float64]


def error_scale(percent: Floats) -> Floats:
    """Accuracies in percent on a scale by their errors: minus the logarithm of the share of errors, plus 0.005."""
    return np.asarray(-np.log10(np.maximum((100 - np.asarray(percent, dtype=np.float64)) / 100 + _FLOOR, 1e-9)))


def accuracy_scale(place: Floats) -> Floats:
    """The inverse of `error_scale`."""
    return np.asarray(100 * (1 + _FLOOR - 10 ** -np.asarray(place, dtype=np.float64)))


def is_high(runs: pd.DataFrame, score: str = "accuracy") -> bool:
    """Whether most treatments reach held-out accuracies that only their errors tell apart."""
    held_out = runs.groupby("treatment")[f"val_{score}"].mean() * 100
    return bool(len(held_out) and held_out.median() >= HIGH)


def accuracy_axis(axes: Axes, side: Literal["x", "y"], low: float, *, by_errors: bool) -> None:
    """Make one axis show accuracies in percent from `low` to 100.

    Args:
        axes: to change; everything on it is drawn in percent.
        side: which axis.
        low: its lower end, percent.
        by_errors: space accuracies by their errors, so that 97 and 98 are as far apart as 94 and 96.
    """
    limits, axis = getattr(axes, f"set_{side}lim"), getattr(axes, f"{side}axis")
    if not by_errors:
        limits(low, 101)
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        return
    getattr(axes, f"set_{side}scale")("function", functions=(error_scale, accuracy_scale))
    limits(low, TOP)
    axis.set_major_locator(FixedLocator(ticks(low)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def ticks(low: float) -> list[float]:
    """Round accuracies from `low` to 100, in percent, none too close to the next higher one on the scale of errors."""
    span = float(error_scale(np.array(TOP)) - error_scale(np.array(low)))
    kept: list[float] = []
    for tick in sorted((tick for tick in _TICKS if tick >= low), reverse=True):
        if not kept or float(error_scale(np.array(kept[-1])) - error_scale(np.array(tick))) >= _CLOSE * span:
            kept.append(tick)
    return kept[::-1]


def lower_end(accuracies: Sequence[float]) -> float:
    """Where an axis by errors begins, percent: a little below the lowest of some accuracies, in percent."""
    known = [value for value in accuracies if math.isfinite(value)]
    lowest = min(known, default=0.0)
    return max((tick for tick in _TICKS if tick < lowest - (100 - lowest) * 0.15), default=0.0)


def limits(histories: pd.DataFrame, runs: pd.DataFrame, score: str) -> tuple[float, float, bool, set[str]]:
    """Where an axis of a score without natural ends begins and ends so that most epochs are seen.

    Args:
        histories: one row per run and epoch, not empty.
        runs: the same runs' rows of the runs table.
        score: what is drawn, as columns have it.

    Returns:
        Its ends, that it is linear, and names of treatments that end too far from the others to share it.
    """
    sides = [f"train_{score}", f"val_{score}"]
    sign = 1 if lower_is_better(sides[1]) else -1  # so that what is worse is larger
    ends = (runs.groupby("treatment", sort=False)[sides].mean() * sign).agg(["min", "max"], axis=1).dropna()
    if ends.empty:
        return 0.0, 1.0, False, set()
    best, middle = float(ends["min"].min()), float(ends["max"].median())
    good = ends[ends["max"] <= middle + FAR * (middle - best)]
    poor = {str(name) for name in ends.index.difference(good.index)}
    values = (histories.loc[~histories["treatment"].isin(poor), sides] * sign).to_numpy(dtype=np.float64)
    values = values[np.isfinite(values)]
    worst = float(good["max"].max()) + (middle - best) * ROOM
    if values.size and (values > worst).mean() > MOST_HIDDEN:
        worst = max(worst, float(np.quantile(values, 1 - FEW_HIDDEN)))
    least = min(best, float(values.min())) if values.size else best
    room = (worst - least) * ROOM or 1.0
    low, high = sorted((sign * (least - room), sign * worst))
    floor = 0.0 if low < 0 <= sign * least and sign > 0 else low
    return floor, high, False, poor


NOTE = "The accuracy axis is spaced by errors: each step halves or so what is left to 100%."


def without_far_off(means: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table of accuracies, in percent, without those that learned so little that others had no room."""
    lowest = means.min(axis=1)
    return means[lowest >= lowest.median() - FAR_OFF]


def far_off(means: pd.DataFrame, usual: pd.DataFrame) -> str:
    """Which treatments learned too little to be drawn beside the others."""
    left = [wording.cut(str(name), 60) for name in means.index.difference(usual.index, sort=False)]
    more = f" and {len(left) - 5} more" if len(left) > 5 else ""
    return f" Far off, and left out: {', '.join(left[:5])}{more}." if left else ""
