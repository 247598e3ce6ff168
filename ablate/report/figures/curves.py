"""Learning curves: accuracy, or another score, by epoch, one panel a treatment."""

import math
import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

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
from ablate.settings import metrics

MOST_PANELS, MOST_FIGURES = 24, 3
MOST_EPOCHS = 30  # points of a curve; more cannot be seen in a panel
CURVE_COLUMNS = 3
POOR = 0.15  # a treatment this far below the median has its own accuracy axis, from 0
HEADROOM = 0.1
LABEL_MIDDLE = 0.5  # share of an axis; labels beyond it grow towards the middle
LOW_CURVE = 0.25  # mean accuracy of a curve along the foot of its panel


@dataclass(frozen=True)
class Scale:
    """The axis that the panels share.

    Attributes:
        score: what is drawn, as columns have it.
        low, high: its ends, as the score is drawn.
        by_errors: whether accuracies are spaced by their errors.
        poor: treatments that learned too little for it, and have an axis of their own.
    """

    score: str
    low: float
    high: float
    by_errors: bool = False
    poor: Collection[str] = ()

    @property
    def sides(self) -> list[str]:
        """The columns of the two curves."""
        return [f"train_{self.score}", f"val_{self.score}"]

    @property
    def times(self) -> int:
        """What values are multiplied by to be drawn: shares are in percent."""
        return wording.scale(f"val_{self.score}")

    def put_on(self, axes: Axes, name: str) -> str:
        """Give the panel of a treatment its axis; what to say of one of its own."""
        own = name in self.poor
        if self.times > 1:
            scales.accuracy_axis(axes, "y", 0 if own else self.low, by_errors=self.by_errors and not own)
            return "\n(axis from 0)" if own else ""
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        if not own:
            axes.set_ylim(self.low, self.high)
        return "\n(axis of its own)" if own else ""


def common_scale(histories: pd.DataFrame, runs: pd.DataFrame, score: str = "accuracy") -> Scale:
    """The axis on which most of the curves are seen.

    Args:
        histories: one row per run and epoch, not empty.
        runs: the same runs' rows of the runs table.
        score: what is drawn.
    """
    if wording.scale(f"val_{score}") == 1:
        return Scale(score, *scales.limits(histories, runs, score))
    low, poor = common_axis(runs, score)
    low = shown_from(histories[~histories["treatment"].isin(poor)], low, score)
    return Scale(score, low * 100, 100, scales.is_high(runs, score), poor)


def learning_curves(
    histories: pd.DataFrame, runs: pd.DataFrame, epochs: Mapping[str, int], score: str = "accuracy"
) -> list[Picture]:
    """A score by epoch, one panel a treatment: training solid, validation dashed, best and last epochs marked.

    Args:
        histories: one row per run and epoch, not empty.
        runs: the same runs' rows of the runs table.
        epochs: how many every treatment may train, by its name.
        score: what is drawn, as columns have it.

    Returns:
        Figures of up to 24 treatments each, all on the same axes, three at most.
    """
    names = list(dict.fromkeys(histories["treatment"]))
    scale = common_scale(histories, runs, score)
    early = runs[runs["stopped_epoch"] < runs["treatment"].map(epochs)]
    chunks = [names[start : start + MOST_PANELS] for start in range(0, len(names), MOST_PANELS)]
    left = sum(map(len, chunks[MOST_FIGURES:]))
    note = _note(scale, left, len(names))
    found = []
    for number, shown in enumerate(chunks[:MOST_FIGURES]):
        which = f", {number * MOST_PANELS + 1} to {number * MOST_PANELS + len(shown)}" if len(chunks) > 1 else ""
        figure = _figure(histories, runs, early, shown, scale)
        name, what = f"curves{number + 1 if number else ''}", wording.sentence(metrics.describe(score).title)
        title = f"{what} by epoch and treatment{which}"
        own = runs[runs["treatment"].isin(shown)]
        found.append(picture(figure, name, title, _curve_finding(own, score), note))
    return found


def _note(scale: Scale, left: int, of: int) -> str:
    """How the curves are to be read, and what is not there."""
    note = (
        "Lines: mean over all replicates, in inference mode; bands: from the lowest to the highest of them. Lines are "
        "thin from the first stop on: a stopped run counts with the weights that it kept. Dotted: the mean best epoch; "
        "a line of dashes: where runs were stopped early, on average, and how many were."
    )
    note += f" {scales.NOTE}" if scale.by_errors else ""
    if scale.poor:
        which = "one from 0" if scale.times > 1 else "one of their own"
        note += f" Treatments that learned too little for the common axis have {which}."
    if left:
        note += f" The last {left} of {of} treatments are left out; the table of every run has them."
    return note


