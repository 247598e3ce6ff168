"""Scores of predicted numbers: in the unit of the target, equal to scikit-learn's, whatever the scale."""

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from ablate.settings.metrics import ALWAYS
from ablate.training.data import Standard
from ablate.training.scores.number_scores import MOST_KEPT, NumberScorer

ROWS = 500


def scorer(mean: float, sd: float, loss: Any = "mse", **own: Any) -> tuple[NumberScorer, Any, Any]:
    """A scorer of a target with ties, and predictions of the standardized target in float32."""
    rng = np.random.default_rng(0)
    targets = np.round(rng.normal(size=ROWS), 1) * sd + mean
    predictions = ((targets - mean) / sd + rng.normal(0, 0.8, ROWS)).astype(np.float32)[:, None]
    return NumberScorer(targets, Standard(mean, sd), loss, ALWAYS["regression"], own), targets, predictions


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (190.0, 75.0), (1e9, 3.0), (-5e6, 2e9), (0.1, 2e-3)])
def test_they_equal_those_of_scikit_learn(mean: float, sd: float) -> None:
    scored, targets, predictions = scorer(mean, sd)
    rows = np.arange(40, ROWS)
    found = scored.columns("val", rows, predictions[rows])
    own_unit = predictions[rows, 0].astype(np.float64) * sd + mean
    wanted = {
        "val_mae": reference.mean_absolute_error(targets[rows], own_unit),
        "val_rmse": reference.root_mean_squared_error(targets[rows], own_unit),
        "val_r2": reference.r2_score(targets[rows], own_unit),
        "val_loss": reference.mean_squared_error(targets[rows], own_unit),
    }
    assert found == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_the_loss_is_that_of_keras_in_standard_deviations_times_its_unit(loss: Any) -> None:
    from ablate.training.networks import numbers

    scored, targets, predictions = scorer(190.0, 75.0, loss)
    standardized = ((targets - 190) / 75)[:, None]
    in_sds = float(numbers.loss(loss)(standardized, predictions))
    unit = 75 if loss == "mae" else 75**2
    assert scored.columns("test", np.arange(ROWS), predictions)["test_loss"] == pytest.approx(in_sds * unit, rel=1e-5)
    assert scored.running({"loss": 0.5, "val_loss": 3.0}) == {"loss": 0.5 * unit}


def test_numbers_that_are_not_finite_have_no_scores() -> None:
    scored, _, predictions = scorer(0.0, 1.0)
    predictions[3] = np.inf
    rows = np.arange(ROWS)
    found = scored.columns("val", rows, predictions)
    assert all(np.isnan(found[f"val_{name}"]) for name in ALWAYS["regression"])
    assert not np.isfinite(found["val_loss"])
    assert scored.held_out(rows, np.full_like(predictions, np.nan)) is None


def test_metrics_of_the_users_get_numbers_in_the_unit_of_the_target() -> None:
    scored, targets, predictions = scorer(190.0, 75.0, largest=lambda y, predicted: float(np.abs(y - predicted).max()))
    found = scored.columns("test", np.arange(ROWS), predictions)
    assert found["test_largest"] == np.abs(targets - (predictions[:, 0].astype(np.float64) * 75 + 190)).max()


def test_some_predictions_are_kept_of_the_same_examples_in_every_run() -> None:
    scored, targets, predictions = scorer(1e9, 3.0)
    rows = np.arange(100, ROWS)
    kept = scored.held_out(rows, predictions[rows])
    other = scored.held_out(rows, predictions[rows] + 1)
    assert kept is not None
    assert other is not None
    true, predicted = kept.numbers
    assert len(true) == len(predicted) == MOST_KEPT
    assert other.numbers[0] == true
    assert set(true) <= {float(f"{value:.12g}") for value in targets[rows]}
    np.testing.assert_allclose(np.array(other.numbers[1]) - predicted, 3.0, atol=0.01)  # two decimals of 1e9
    few = scored.held_out(np.arange(30), predictions[:30])
    assert few is not None
    assert len(few.numbers[0]) == 30
