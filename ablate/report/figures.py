"""The figures of effects and of the accuracy gap: one function a figure, tables in, `Picture` out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from ablate.analysis.estimates import estimate_mean
from ablate.report import wording
from ablate.report.canvas import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    RULE,
    VERDICT_STYLE,
    Picture,
    panels,
    picture,
    theme,
)

MOST_TREATMENTS = 48


def effects(table: pd.DataFrame, by_seed: pd.DataFrame) -> Picture:
    """Every level's effect on one metric: mean, 95% interval and one dot per replicate, around a line at zero.

    Args:
        table: what `analysis.effects.effects` returns, not empty.
        by_seed: what `analysis.effects.seed_differences` returns for the same runs.
    """
    metric = str(table["metric"].iloc[0])
    scale = wording.scale(metric)
    rows = table.to_dict("records")
    with theme():
        figure, (axes,) = panels(1, 1, 9.4, 1.15 + 0.36 * len(rows))
        axes.axvline(0, color=INK, linewidth=1, zorder=1)
        for place, row in enumerate(rows):
            colour, marker = VERDICT_STYLE[row["verdict"]]
            own = by_seed[(by_seed["factor"] == row["factor"]) & (by_seed["level"] == row["level"])]
            dots = own["difference"].to_numpy(dtype=float) * scale
            axes.scatter(dots, place + _jitter(len(dots), 0.16), s=11, color=colour, alpha=0.35, linewidths=0, zorder=2)
            if math.isfinite(row["low"]):
                axes.plot([row["low"] * scale, row["high"] * scale], [place, place], color=colour, linewidth=2.4)
            axes.plot(
                [row["mean"] * scale], [place], marker=marker, color=colour, markersize=7, markeredgecolor="white"
            )
        _effect_axes(axes, rows, metric, scale)
        found = _largest(rows, metric)
        note = (
            "Marks: mean difference from the factor's baseline; bars: 95% interval; dots: one per replicate. "
            "▲ helps, ▼ hurts, ● undecided, ◆ exploratory, ■ inert, ⬢ coverage only."
        )
        if axes.get_xscale() != "linear":
            note += " Far from zero the axis is logarithmic."
        return picture(figure, "effects", f"Effect of every level on {wording.metric_name(metric)}", found, note)


def _effect_axes(axes: Axes, rows: Sequence[Mapping[Any, Any]], metric: str, scale: int) -> None:
    axes.set_yticks(range(len(rows)), [wording.cut(f"{row['factor']} = {row['level']}", 52) for row in rows], color=INK)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    values = [abs(row["mean"]) * scale for row in rows if math.isfinite(row["mean"])]
    if values and max(values) > 10 * max(float(np.median(values)), 0.5):
        # Without this one broken treatment squeezes all the others onto the zero line.
        threshold = _nice(max(float(np.median(values)), 0.5))
        axes.set_xscale("symlog", linthresh=threshold, linscale=1.2)
        low, high = (reach * 1.25 for reach in axes.get_xlim())
        ticks = [sign * step * threshold for sign in (-1, 1) for step in (1, 2, 5, 10, 20, 50, 100)]
        axes.set_xticks([0, *(tick for tick in ticks if low <= tick <= high)])
        axes.set_xlim(low, high)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda amount, _: wording.number(amount, 0)))
        axes.xaxis.set_minor_locator(NullLocator())
    unit = f", {wording.unit(metric)}" if wording.unit(metric) else ""
    axes.set_xlabel(f"difference in {wording.metric_name(metric)} from the baseline{unit}")
    previous = None
    for place, row in enumerate(rows):
        if previous not in (None, row["factor"]):
            axes.axhline(place - 0.5, color=RULE, linewidth=0.8, zorder=0)
        previous = row["factor"]


def accuracy_gap(runs: pd.DataFrame) -> Picture:
    """Training and validation accuracy of every treatment, joined by their gap.

    Args:
        runs: finished runs, not empty.
    """
    means = runs.groupby("treatment", sort=False)[["train_accuracy", "val_accuracy", "gap"]].mean() * 100
    shown = means.head(MOST_TREATMENTS)
    with theme():
        figure, (axes,) = panels(1, 1, 9.4, 1.25 + 0.34 * len(shown))
        for place, row in enumerate(shown.itertuples()):
            train, held_out = float(str(row.train_accuracy)), float(str(row.val_accuracy))
            axes.plot([held_out, train], [place, place], color="#aab4be", linewidth=3, zorder=1, solid_capstyle="butt")
            axes.plot([train], [place], "o", color=BLUE, markersize=7, zorder=3)
            axes.plot(
                [held_out], [place], "D", color=ORANGE, markersize=6.5, markerfacecolor="white", markeredgewidth=2
            )
            text = f"gap {wording.number(float(str(row.gap)), 1)}"
            axes.annotate(
                text, (1.015, place), xycoords=("axes fraction", "data"), va="center", fontsize=8.5, color=MUTED
            )
        axes.plot([], [], "o", color=BLUE, label="training")
        axes.plot([], [], "D", color=ORANGE, markerfacecolor="white", markeredgewidth=2, label="validation")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, handletextpad=0.2)
        axes.set_yticks(range(len(shown)), [wording.cut(str(name), 46) for name in shown.index], color=INK)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_xlabel("accuracy, %, inference mode, mean over the replicates")
        widest, narrowest = means["gap"].idxmax(), means["gap"].idxmin()
        found = f"The gap of {widest} is {wording.number(means['gap'].max(), 1)} points."
        if len(means) > 1:
            found = (
                f"Widest gap: {widest}, {wording.number(means['gap'].max(), 1)} points. "
                f"Narrowest: {narrowest}, {wording.number(means['gap'].min(), 1)} points."
            )
        note = "Both marks far left: underfitting. A long bar: overfitting. Both far right and close: what one wants."
        if len(shown) < len(means):
            note += f" The first {len(shown)} of {len(means)} treatments; the table has all."
        return picture(figure, "accuracy-gap", "Training and validation accuracy by treatment", found, note)


def gap_by_level(runs: pd.DataFrame, levels: Mapping[str, Sequence[str]]) -> Picture:
    """The final gap at every level of each factor: mean, 95% interval and one dot per replicate.

    Where a factor's level occurs in treatments that change other factors too (a grid), each seed counts once, with
    the mean over them; in a one-at-a-time study the others are at their baseline.

    Args:
        runs: finished runs, not empty.
        levels: the labels of every factor's levels, the baseline first; not empty.
    """
    columns = min(len(levels), 2)
    names = list(levels)
    heights = [
        1.15 + 0.34 * max(len(levels[name]) for name in names[start : start + columns])
        for start in range(0, len(names), columns)
    ]
    note = "Diamonds: mean; bars: 95% interval; dots: one per replicate. The first level of each panel is the baseline."
    with theme():
        figure, grid = panels(len(heights), columns, 4.7, sum(heights) / len(heights), heights)
        for axes, (factor, labels) in zip(grid, levels.items(), strict=False):
            subset = one_at_a_time(runs, levels, factor).assign(points=lambda table: table["gap"] * 100)
            for place, label in enumerate(labels):
                values = by_seed(subset.loc[subset[factor] == label], "points")
                axes.scatter(
                    values, place + _jitter(len(values), 0.16), s=12, color=BLUE, alpha=0.4, linewidths=0, zorder=2
                )
                estimate = estimate_mean(values)
                if math.isfinite(estimate.low):
                    axes.plot([estimate.low, estimate.high], [place, place], color=INK, linewidth=2)
                if len(values):
                    axes.plot([estimate.mean], [place], "D", color=INK, markersize=5.5, markeredgecolor="white")
            axes.axvline(0, color=MUTED, linewidth=0.8)
            axes.set_title(wording.cut(factor, 40))
            axes.set_yticks(range(len(labels)), [wording.cut(label, 34) for label in labels], color=INK)
            axes.set_ylim(len(labels) - 0.4, -0.6)
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
            axes.grid(axis="x")
            axes.set_xlabel("final gap, points")
        for axes in grid[len(levels) :]:
            axes.set_axis_off()
        return picture(figure, "gap-by-level", "Final generalization gap by level", _gap_finding(runs, levels), note)


def by_seed(runs: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """One value a seed, the mean of its runs: runs of a seed share data and weights and are not independent."""
    return np.asarray(runs.groupby("seed")[column].mean().dropna(), dtype=np.float64)


def one_at_a_time(runs: pd.DataFrame, levels: Mapping[str, Sequence[str]], factor: str) -> pd.DataFrame:
    """The runs that show a factor alone: all where levels are crossed, else those with the others at baseline."""
    others = [name for name in levels if name != factor]
    at_baseline = pd.Series(data=True, index=runs.index)
    for name in others:
        at_baseline &= runs[name] == levels[name][0]
    crossed = bool(((runs[factor] != levels[factor][0]) & ~at_baseline).any())
    return runs if crossed else runs[at_baseline]


def _gap_finding(runs: pd.DataFrame, levels: Mapping[str, Sequence[str]]) -> str:
    """The factors whose levels differ most in the gap."""
    ranges = []
    for factor, labels in levels.items():
        means = one_at_a_time(runs, levels, factor).groupby(factor)["gap"].mean().reindex(list(labels)).dropna() * 100
        if len(means) > 1:
            low, high = (f"{found} at {means.index[place]}" for found, place in (
                (wording.number(float(means.min()), 1), int(means.argmin())),
                (wording.number(float(means.max()), 1), int(means.argmax())),
            ))  # fmt: skip
            ranges.append((float(means.max() - means.min()), f"{factor} (from {low} to {high})"))
    ranges.sort(key=lambda entry: -entry[0])
    if not ranges:
        return "No factor has two levels with finished runs yet."
    return f"The mean gap differs most between the levels of {'; then '.join(text for _, text in ranges[:3])}."


def _largest(rows: Sequence[Mapping[Any, Any]], metric: str) -> str:
    known = sorted((row for row in rows if math.isfinite(row["mean"])), key=lambda row: float(row["mean"]))
    if not known:
        return "No level has a pair of finished runs yet."
    texts = [
        f"{row['factor']}={row['level']}, {wording.effect(row)}, {row['verdict']}" for row in (known[-1], known[0])
    ]
    name = wording.metric_name(metric)
    if len(known) == 1:
        return f"Difference in {name}: {texts[0]}."
    return f"Highest difference in {name}: {texts[0]}. Lowest: {texts[1]}."


def _jitter(count: int, reach: float) -> npt.NDArray[np.float64]:
    """Offsets that keep dots apart, the same every time."""
    return np.asarray((np.arange(count) * 0.618034 % 1 - 0.5) * 2 * reach, dtype=np.float64)


def _nice(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)
