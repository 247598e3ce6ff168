"""Accuracy axes: high accuracies are kept apart, and everything has a place."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ablate.report.figures import scales


def test_97_and_98_are_as_far_apart_as_94_and_96():
    places = scales.error_scale(np.array([94.0, 96.0, 97.0, 98.0]))
    steps = np.diff(places)
    assert abs(steps[2] - steps[0]) < 0.05
    assert steps[2] > 0.08 * (scales.error_scale(np.array(100.0)) - scales.error_scale(np.array(80.0)))


def test_the_scale_has_an_inverse_up_to_100_percent():
    accuracies = np.array([0.0, 10.0, 97.5, 99.99, 100.0])
    np.testing.assert_allclose(scales.accuracy_scale(scales.error_scale(accuracies)), accuracies, atol=1e-9)


def test_ticks_are_round_and_do_not_touch():
    assert scales.ticks(0)[-1] == 100
    for low in (0, 80, 95):
        places = scales.error_scale(np.array(scales.ticks(low)))
        span = scales.error_scale(np.array(scales.TOP)) - scales.error_scale(np.array(float(low)))
        assert (np.diff(places) >= 0.05 * span).all()
    assert {97, 98} <= set(scales.ticks(90))


def test_only_high_accuracies_are_spaced_by_errors():
    def runs(accuracy):
        return pd.DataFrame({"treatment": ["a", "b"], "val_accuracy": [accuracy, accuracy]})

    assert scales.is_high(runs(0.97))
    assert not scales.is_high(runs(0.9))
    axes = Figure().subplots()
    scales.accuracy_axis(axes, "y", 80, by_errors=True)
    assert axes.get_ylim() == (80, scales.TOP)
