"""The figure of calibration."""

import numpy as np

from ablate.report.figures import calibration
from ablate.report.held_out import Answers


def answers(treatment, sure, right):
    """Of 100 answers, half in the eighth bin and half in the last, their probabilities and how many are right."""
    bins = np.zeros((3, 15))
    for place, each, hits in zip((7, 14), sure, right, strict=True):
        bins[:, place] = 50, 50 * each, hits
    return Answers(treatment, 1, ("no", "yes"), np.eye(2, dtype=int), bins)


def test_it_says_who_is_too_sure():
    drawn = calibration.figure([answers("baseline", (0.5, 0.99), (25, 30)), answers("other", (0.5, 0.95), (40, 49))])
    assert drawn.description == (
        "baseline gives its answers 74.5% on average and is right in 55.0%: on the whole 19.5 points too sure; "
        "other gives its answers 72.5% on average and is right in 89.0%: on the whole 16.5 points not sure enough."
    )
    assert "baseline" in drawn.markup
    assert "other" in drawn.markup


def test_bins_without_answers_are_left_out():
    drawn = calibration.figure([answers("baseline", (0.5, 0.99), (25, 50))])
    assert drawn.markup.count("<use") + drawn.markup.count("<path") < 40
    assert "nan" not in drawn.markup
