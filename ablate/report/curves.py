"""Learning curves: accuracy by epoch, one panel a treatment."""

import math
import textwrap

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ablate.report import wording
from ablate.report.canvas import BLUE, MUTED, ORANGE, Picture, panels, picture, theme

MOST_PANELS = 24
CURVE_COLUMNS = 3
POOR = 0.15  # a treatment this far below the median has its own accuracy axis, from 0
HEADROOM = 0.1
LOW_CURVE = 0.25  # mean accuracy of a curve along the foot of its panel


def learning_curves(histories: pd.DataFrame, runs: pd.DataFrame) -> Picture:
    """Accuracy by epoch, one panel a treatment: training solid, validation dashed, the mean best epoch marked.

    Args:
        histories: one row per run and epoch, not empty.
        runs: the same runs' rows of the runs table.
    """
    names = list(dict.fromkeys(histories["treatment"]))
    shown = names[:MOST_PANELS]
    low, poor = accuracy_axis(runs)
    columns = min(CURVE_COLUMNS, len(shown))
    with theme():
        figure, grid = panels(math.ceil(len(shown) / columns), columns, 3.4, 2.75)
        for axes, name in zip(grid, shown, strict=False):
            own = histories[histories["treatment"] == name]
            _curves(axes, own, runs[runs["treatment"] == name])
            axes.set_ylim(0 if name in poor else low * 100, 101)
            axes.set_title(
                "\n".join(textwrap.wrap(wording.cut(name, 62), 33)) + ("\n(axis from 0)" if name in poor else "")
            )
        for axes in grid[len(shown) :]:
            axes.set_axis_off()
        for axes in grid[max(len(shown) - columns, 0) : len(shown)]:
            axes.set_xlabel("epoch", visible=True)  # seaborn hides the labels of axes without ticks
        for axes in grid[: len(shown) : columns]:
            axes.set_ylabel("accuracy, %", visible=True)
        handles = grid[0].get_lines()[:2]
        figure.legend(handles, ["training", "validation"], loc="outside upper left", ncols=2, handlelength=2.6)
    note = (
        "Lines: mean, in inference mode, over the replicates still training at that epoch; bands: from the lowest to "
        "the highest of them. "
        "The vertical mark is the mean best epoch (lowest validation loss)."
    )
    if poor & set(shown):
        note += " Treatments that learned too little for the common axis have one from 0."
    if len(shown) < len(names):
        note += f" The first {len(shown)} of {len(names)} treatments are drawn; the tables have all."
    return picture(figure, "curves", "Accuracy by epoch and treatment", _curve_finding(runs), note)


def _curves(axes: Axes, own: pd.DataFrame, runs: pd.DataFrame) -> None:
    sides = (("train_accuracy", BLUE, "-"), ("val_accuracy", ORANGE, "--"))
    axes.set(xticks=[], yticks=[])  # seaborn lays out all tick labels after every curve
    for column, colour, line in sides:
        by_epoch = own.groupby("epoch")[column].agg(["mean", "min", "max"]) * 100
        sns.lineplot(
            x=by_epoch.index, y=by_epoch["mean"], color=colour, linewidth=1.8, linestyle=line, ax=axes, legend=False
        )
        axes.fill_between(by_epoch.index, by_epoch["min"], by_epoch["max"], color=colour, alpha=0.14, linewidth=0)
    best = float(runs["best_epoch"].astype("float64").mean())
    if math.isfinite(best):
        axes.axvline(best, color=MUTED, linewidth=1, dashes=(1, 2))
        axes.annotate(
            f"best {best:.0f}",
            (best, 0.9 if own["val_accuracy"].mean() < LOW_CURVE else 0.03),
            xycoords=("data", "axes fraction"),
            xytext=(-4, 0),
            textcoords="offset points",
            ha="right" if best > own["epoch"].max() * 0.3 else "left",
            fontsize=8.5,
            color=MUTED,
        )
    axes.grid(axis="y")
    axes.set(xlabel="", ylabel="")
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def accuracy_axis(runs: pd.DataFrame) -> tuple[float, set[str]]:
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


def _curve_finding(runs: pd.DataFrame) -> str:
    """Where the curves end: validation accuracy of the kept weights."""
    ends = runs.groupby("treatment", sort=False)["val_accuracy"].mean().dropna()
    if ends.empty:
        return "No run has a finite validation accuracy."
    if len(ends) == 1:
        return f"{ends.index[0]} ends with a mean validation accuracy of {wording.percent(float(ends.iloc[0]))} %."
    return (
        f"{ends.idxmax()} ends with the highest mean validation accuracy, {wording.percent(float(ends.max()))} %, "
        f"and {ends.idxmin()} with the lowest, {wording.percent(float(ends.min()))} % (of the weights that are kept)."
    )
