"""The figure of confusion matrices: which classes are taken for which, the baseline beside the best treatment."""

import warnings
from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from ablate.report import wording
from ablate.report.figures.canvas import INK, Picture, panels, picture, theme
from ablate.report.held_out import Answers

MOST_WITH_NUMBERS = 12  # classes; the cells of more are too small for numbers
MOST_NAMED = 30
_DARK = 0.55  # share from which on numbers are white


def figure(every: Sequence[Answers]) -> Picture:
    """A matrix for each treatment: of the examples of a class (row), the share that is taken for each (column).

    Args:
        every: what `held_out.collect` returns, not empty, with classes.
    """
    classes = every[0].classes
    size = max(2.9, 0.62 * min(len(classes), MOST_WITH_NUMBERS) + 1.5)
    with theme():
        figure, grid = panels(1, len(every), size + 1.1, size + 0.5)
        for axes, answers in zip(grid, every, strict=True):
            _matrix(axes, answers)
        grid[0].set_ylabel("class in the data")
        numbers = (
            "In the cells: the share in percent and, below it, how many." if len(classes) <= MOST_WITH_NUMBERS else ""
        )
        note = (
            f"Rows: examples of a class; columns: what they are taken for; added up over {_runs(every)}. On the "
            f"diagonal are the right answers. {numbers}"
        ).strip()
        return picture(figure, "confusion", "Which classes are taken for which", _finding(every), note)


def _matrix(axes: Axes, answers: Answers) -> None:
    counts = answers.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with_numbers = len(counts) <= MOST_WITH_NUMBERS
    with warnings.catch_warnings():
        # seaborn 0.13.2 asks matplotlib 3.11 for something that a later version will not have.
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        sns.heatmap(
            shares, cmap="Blues", vmin=0, vmax=1, cbar=False, square=True, ax=axes,
            linewidths=1 if with_numbers else 0, linecolor="white",
        )  # fmt: skip
    for row, column in np.ndindex(*counts.shape) if with_numbers else ():
        if counts[row, column]:
            text = f"{wording.percent(shares[row, column], 1)}\n{counts[row, column]:,}"
            colour = "white" if shares[row, column] > _DARK else INK
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8.5, color=colour)
    names = [wording.cut(name, 16) for name in answers.classes] if len(counts) <= MOST_NAMED else []
    places = np.arange(len(names)) + 0.5
    axes.set_xticks(places, names, rotation=30 if len(names) > 2 else 0, ha="right" if len(names) > 2 else "center")
    axes.set_yticks(places, names, rotation=0)
    axes.tick_params(length=0, colors=INK)
    axes.set(xlabel="taken for", title=wording.cut(answers.treatment, 34))


def _runs(every: Sequence[Answers]) -> str:
    counts = sorted({answers.runs for answers in every})
    return f"{wording.plural(counts[0], 'run')} each" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} runs each"


def _finding(every: Sequence[Answers]) -> str:
    """How many examples each treatment answers rightly, and the class that it finds least of."""
    told = []
    for answers in every:
        found = np.array([answers.found(index) for index in range(len(answers.classes))])
        worst = int(np.nanargmin(found))
        told.append(
            f"{answers.treatment} finds {wording.percent(float(found[worst]), 1)}% of “{answers.classes[worst]}”, the "
            "class that it finds least of"
        )
    return f"{'; '.join(told)}."
