"""Metrics by name: which there are, which way is better, and how they are shown."""

import re

import pytest

from ablate.settings import metrics
from ablate.settings.metrics import HISTORY_COLUMNS, RESULT_COLUMNS, SECONDS_COLUMNS

TO_ACCURACY = "epochs_to_val_accuracy_0.9"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (TO_ACCURACY, ("val_accuracy", 0.9)),
        ("epochs_to_accuracy_1", ("accuracy", 1.0)),
        ("epochs_to_train_loss_0.25", ("train_loss", 0.25)),
        ("epochs_to_seconds_1", None),
        ("epochs_to_test_accuracy_0.9", None),
        ("epochs_to_val_accuracy_-1", None),
        ("epochs_to_val_accuracy_", None),
        ("val_accuracy", None),
    ],
)
def test_the_name_of_a_threshold_is_taken_apart(name: str, expected: tuple[str, float] | None) -> None:
    assert metrics.epochs_to(name) == expected
    assert metrics.is_metric(name) is (expected is not None or name in RESULT_COLUMNS)


def test_columns_of_the_runs_table_are_metrics_and_nothing_else_is() -> None:
    assert all(map(metrics.is_metric, (*RESULT_COLUMNS, *SECONDS_COLUMNS)))
    assert not any(map(metrics.is_metric, ("", "accuracy_of_test", "status", "Test_accuracy")))


@pytest.mark.parametrize(
    ("name", "lower"),
    [
        ("test_accuracy", False),
        ("accuracy", False),
        ("val_loss", True),
        ("gap", True),
        ("best_epoch", True),
        ("parameters", True),
        ("seconds_train", True),
        (TO_ACCURACY, True),
        ("epochs_to_val_loss_0.5", True),
        ("epochs_to_gap_0.1", False),  # the later the gap opens, the better
    ],
)
def test_every_metric_has_a_better_side(name: str, lower: bool) -> None:
    assert metrics.lower_is_better(name) is lower


def test_accuracies_and_the_gap_are_shares_and_epochs_to_one_are_none() -> None:
    shares = [name for name in (*RESULT_COLUMNS, *SECONDS_COLUMNS, TO_ACCURACY) if metrics.is_share(name)]
    assert shares == ["test_accuracy", "gap", "accuracy", "train_accuracy", "val_accuracy"]


def test_times_depend_on_the_machine_and_epochs_do_not() -> None:
    names = (*RESULT_COLUMNS, *SECONDS_COLUMNS, TO_ACCURACY)
    assert [name for name in names if metrics.is_time(name)] == list(SECONDS_COLUMNS)


def test_the_schema_takes_what_is_a_metric() -> None:
    listed, pattern = metrics.METRIC_SCHEMA["anyOf"]
    names = [*RESULT_COLUMNS, *SECONDS_COLUMNS, *(f"epochs_to_{column}_0.5" for column in HISTORY_COLUMNS), "x"]
    for name in names:
        taken = name in listed["enum"] or re.search(str(pattern["pattern"]), name) is not None
        assert taken is metrics.is_metric(name), name


@pytest.mark.parametrize(
    ("primary", "score"),
    [
        ("test_rmse", "rmse"),
        ("test_mae", "mae"),
        ("val_r2", "r2"),
        ("epochs_to_val_mae_3", "mae"),
        ("test_loss", "rmse"),
        ("seconds_train", "rmse"),
    ],
)
def test_the_gap_of_a_regression_is_that_of_its_primary_metric(primary: str, score: str) -> None:
    assert metrics.gap_of(primary, "regression") == score
    assert metrics.gap_of(primary) == "accuracy"


def test_a_gap_that_is_no_share_is_named_by_its_unit() -> None:
    assert metrics.with_unit("gap", "accuracy") == "gap"
    assert metrics.with_unit("gap", "mae") == "mae_gap"
    assert metrics.with_unit("test_mae", "mae") == "test_mae"
    found = metrics.describe("mae_gap")
    assert (found.unit, found.title, found.lower_is_better) == (
        "target",
        "generalization gap in mean absolute error",
        True,
    )
    assert metrics.gap({"train_mae": 2.0, "val_mae": 5.0}, "mae") == 3.0
    assert metrics.gap({"train_r2": 0.9, "val_r2": 0.7}, "r2") == pytest.approx(0.2)


def test_columns_tell_a_regression() -> None:
    number = metrics.Measured(metrics.ALWAYS["regression"], "rmse", "regression")
    assert metrics.Measured.of_columns([*number.result, *SECONDS_COLUMNS]).task == "regression"
    assert metrics.Measured.of_columns([*RESULT_COLUMNS, "test_r2"]).task == "classification"
    assert metrics.Measured.of_columns(RESULT_COLUMNS).task == "classification"
