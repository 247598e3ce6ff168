"""Learning curves: accuracy by epoch, one panel a treatment."""

import math
import textwrap
from collections.abc import Collection, Mapping, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ablate.analysis import mean_curves
from ablate.report import wording
from ablate.report.figures import scales
from ablate.report.figures.canvas import BLUE, MUTED, ORANGE, Picture, panels, picture, theme
from ablate.results.embedded import thinned

MOST_PANELS, MOST_FIGURES = 24, 3
MOST_EPOCHS = 30  # points of a curve; more cannot be seen in a panel
CURVE_COLUMNS = 3
POOR = 0.15  # a treatment this far below the median has its own accuracy axis, from 0
HEADROOM = 0.1
MOST_HIDDEN, FEW_HIDDEN = 0.25, 0.1  # shares of the epochs below the axis: from which it is moved, and to which
LABEL_MIDDLE = 0.5  # share of an axis; labels beyond it grow towards the middle
LOW_CURVE = 0.25  # mean accuracy of a curve along the foot of its panel


def learning_curves(histories: pd.DataFrame, runs: pd.DataFrame, epochs: Mapping[str, int]) -> list[Picture]:
    """Accuracy by epoch, one panel a treatment: training solid, validation dashed, best and last epochs marked.

    Args:
        histories: one row per run and epoch, not empty.
        runs: the same runs' rows of the runs table.
        epochs: how many every treatment may train, by its name.

    Returns:
        Figures of up to 24 treatments each, all on the same axes, three at most.
    """
    names = list(dict.fromkeys(histories["treatment"]))
    low, poor = common_axis(runs)
    low = shown_from(histories[~histories["treatment"].isin(poor)], low)
    early = runs[runs["stopped_epoch"] < runs["treatment"].map(epochs)]
    by_errors = scales.is_high(runs)
    chunks = [names[start : start + MOST_PANELS] for start in range(0, len(names), MOST_PANELS)]
    left = sum(map(len, chunks[MOST_FIGURES:]))
    note = (
        "Lines: mean over all replicates, in inference mode; bands: from the lowest to the highest of them. Lines are "
        "thin from the first stop on: a stopped run counts with the weights that it kept. Dotted: the mean best epoch; "
        "a line of dashes: where runs were stopped early, on average, and how many were."
    )
    note += f" {scales.NOTE}" if by_errors else ""
    if poor:
        note += " Treatments that learned too little for the common axis have one from 0."
    if left:
        note += f" The last {left} of {len(names)} treatments are left out; the table of every run has them."
    found = []
    for number, shown in enumerate(chunks[:MOST_FIGURES]):
        which = f", {number * MOST_PANELS + 1} to {number * MOST_PANELS + len(shown)}" if len(chunks) > 1 else ""
        figure = _figure(histories, runs, early, shown, low, poor, by_errors=by_errors)
        name, title = f"curves{number + 1 if number else ''}", f"Accuracy by epoch and treatment{which}"
        found.append(picture(figure, name, title, _curve_finding(runs[runs["treatment"].isin(shown)]), note))
    return found


def _figure(
    histories: pd.DataFrame,
    runs: pd.DataFrame,
    early: pd.DataFrame,
    shown: Sequence[str],
    low: float,
    poor: Collection[str],
    *,
    by_errors: bool,
) -> Figure:
    columns = min(CURVE_COLUMNS, len(shown))
    with theme():
        figure, grid = panels(math.ceil(len(shown) / columns), columns, 3.4, 2.75)
        for axes, name in zip(grid, shown, strict=False):
            _curves(axes, *(table[table["treatment"] == name] for table in (histories, runs, early)))
            from_zero = name in poor
            scales.accuracy_axis(axes, "y", 0 if from_zero else low * 100, by_errors=by_errors and not from_zero)
            axes.set_title(
                "\n".join(textwrap.wrap(wording.cut(name, 62), 33)) + ("\n(axis from 0)" if from_zero else "")
            )
        for axes in grid[len(shown) :]:
            axes.set_axis_off()
        for axes in grid[max(len(shown) - columns, 0) : len(shown)]:
            axes.set_xlabel("epoch", visible=True)  # seaborn hides the labels of axes without ticks
        for axes in grid[: len(shown) : columns]:
            axes.set_ylabel("accuracy, %", visible=True)
        handles = grid[0].get_lines()[:2]
        figure.legend(handles, ["training", "validation"], loc="outside upper left", ncols=2, handlelength=2.6)
    return figure


