"""The figure of effects: what every level changes in one metric, with its interval and its replicates."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from ablate.analysis.estimates import ROUNDING
from ablate.report import wording
from ablate.report.figures.canvas import (
    INK,
    MOST_MARKS,
    MOST_TREATMENTS,
    RULE,
    VERDICT_STYLE,
    Picture,
    panels,
    picture,
    theme,
)
from ablate.results.embedded import thinned


def figure(table: pd.DataFrame, by_seed: pd.DataFrame, name: str = "effects") -> Picture:
    """Every level's effect on one metric: mean, 95% interval and one dot per replicate, around a line at zero.

    Args:
        table: what `analysis.effects.effects` returns, not empty.
        by_seed: what `analysis.effects.seed_differences` returns for the same runs and metric.
        name: unique within the page.
    """
    metric = str(table["metric"].iloc[0])
    scale = wording.scale(metric)
    rows = table.head(MOST_TREATMENTS).to_dict("records")
    most = (MOST_MARKS - 3 * len(rows) - 1) // len(rows)  # dots; a row has an interval, a mean and perhaps a rule
    with theme():
        figure, (axes,) = panels(1, 1, 9.4, 1.15 + 0.36 * len(rows))
        axes.axvline(0, color=INK, linewidth=1, zorder=1)
        for place, row in enumerate(rows):
            colour, marker = VERDICT_STYLE[row["verdict"]]
            own = by_seed[(by_seed["factor"] == row["factor"]) & (by_seed["level"] == row["level"])]
            dots = _dots(own["difference"].to_numpy(dtype=float) * scale, most)
            axes.scatter(dots, place + _jitter(len(dots), 0.16), s=11, color=colour, alpha=0.35, linewidths=0, zorder=2)
            if math.isfinite(row["low"]):
                axes.plot([row["low"] * scale, row["high"] * scale], [place, place], color=colour, linewidth=2.4)
            axes.plot(
                [row["mean"] * scale], [place], marker=marker, color=colour, markersize=7, markeredgecolor="white"
            )
        _effect_axes(axes, rows, metric, scale)
        found = _largest(rows, metric)
        every = by_seed.groupby(["factor", "level"]).size().max() <= most
        dotted = "one per replicate" if every else f"{most} of a level's replicates, evenly picked by size"
        note = (
            f"Marks: mean difference from the factor's baseline; bars: 95% interval; dots: {dotted}. "
            "▲ helps, ▼ hurts, ● undecided, ◆ exploratory, ■ inert, ⬢ coverage only."
        )
        if axes.get_xscale() != "linear":
            note += " Far from zero the axis is logarithmic."
        if len(rows) < len(table):
            note += f" The first {len(rows)} of {len(table)} levels; the table has all."
        return picture(figure, name, f"Effect of every level on {wording.metric_name(metric)}", found, note)


def _dots(differences: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.float64]:
    """The differences; of more than so many the smallest, the largest and those evenly between."""
    return differences if len(differences) <= most else np.sort(differences)[thinned(len(differences), most)]


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
        axes.xaxis.set_major_formatter(FuncFormatter(lambda amount, _: wording.number(amount, int(amount % 1 > 0))))
        axes.xaxis.set_minor_locator(NullLocator())
    elif max(map(abs, axes.dataLim.intervalx)) <= ROUNDING * scale:
        one = 1.0 if scale > 1 or wording.unit(metric) else 0.1  # a point, an epoch, a second; a tenth of a loss
        axes.set_xlim(-one, one)
    unit = f", {wording.unit(metric)}" if wording.unit(metric) else ""
    axes.set_xlabel(f"difference in {wording.metric_name(metric)} from the baseline{unit}")
    previous = None
    for place, row in enumerate(rows):
        if previous not in (None, row["factor"]):
            axes.axhline(place - 0.5, color=RULE, linewidth=0.8, zorder=0)
        previous = row["factor"]


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
