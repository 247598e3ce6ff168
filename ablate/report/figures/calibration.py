"""The figure of calibration: how often networks are right, by how sure they say they are."""

from collections.abc import Sequence

import numpy as np

from ablate.report import wording
from ablate.report.figures.canvas import BLUE, MUTED, ORANGE, Picture, panels, picture, theme
from ablate.report.held_out import Answers

_LARGEST = 90.0  # square points of the mark of a bin with most of the answers


def figure(every: Sequence[Answers]) -> Picture:
    """The share of right answers against the mean probability that was given to them, bin by bin.

    Args:
        every: what `held_out.collect` returns, those with finite probabilities, not empty.
    """
    with theme():
        figure, (axes,) = panels(1, 1, 5.6, 4.6)
        axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1, dashes=(3, 2), zorder=1)
        for answers, colour, marker, line in zip(every, (BLUE, ORANGE), "os", ("-", "--"), strict=False):
            counts, sure, right = answers.calibration
            full = counts > 0
            x, y = sure[full] / counts[full] * 100, right[full] / counts[full] * 100
            axes.plot(x, y, line, color=colour, linewidth=1.4, label=wording.cut(answers.treatment, 40))
            axes.scatter(x, y, s=8 + _LARGEST * counts[full] / counts.sum(), color=colour, marker=marker, zorder=3)
        low = min(
            float((a.calibration[1] / np.maximum(a.calibration[0], 1))[a.calibration[0] > 0].min()) for a in every
        )
        axes.set_xlim(max(low * 100 - 4, 0), 101)
        axes.set_ylim(-2, 102)
        axes.grid()
        axes.set_xlabel("how sure, mean probability of the answer, %")
        axes.set_ylabel("how often right, %")
        axes.legend(loc="lower right")
        note = (
            "Test set, all runs of a treatment together, answers in 15 bins by their probability; larger marks are "
            "more answers. On the dashed line networks are right as often as they say; below it they are too sure."
        )
        return picture(figure, "calibration", "How sure, and how often right", _finding(every), note)


def _finding(every: Sequence[Answers]) -> str:
    """How sure each treatment is on average, and how often it is right."""
    told = []
    for answers in every:
        says, right = (float(sums.sum() / answers.calibration[0].sum()) for sums in answers.calibration[1:])
        which = "too sure" if says > right else "not sure enough"
        told.append(
            f"{answers.treatment} gives its answers {wording.percent(says, 1)}% on average and is right in "
            f"{wording.percent(right, 1)}%: on the whole {wording.points(round(abs(says - right), 3))} {which}"
        )
    return f"{'; '.join(told)}."
