"""Figures of the gap of a regression: in the unit of its error, whichever way is better."""

import pandas as pd
import pytest

from ablate.report.figures import errors
from tests.invented import NUMBER


@pytest.fixture
def runs(make):
    return make(data=NUMBER).runs


def test_the_gap_is_named_with_its_size(runs):
    means = runs.groupby("treatment")["gap"].mean()
    picture = errors.gap(runs, "rmse")
    assert picture.title == "Training and validation: root mean squared error by treatment"
    assert f"Widest gap: {means.idxmax()}, {means.max():.3g}" in picture.description
    assert "in the unit of the target" in picture.markup
    assert "to the right: underfitting" in picture.note
    assert "to the left: underfitting" in errors.gap(runs, "r2").note


def test_training_against_test_says_which_side_of_the_diagonal_is_worse(runs):
    best = runs.groupby("treatment")["test_rmse"].mean()
    picture = errors.train_against_test(runs, str(best.idxmin()), "rmse")
    assert picture.description.startswith(f"{best.idxmin()} is best in the test, {best.min():.4g}")
    assert "above the diagonal, the wider the gap; the lower, the better" in picture.note
    assert (
        "below the diagonal, the wider the gap; the higher, the better"
        in errors.train_against_test(runs, None, "r2").note
    )


def test_a_treatment_that_learned_nothing_is_left_out_and_named(runs):
    broken = runs.assign(treatment="broken", train_rmse=1e6, val_rmse=1e6, test_rmse=1e6, gap=0.0)
    both = pd.concat([runs, broken], ignore_index=True)
    for picture in (errors.gap(both, "rmse"), errors.train_against_test(both, None, "rmse")):
        assert "Far off, and left out: broken." in picture.note
        assert ">broken<" not in picture.markup
