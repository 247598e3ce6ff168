"""The figure of predicted against true numbers of the test set: the baseline beside the best treatment."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ablate.report import wording
from ablate.report.figures.canvas import BLUE, MUTED, ORANGE, Picture, panels, picture, theme
from ablate.results.embedded import thinned
from ablate.results.record import Record

MOST_DOTS = 220  # of a panel; two of them are still drawn as text that is sharp at any size
Pairs = npt.NDArray[np.float64]


def figure(runs: Mapping[str, Sequence[Record]]) -> Picture | None:
    """What networks predict for examples of the test set, against what is true; `None` where no record says.

    Args:
        runs: the finished runs of every treatment to be shown, by its name: the baseline, and the best.
    """
    shown = {name: pairs for name, records in runs.items() if (pairs := _pairs(records)).size}
    if not shown:
        return None
    ends = [float(end) for pairs in shown.values() for end in (pairs.min(), pairs.max())]
    low, high = min(ends), max(ends)
    margin = (high - low) * 0.04 or 1.0
    with theme():
        drawn, grid = panels(1, len(shown), 4.8, 4.6)
        for axes, (name, pairs), colour in zip(grid, shown.items(), (ORANGE, BLUE), strict=False):
            _draw(axes, pairs, colour, (low - margin, high + margin))
            axes.set_title(wording.cut(name, 44))
        for axes in grid[: len(shown)]:
            axes.set_xlabel("true, in the unit of the target")
        grid[0].set_ylabel("predicted, in the unit of the target")
    found = " ".join(_finding(name, pairs) for name, pairs in shown.items())
    most = max(map(len, shown.values()))
    note = (
        "A dot: an example of the test set and a run; on the line a prediction is right, above it too high. Where the "
        "dots lie flatter than the line, high values are predicted too low and low ones too high."
    )
    if most > MOST_DOTS:
        note += f" At most {MOST_DOTS} of {most:,} dots are drawn, evenly picked by what is true."
    return picture(drawn, "predicted", "Predicted against true, test set", found, note)


def _pairs(records: Iterable[Record]) -> Pairs:
    """True and predicted numbers of the examples that records keep, shape (n, 2), in the order of what is true."""
    kept = [np.asarray(record.held_out.numbers).T for record in records if record.held_out and record.held_out.numbers]
    found = np.concatenate(kept) if kept else np.empty((0, 2))
    found = found[np.isfinite(found).all(axis=1)]
    return found[np.argsort(found[:, 0], kind="stable")]


def _draw(axes: Axes, pairs: Pairs, colour: str, limits: tuple[float, float]) -> None:
    dots = pairs[thinned(len(pairs), MOST_DOTS)]
    axes.plot(limits, limits, color=MUTED, linewidth=1, dashes=(3, 2), zorder=1)
    axes.scatter(dots[:, 0], dots[:, 1], s=13, color=colour, alpha=0.55, linewidths=0, zorder=2)
    axes.set(xlim=limits, ylim=limits)
    axes.grid()
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _finding(name: str, pairs: Pairs) -> str:
    """How far off predictions are, and to which side at the ends of the scale."""
    errors = pairs[:, 1] - pairs[:, 0]
    tenth = max(1, len(pairs) // 10)
    ends = [(where, float(part.mean())) for where, part in (("lowest", errors[:tenth]), ("highest", errors[-tenth:]))]
    sides = " and ".join(
        f"{wording.significant(abs(mean), 3)} too {'high' if mean > 0 else 'low'} for the {where} tenth"
        for where, mean in ends
    )
    off = wording.significant(float(np.abs(errors).mean()), 3)
    return f"{name} is {off} off on average: {sides} of these examples."
