"""The figures of a regression's gap: the error of every treatment in training, validation and test."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ablate.report import wording
from ablate.report.figures import scales
from ablate.report.figures.canvas import (
    BLUE,
    INK,
    MOST_TREATMENTS,
    MUTED,
    ORANGE,
    Picture,
    panels,
    picture,
    theme,
)
from ablate.settings import metrics

FAR_OFF = 3.0  # times the range of the better half of the treatments, beyond which one would squeeze the others
MOST_DOTS = 400
_HELD_OUT: dict[str, Any] = {"color": ORANGE, "markersize": 6.5, "markerfacecolor": "white", "markeredgewidth": 2}


def gap(runs: pd.DataFrame, score: str) -> Picture:
    """A score of every treatment in training and in validation, joined by their gap.

    Args:
        runs: finished runs, not empty.
        score: as columns have it, such as `rmse`.
    """
    title, sides = metrics.describe(score).title, [f"train_{score}", f"val_{score}"]
    means = runs.groupby("treatment", sort=False)[[*sides, "gap"]].mean()
    usual = _without_far_off(means, sides, score)
    shown = usual.head(MOST_TREATMENTS)
    with theme():
        figure, (axes,) = panels(1, 1, 9.4, 1.25 + 0.34 * len(shown))
        for place, (train, held_out, distance) in enumerate(shown.to_numpy(dtype=np.float64)):
            axes.plot([held_out, train], [place, place], color="#aab4be", linewidth=3, zorder=1, solid_capstyle="butt")
            axes.plot([train], [place], "o", color=BLUE, markersize=7, zorder=3)
            axes.plot([held_out], [place], "D", **_HELD_OUT)
            axes.annotate(
                f"gap {wording.significant(distance, 3)}", (1.015, place), xycoords=("axes fraction", "data"),
                va="center", fontsize=8.5, color=MUTED,
            )  # fmt: skip
        axes.plot([], [], "o", color=BLUE, label="training")
        axes.plot([], [], "D", **_HELD_OUT, label="validation")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, handletextpad=0.2)
        axes.set_yticks(range(len(shown)), [wording.cut(str(name), 46) for name in shown.index], color=INK)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_xlabel(f"{wording.axis(score)}, inference mode, mean over the replicates")
    widest, narrowest = str(means["gap"].idxmax()), str(means["gap"].idxmin())
    found = f"Widest gap: {widest}, {wording.significant(float(means['gap'].max()), 3)}."
    if len(means) > 1:
        found += f" Narrowest: {narrowest}, {wording.significant(float(means['gap'].min()), 3)}."
    note = f"A long bar: overfitting. Both marks far to the {_worse_side(score)}: underfitting."
    note += scales.far_off(means, usual)
    if len(shown) < len(usual):
        note += f" The first {len(shown)} of {len(usual)} treatments; the table has all."
    return picture(figure, "gap", f"Training and validation: {title} by treatment", found, note)


def train_against_test(runs: pd.DataFrame, best: str | None, score: str) -> Picture:
    """A score in training against the test of every run around the diagonal, the means of treatments on top.

    Args:
        runs: finished runs, not empty.
        best: the treatment to name beside the baseline.
        score: as columns have it.
    """
    title, sides = metrics.describe(score).title, [f"train_{score}", f"test_{score}"]
    means = runs.groupby("treatment", sort=False)[sides].mean()
    usual = _without_far_off(means, sides, score)
    named = [name for name in dict.fromkeys(("baseline", best or "baseline")) if name in usual.index]
    with theme():
        figure, (axes,) = panels(1, 1, 6.6, 5.2)
        dots = runs[runs["treatment"].isin(usual.index)]
        if len(dots) <= MOST_DOTS:
            axes.scatter(dots[sides[0]], dots[sides[1]], s=8, color=MUTED, alpha=0.35, linewidths=0, zorder=2)
        others = usual.drop(index=named)
        axes.plot(others[sides[0]], others[sides[1]], "o", color=BLUE, markersize=6, alpha=0.85)
        for name, marker in zip(named, "Ds", strict=False):
            x, y = usual.loc[name].to_numpy(dtype=np.float64)
            axes.plot([x], [y], marker, color=ORANGE, markersize=8, markeredgecolor="white", zorder=4)
            above = marker == "s"
            axes.annotate(
                wording.cut(str(name), 30), (x, y), xytext=(0, 9 if above else -9), textcoords="offset points",
                ha="center", va="bottom" if above else "top",
            )  # fmt: skip
        _diagonal(axes, [*axes.get_xlim(), *axes.get_ylim()])
        for side, label in (("x", "training"), ("y", "test")):
            getattr(axes, f"set_{side}label")(f"{label}: {wording.axis(score)}, inference mode")
        axes.grid()
    lower = metrics.lower_is_better(f"test_{score}")
    best_test = str(means[sides[1]].idxmin() if lower else means[sides[1]].idxmax())
    found = f"{best_test} is best in the test, {wording.value(float(means[sides[1]][best_test]), f'test_{score}')}."
    where = "above" if lower else "below"
    note = (
        "Round marks: means of treatments; diamond: the baseline; square: the best; small dots: runs. The "
        f"farther {where} the diagonal, the wider the gap; the {'lower' if lower else 'higher'}, the better."
    )
    note += scales.far_off(means, usual)
    return picture(figure, "train-test", f"Training against test: {title}", found, note)


def _diagonal(axes: Axes, ends: Sequence[float]) -> None:
    """Where both axes are equal; they get the same limits."""
    low, high = min(ends), max(ends)
    axes.plot([low, high], [low, high], color=MUTED, linewidth=1, dashes=(3, 2), zorder=1)
    axes.set(xlim=(low, high), ylim=(low, high))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _without_far_off(means: pd.DataFrame, sides: Sequence[str], score: str) -> pd.DataFrame:
    """The treatments but those so much worse than the better half that the others would not be told apart."""
    sign = 1.0 if metrics.lower_is_better(f"val_{score}") else -1.0
    worst = (means[list(sides)] * sign).max(axis=1)
    best, middle = float((means[list(sides)] * sign).min(axis=1).min()), float(worst.median())
    limit = middle + FAR_OFF * (middle - best)
    return means[worst <= limit] if math.isfinite(limit) and (worst <= limit).any() else means


def _worse_side(score: str) -> str:
    return "right" if metrics.lower_is_better(f"val_{score}") else "left"