def _curves(axes: Axes, own: pd.DataFrame, runs: pd.DataFrame, early: pd.DataFrame) -> None:
    sides = (("train_accuracy", BLUE, "-"), ("val_accuracy", ORANGE, "--"))
    axes.set(xticks=[], yticks=[])  # seaborn lays out all tick labels after every curve
    by_side = [mean_curves.mean_curve(own, runs, column) for column, *_ in sides]
    together = int((by_side[0]["training"] == by_side[0]["training"].max()).sum())  # epochs in which every run trains
    for width, begin, end in ((1.8, 0, together), (0.9, together - 1, len(by_side[0]))):
        for everything, (_, colour, line) in zip(by_side, sides, strict=True):
            part = everything.iloc[begin:end]
            by_epoch = part.iloc[thinned(len(part), MOST_EPOCHS)] * 100
            if len(part) > (begin > 0):
                sns.lineplot(
                    x=by_epoch.index, y=by_epoch["mean"], color=colour, linewidth=width, linestyle=line, ax=axes,
                    legend=False,
                )  # fmt: skip
                axes.fill_between(
                    by_epoch.index, by_epoch["min"], by_epoch["max"], color=colour, alpha=0.14, linewidth=0
                )
    last = int(own["epoch"].max())
    high = 0.9 if own["val_accuracy"].mean() < LOW_CURVE else 0.03
    best, stopped = (
        float(table[column].astype("float64").mean())
        for table, column in ((runs, "best_epoch"), (early, "stopped_epoch"))
    )
    _mark(axes, best, "best", (1, 2), high, leftwards=best > last * 0.3)
    above = high - 0.11 if high > LABEL_MIDDLE else high + 0.11  # beside the other label there may be no room
    count = f", {len(early)} of {len(runs)}"
    _mark(axes, stopped, "stopped", (6, 3), above, leftwards=stopped > last * LABEL_MIDDLE, more=count)
    axes.grid(axis="y")
    axes.set(xlabel="", ylabel="")
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))


def _mark(
    axes: Axes, epoch: float, what: str, dashes: tuple[int, int], height: float, *, leftwards: bool, more: str = ""
) -> None:
    """A vertical line at an epoch, named beside it; nothing where the epoch is not known."""
    if not math.isfinite(epoch):
        return
    axes.axvline(epoch, color=MUTED, linewidth=1, dashes=dashes)
    axes.annotate(
        f"{what} {epoch:.0f}{more}",
        (epoch, height),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if leftwards else 4, 0),
        textcoords="offset points",
        ha="right" if leftwards else "left",
        fontsize=8.5,
        color=MUTED,
    )


def common_axis(runs: pd.DataFrame) -> tuple[float, set[str]]:
    """Where a common accuracy axis starts, and the treatments that would fall below it.

    Returns:
        A multiple of 0.05, and names of treatments that end too far below the median one.
    """
    final = runs.groupby("treatment", sort=False)[["train_accuracy", "val_accuracy"]].mean().min(axis=1).dropna()
    if final.empty:
        return 0.0, set()
    good = final[final >= final.median() - POOR]
    low = math.floor(round((float(good.min()) - HEADROOM) * 20, 6)) / 20
    return min(max(low, 0.0), 0.9), {str(name) for name in final.index.difference(good.index)}


def shown_from(histories: pd.DataFrame, low: float) -> float:
    """Where the axis starts so that most of the epochs are seen: in short runs the first ones are much of them.

    Args:
        histories: of the treatments on the common axis.
        low: where the ends of the curves would have it start.

    Returns:
        `low`; or a lower multiple of 0.05, below which a tenth of the epochs lies, if it were over a quarter.
    """
    values = histories[["train_accuracy", "val_accuracy"]].min(axis=1).astype("float64").dropna()
    if values.empty or (values < low).mean() <= MOST_HIDDEN:
        return low
    lowest = float(values.quantile(FEW_HIDDEN, interpolation="lower"))
    return min(low, max(math.floor(round(lowest * 20, 6)) / 20, 0.0))


def _curve_finding(runs: pd.DataFrame) -> str:
    """Where the curves end: validation accuracy of the kept weights."""
    ends = runs.groupby("treatment", sort=False)["val_accuracy"].mean().dropna().round(6)  # ties are ties in float32
    if ends.empty:
        return "No run has a finite validation accuracy."
    if len(ends) == 1:
        return f"{ends.index[0]} ends with a mean validation accuracy of {wording.percent(float(ends.iloc[0]))} %."
    return (
        f"{ends.idxmax()} ends with the highest mean validation accuracy, {wording.percent(float(ends.max()))} %, "
        f"and {ends.idxmin()} with the lowest, {wording.percent(float(ends.min()))} % (of the weights that are kept)."
    )