def _figure(
    histories: pd.DataFrame, runs: pd.DataFrame, early: pd.DataFrame, shown: Sequence[str], scale: Scale
) -> Figure:
    columns = min(CURVE_COLUMNS, len(shown))
    with theme():
        figure, grid = panels(math.ceil(len(shown) / columns), columns, 3.4, 2.75)
        for axes, name in zip(grid, shown, strict=False):
            own, kept, stopped = (table[table["treatment"] == name] for table in (histories, runs, early))
            _curves(axes, own, kept, stopped, scale)
            more = scale.put_on(axes, name)
            axes.set_title("\n".join(textwrap.wrap(wording.cut(name, 62), 33)) + more)
        for axes in grid[len(shown) :]:
            axes.set_axis_off()
        for axes in grid[max(len(shown) - columns, 0) : len(shown)]:
            axes.set_xlabel("epoch", visible=True)  # seaborn hides the labels of axes without ticks
        for axes in grid[: len(shown) : columns]:
            axes.set_ylabel(
                wording.axis(scale.score) if scale.times > 1 else metrics.describe(scale.score).title, visible=True
            )
        handles = grid[0].get_lines()[:2]
        figure.legend(handles, ["training", "validation"], loc="outside upper left", ncols=2, handlelength=2.6)
    return figure


def _curves(axes: Axes, own: pd.DataFrame, runs: pd.DataFrame, early: pd.DataFrame, scale: Scale) -> None:
    sides = tuple(zip(scale.sides, (BLUE, ORANGE), ("-", "--"), strict=True))
    axes.set(xticks=[], yticks=[])  # seaborn lays out all tick labels after every curve
    by_side = [mean_curves.mean_curve(own, runs, column) for column, *_ in sides]
    together = int((by_side[0]["training"] == by_side[0]["training"].max()).sum())  # epochs in which every run trains
    for width, begin, end in ((1.8, 0, together), (0.9, together - 1, len(by_side[0]))):
        for everything, (_, colour, line) in zip(by_side, sides, strict=True):
            part = everything.iloc[begin:end]
            by_epoch = part.iloc[thinned(len(part), MOST_EPOCHS)] * scale.times
            if len(part) > (begin > 0):
                sns.lineplot(
                    x=by_epoch.index, y=by_epoch["mean"], color=colour, linewidth=width, linestyle=line, ax=axes,
                    legend=False,
                )  # fmt: skip
                axes.fill_between(
                    by_epoch.index, by_epoch["min"], by_epoch["max"], color=colour, alpha=0.14, linewidth=0
                )
    last = int(own["epoch"].max())
    falls = metrics.lower_is_better(scale.sides[1])
    along_the_foot = falls or (scale.times > 1 and own[scale.sides[1]].mean() < LOW_CURVE)
    high = 0.9 if along_the_foot else 0.03
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


def common_axis(runs: pd.DataFrame, score: str = "accuracy") -> tuple[float, set[str]]:
    """Where a common axis of shares starts, and the treatments that would fall below it.

    Returns:
        A multiple of 0.05, and names of treatments that end too far below the median one.
    """
    final = runs.groupby("treatment", sort=False)[[f"train_{score}", f"val_{score}"]].mean().min(axis=1).dropna()
    if final.empty:
        return 0.0, set()
    good = final[final >= final.median() - POOR]
    low = math.floor(round((float(good.min()) - HEADROOM) * 20, 6)) / 20
    return min(max(low, 0.0), 0.9), {str(name) for name in final.index.difference(good.index)}


def shown_from(histories: pd.DataFrame, low: float, score: str = "accuracy") -> float:
    """Where the axis starts so that most of the epochs are seen: in short runs the first ones are much of them.

    Args:
        histories: of the treatments on the common axis.
        low: where the ends of the curves would have it start.
        score: what is drawn.

    Returns:
        `low`; or a lower multiple of 0.05, below which a tenth of the epochs lies, if it were over a quarter.
    """
    values = histories[[f"train_{score}", f"val_{score}"]].min(axis=1).astype("float64").dropna()
    if values.empty or (values < low).mean() <= scales.MOST_HIDDEN:
        return low
    lowest = float(values.quantile(scales.FEW_HIDDEN, interpolation="lower"))
    return min(low, max(math.floor(round(lowest * 20, 6)) / 20, 0.0))


def _curve_finding(runs: pd.DataFrame, score: str) -> str:
    """Where the curves end: the score of the kept weights in validation."""
    column = f"val_{score}"
    name = wording.metric_name(column)
    ends = runs.groupby("treatment", sort=False)[column].mean().dropna()
    ends = ends.round(6) if wording.scale(column) > 1 else ends  # ties are ties in float32
    if ends.empty:
        return f"No run has a finite {name}."
    if len(ends) == 1:
        return f"{ends.index[0]} ends with a mean {name} of {wording.value(float(ends.iloc[0]), column)}."
    falls = metrics.lower_is_better(column)
    best, worst = (ends.idxmin(), ends.idxmax()) if falls else (ends.idxmax(), ends.idxmin())
    first, last = ("lowest", "highest") if falls else ("highest", "lowest")
    sizes = (float(ends.min()), float(ends.max())) if falls else (float(ends.max()), float(ends.min()))
    shown = [wording.value(size, column) for size in sizes]
    return (
        f"{best} ends with the {first} mean {name}, {shown[0]}, and {worst} with the {last}, {shown[1]} "
        "(of the weights that are kept)."
    )
