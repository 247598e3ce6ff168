"""The figure of the accuracy gap: training and validation accuracy of every treatment."""

import pandas as pd

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
from ablate.settings.metrics import describe


def figure(runs: pd.DataFrame, score: str = "accuracy") -> Picture:
    """Training and validation accuracy of every treatment, or another share, joined by their gap.

    Args:
        runs: finished runs, not empty.
        score: what is drawn, as columns have it.
    """
    title = describe(score).title
    means = runs.groupby("treatment", sort=False)[[f"train_{score}", f"val_{score}"]].mean() * 100
    means.columns = pd.Index(["train", "val"])
    means["gap"] = means["train"] - means["val"]
    usual = means.loc[scales.without_far_off(means[["train", "val"]]).index]
    shown = usual.head(MOST_TREATMENTS)
    with theme():
        figure, (axes,) = panels(1, 1, 9.4, 1.25 + 0.34 * len(shown))
        for place, row in enumerate(shown.itertuples()):
            train, held_out = float(str(row.train)), float(str(row.val))
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
        if by_errors := scales.is_high(runs, score):
            low = scales.lower_end(shown[["train", "val"]].min().tolist())
            scales.accuracy_axis(axes, "x", low, by_errors=True)
        axes.set_xlabel(f"{title}, %, inference mode, mean over the replicates")
        widest, narrowest = means["gap"].idxmax(), means["gap"].idxmin()
        found = f"The gap of {widest} is {wording.number(means['gap'].max(), 1)} points."
        if len(means) > 1:
            found = (
                f"Widest gap: {widest}, {wording.number(means['gap'].max(), 1)} points. "
                f"Narrowest: {narrowest}, {wording.number(means['gap'].min(), 1)} points."
            )
        note = "Both marks far left: underfitting. A long bar: overfitting. Both far right and close: what one wants. "
        note += "The gap is the length of the bar, of the weights that were kept."
        note += f" {scales.NOTE}" if by_errors else ""
        note += scales.far_off(means, usual)
        if len(shown) < len(usual):
            note += f" The first {len(shown)} of {len(usual)} treatments; the table has all."
        return picture(figure, "accuracy-gap", f"Training and validation {title} by treatment", found, note)
