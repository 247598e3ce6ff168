"""The figures of effects, interactions and the accuracy gap: one function a figure, tables in, `Picture` out."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from ablate.analysis.estimates import ROUNDING
from ablate.report import scales, wording
from ablate.report.canvas import (
    BLUE,
    INK,
    MOST_MARKS,
    MUTED,
    ORANGE,
    RULE,
    VERDICT_STYLE,
    Picture,
    panels,
    picture,
    theme,
)
from ablate.results.embedded import thinned
from ablate.study.metrics import lower_is_better

MOST_TREATMENTS = 48  # rows of a figure
MOST_CELLS = 14  # rows, and columns, of the heat map
MOST_DOTS = 400
NEAR = 0.04  # share of an axis that a name is high
NAME_HEIGHT, NAME_WIDTH = 14.0, 170.0  # pixels that the name of a mark takes
_MARKS = {"synergistic": " ▲", "antagonistic": " ▼"}
FAR_OFF = 15.0  # points below the median treatment; what learned so little would squeeze all others into a corner


def effects(table: pd.DataFrame, by_seed: pd.DataFrame, name: str = "effects") -> Picture:
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
        axes.xaxis.set_major_formatter(FuncFormatter(lambda amount, _: wording.number(amount, 0)))
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


def accuracy_gap(runs: pd.DataFrame) -> Picture:
    """Training and validation accuracy of every treatment, joined by their gap.

    Args:
        runs: finished runs, not empty.
    """
    means = runs.groupby("treatment", sort=False)[["train_accuracy", "val_accuracy", "gap"]].mean() * 100
    near = means[["train_accuracy", "val_accuracy"]].min(axis=1)
    usual = means[near >= near.median() - FAR_OFF]
    shown = usual.head(MOST_TREATMENTS)
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
        if by_errors := scales.is_high(runs):
            low = scales.lower_end(shown[["train_accuracy", "val_accuracy"]].min().tolist())
            scales.accuracy_axis(axes, "x", low, by_errors=True)
        axes.set_xlabel("accuracy, %, inference mode, mean over the replicates")
        widest, narrowest = means["gap"].idxmax(), means["gap"].idxmin()
        found = f"The gap of {widest} is {wording.number(means['gap'].max(), 1)} points."
        if len(means) > 1:
            found = (
                f"Widest gap: {widest}, {wording.number(means['gap'].max(), 1)} points. "
                f"Narrowest: {narrowest}, {wording.number(means['gap'].min(), 1)} points."
            )
        note = "Both marks far left: underfitting. A long bar: overfitting. Both far right and close: what one wants."
        note += f" {scales.NOTE}" if by_errors else ""
        note += _far_off(means, usual)
        if len(shown) < len(usual):
            note += f" The first {len(shown)} of {len(usual)} treatments; the table has all."
        return picture(figure, "accuracy-gap", "Training and validation accuracy by treatment", found, note)


def train_against_test(runs: pd.DataFrame, best: str | None) -> Picture:
    """Training against test accuracy of every run around the diagonal, the means of treatments on top.

    Args:
        runs: finished runs, not empty.
        best: the treatment to name beside the baseline.
    """
    means = runs.groupby("treatment", sort=False)[["train_accuracy", "test_accuracy"]].mean() * 100
    usual = means[means.min(axis=1) >= means.min(axis=1).median() - FAR_OFF]
    by_errors = scales.is_high(runs)
    low = _low(usual, by_errors=by_errors)
    named = [name for name in dict.fromkeys(("baseline", best or "baseline")) if name in usual.index]
    with theme():
        figure, (axes,) = panels(1, 1, 6.6, 5.2)
        axes.plot([low, 100], [low, 100], color=MUTED, linewidth=1, dashes=(3, 2), zorder=1)
        dots = runs[runs["treatment"].isin(usual.index)]
        if len(dots) <= MOST_DOTS:
            places = (dots["train_accuracy"] * 100, dots["test_accuracy"] * 100)
            axes.scatter(*places, s=8, color=MUTED, alpha=0.35, linewidths=0, zorder=2)
        others = usual.drop(index=named).sort_values("test_accuracy", ascending=False)
        axes.plot(others["train_accuracy"], others["test_accuracy"], "o", color=BLUE, markersize=6, alpha=0.85)
        baseline = float(usual["test_accuracy"].get(named[0], np.nan)) if named else np.nan
        for name, marker in zip(named, "Ds", strict=False):
            x, y = usual.loc[name].to_numpy(dtype=float)
            axes.plot([x], [y], marker, color=ORANGE, markersize=8, markeredgecolor="white", zorder=4)
            beside: dict[str, Any] = {"xytext": (-9, 0), "ha": "right", "va": "center"}
            if marker == "s" and abs(y - baseline) < (100 - low) * NEAR:
                beside = {"xytext": (0, -9), "ha": "center", "va": "top"}  # not over the baseline's
            axes.annotate(wording.cut(name, 30), (x, y), textcoords="offset points", **beside)
        for side, label in (("x", "training"), ("y", "test")):
            scales.accuracy_axis(axes, side, low, by_errors=by_errors)  # type: ignore[arg-type]
            getattr(axes, f"set_{side}label")(f"{label} accuracy, %, inference mode")
        unnamed = _name_dots(axes, others, usual.loc[named])
        axes.grid()
        note = (
            "Round marks: means of treatments; squares and diamonds: the baseline and the best; small dots: runs. The "
            "farther below the diagonal, the wider the gap; the higher, the better."
        )
        note += " Where there is no room for a name, the table of treatments has it." if unnamed else ""
        note += f" {scales.NOTE}" if by_errors else ""
        note += _far_off(means, usual)
        return picture(figure, "train-test", "Training against test accuracy", _widest(means), note)


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


def _far_off(means: pd.DataFrame, usual: pd.DataFrame) -> str:
    """Which treatments learned too little to be drawn beside the others."""
    left = [wording.cut(str(name), 60) for name in means.index.difference(usual.index, sort=False)]
    more = f" and {len(left) - 5} more" if len(left) > 5 else ""
    return f" Far off, and left out: {', '.join(left[:5])}{more}." if left else ""


def _low(means: pd.DataFrame, *, by_errors: bool) -> float:
    """Where an axis that shows these accuracies, in percent, begins."""
    lowest = float(np.nanmin(means.to_numpy()))
    return scales.lower_end([lowest]) if by_errors else max(0.0, math.floor((lowest - 4) / 5) * 5.0)


def _widest(means: pd.DataFrame) -> str:
    """Where test accuracy stays farthest below training accuracy."""
    distance = means["train_accuracy"] - means["test_accuracy"]
    name = str(distance.idxmax())
    train, test = (wording.number(float(means[column][name]), 1) for column in means)
    highest = str(means["test_accuracy"].idxmax())
    return (
        f"{name} is farthest below the diagonal: {train}% in training, {test}% in the test. {highest} is highest with "
        f"{wording.number(float(means['test_accuracy'].max()), 1)}% in the test."
    )


def interactions(table: pd.DataFrame) -> Picture:
    """A heat map of interactions: for every pair of levels, what they do together beyond the sum of each.

    Args:
        table: what `analysis.factorial.interactions` returns, not empty.
    """
    metric = str(table["metric"].iloc[0])
    scale = wording.scale(metric)
    names, others = table["factor"] + "=" + table["level"], table["other_factor"] + "=" + table["other_level"]
    rows, columns = list(dict.fromkeys(names))[:MOST_CELLS], list(dict.fromkeys(others))[:MOST_CELLS]
    values = np.full((len(rows), len(columns)), np.nan)
    texts = np.full(values.shape, "", dtype=object)
    for name, other, mean, verdict in zip(names, others, table["mean"], table["verdict"], strict=True):
        if name in rows and other in columns:
            place = rows.index(name), columns.index(other)
            values[place], texts[place] = mean * scale, f"{wording.signed(mean, metric)}{_MARKS.get(verdict, '')}"
    shown = int((texts != "").sum())
    reach = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    better = "BrBG_r" if lower_is_better(metric) else "BrBG"
    with theme():
        figure, (axes,) = panels(1, 1, 3.2 + 1.05 * len(columns), 1.9 + 0.42 * len(rows))
        with warnings.catch_warnings():
            # seaborn 0.13.2 asks matplotlib 3.11 for something that a later version will not have.
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            sns.heatmap(
            values, annot=texts, fmt="", cmap=better, center=0, vmin=-2.2 * reach, vmax=2.2 * reach, cbar=False,
            linewidths=1, linecolor="white", annot_kws={"fontsize": 8.5, "color": INK}, ax=axes,
        )  # fmt: skip
        axes.set(xlabel="", ylabel="")
        axes.tick_params(length=0, colors=INK)
        short = [[wording.cut(name, 34) for name in side] for side in (columns, rows)]
        axes.set_xticks(np.arange(len(columns)) + 0.5, short[0], rotation=30, ha="right", rotation_mode="anchor")
        axes.set_yticks(np.arange(len(rows)) + 0.5, short[1], rotation=0)
        note = (
            "Each cell: what the two do together beyond the sum of each, "
            f"{wording.unit(metric) or wording.metric_name(metric)}; green is for the better, brown for the worse. "
            "▲ synergistic and ▼ antagonistic are clear of zero."
        )
        if shown < len(table):
            note += f" The first {shown} of {len(table)} pairs; the table has all."
        title = f"Interactions of levels in {wording.metric_name(metric)}"
        return picture(figure, "interactions", title, _strongest(table, metric), note)


def _strongest(table: pd.DataFrame, metric: str) -> str:
    """The interaction that is farthest from zero."""
    known = table[np.isfinite(table["mean"])]
    if known.empty:
        return "No pair of levels has finished runs yet."
    row = known.loc[known["mean"].abs().idxmax()]
    size = wording.difference(row["mean"], row["low"], row["high"], metric, int(row["n"]))
    return (
        f"The strongest is that of {row['factor']}={row['level']} with {row['other_factor']}={row['other_level']}: "
        f"{size}, {row['verdict']}."
    )


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
