"""The figure of training against test accuracy, every run around the diagonal."""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ablate.report import wording
from ablate.report.figures import scales
from ablate.report.figures.canvas import (
    BLUE,
    MUTED,
    ORANGE,
    Picture,
    panels,
    picture,
    theme,
)
from ablate.settings.metrics import describe

MOST_DOTS = 400
NEAR = 0.04  # share of an axis that a name is high
NAME_HEIGHT, NAME_WIDTH = 14.0, 170.0  # pixels that the name of a mark takes


def figure(runs: pd.DataFrame, best: str | None, score: str = "accuracy") -> Picture:
    """Training against test accuracy, or another share, of every run around the diagonal, means on top.

    Args:
        runs: finished runs, not empty.
        best: the treatment to name beside the baseline.
        score: what is drawn, as columns have it.
    """
    title, columns = describe(score).title, [f"train_{score}", f"test_{score}"]
    means = runs.groupby("treatment", sort=False)[columns].mean() * 100
    means.columns = pd.Index(["train", "test"])
    usual = scales.without_far_off(means)
    by_errors = scales.is_high(runs, score)
    low = _low(usual, by_errors=by_errors)
    named = [name for name in dict.fromkeys(("baseline", best or "baseline")) if name in usual.index]
    with theme():
        figure, (axes,) = panels(1, 1, 6.6, 5.2)
        axes.plot([low, 100], [low, 100], color=MUTED, linewidth=1, dashes=(3, 2), zorder=1)
        dots = runs[runs["treatment"].isin(usual.index)]
        if len(dots) <= MOST_DOTS:
            places = (dots[columns[0]] * 100, dots[columns[1]] * 100)
            axes.scatter(*places, s=8, color=MUTED, alpha=0.35, linewidths=0, zorder=2)
        others = usual.drop(index=named).sort_values("test", ascending=False)
        axes.plot(others["train"], others["test"], "o", color=BLUE, markersize=6, alpha=0.85)
        baseline = float(usual["test"].get(named[0], np.nan)) if named else np.nan
        for name, marker in zip(named, "Ds", strict=False):
            x, y = usual.loc[name].to_numpy(dtype=float)
            axes.plot([x], [y], marker, color=ORANGE, markersize=8, markeredgecolor="white", zorder=4)
            beside: dict[str, Any] = {"xytext": (-9, 0), "ha": "right", "va": "center"}
            if marker == "s" and abs(y - baseline) < (100 - low) * NEAR:
                beside = {"xytext": (0, -9), "ha": "center", "va": "top"}  # not over the baseline's
            axes.annotate(wording.cut(name, 30), (x, y), textcoords="offset points", **beside)
        for side, label in (("x", "training"), ("y", "test")):
            scales.accuracy_axis(axes, side, low, by_errors=by_errors)  # type: ignore[arg-type]
            getattr(axes, f"set_{side}label")(f"{label} {title}, %, inference mode")
        unnamed = _name_dots(axes, others, usual.loc[named])
        axes.grid()
        note = (
            "Round marks: means of treatments; diamond: the baseline; square: the best; small dots: runs. The "
            "farther below the diagonal, the wider the gap; the higher, the better."
        )
        note += " Where there is no room for a name, the table of treatments has it." if unnamed else ""
        note += f" {scales.NOTE}" if by_errors else ""
        note += scales.far_off(means, usual)
        return picture(figure, "train-test", f"Training against test {title}", _widest(means), note)


def _name_dots(axes: Axes, others: pd.DataFrame, named: pd.DataFrame) -> int:
    """Write the names of treatments beside their marks, the highest first, where they do not run into another.

    Args:
        axes: with their limits and scales.
        others: mean accuracies of the treatments without a name so far.
        named: of those that have one.

    Returns:
        How many have none.
    """
    taken = [tuple(axes.transData.transform(place)) for place in named.to_numpy(dtype=np.float64)]
    left = 0
    for name, place in zip(others.index, others.to_numpy(dtype=np.float64), strict=True):
        x, y = map(float, axes.transData.transform(place))
        if any(abs(y - other[1]) < NAME_HEIGHT and abs(x - other[0]) < NAME_WIDTH for other in taken):
            left += 1
            continue
        taken.append((x, y))
        axes.annotate(
            wording.cut(str(name), 24), tuple(place), xytext=(-7, 0), textcoords="offset points", ha="right",
            va="center", fontsize=8, color=MUTED,
        )  # fmt: skip
    return left


def _low(means: pd.DataFrame, *, by_errors: bool) -> float:
    """Where an axis that shows these accuracies, in percent, begins."""
    lowest = float(np.nanmin(means.to_numpy()))
    return scales.lower_end([lowest]) if by_errors else max(0.0, math.floor((lowest - 4) / 5) * 5.0)


def _widest(means: pd.DataFrame) -> str:
    """Where the test stays farthest below the training."""
    distance = means["train"] - means["test"]
    name = str(distance.idxmax())
    train, test = (wording.number(float(means[column][name]), 1) for column in means)
    highest = str(means["test"].idxmax())
    return (
        f"{name} is farthest below the diagonal: {train}% in training, {test}% in the test. {highest} is highest with "
        f"{wording.number(float(means['test'].max()), 1)}% in the test."
    )
