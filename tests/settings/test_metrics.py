"""Metrics by name: which there are, which way is better, and how they are shown."""

import re
from pathlib import Path
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.settings import metrics
from ablate.settings.metrics import HISTORY_COLUMNS, RESULT_COLUMNS, SECONDS_COLUMNS, USUAL, Measured
from ablate.studies import spec

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


EXTRA = Measured(("accuracy", "f1_macro", "mine:kappa", "mine:rank_error"), score="f1_macro")


def test_metrics_of_a_study_are_columns_behind_the_usual_ones() -> None:
    assert EXTRA.extra == ("f1_macro", "kappa", "rank_error")
    assert EXTRA.history[: len(HISTORY_COLUMNS)] == HISTORY_COLUMNS
    assert EXTRA.history[len(HISTORY_COLUMNS) :][:4] == ("train_f1_macro", "val_f1_macro", "train_kappa", "val_kappa")
    assert EXTRA.result[: len(RESULT_COLUMNS)] == RESULT_COLUMNS
    assert EXTRA.result[-1] == "predicted_classes"
    assert Measured.of_columns(EXTRA.result).result == EXTRA.result
    assert Measured.of_columns(Measured(("accuracy",)).result) == Measured(("accuracy",))
    assert Measured.of_columns(RESULT_COLUMNS) == USUAL


@pytest.mark.parametrize(
    ("name", "lower", "share", "title"),
    [
        ("val_f1_macro", False, True, "validation macro F1"),
        ("test_roc_auc", False, True, "test ROC AUC"),
        ("train_log_loss", True, False, "training log loss"),
        ("test_brier", True, False, "test Brier score"),
        ("test_ece", True, True, "test calibration error"),
        ("val_rmse", True, False, "validation root mean squared error"),
        ("test_r2", False, False, "test R²"),
        ("test_kappa", False, False, "test kappa"),
        ("val_rank_error", True, False, "validation rank error"),
        ("epochs_to_val_f1_macro_0.9", True, False, "stopped epoch"),
    ],
)
def test_the_table_orients_and_names_every_column(name: str, lower: bool, share: bool, title: str) -> None:
    assert (metrics.lower_is_better(name), metrics.is_share(name), metrics.title(name)) == (lower, share, title)


@pytest.mark.parametrize(
    ("primary", "score"),
    [
        ("test_accuracy", "accuracy"),
        ("val_f1_macro", "f1_macro"),
        ("epochs_to_val_roc_auc_0.9", "roc_auc"),
        ("test_log_loss", "accuracy"),  # no share
        ("test_ece", "accuracy"),  # a share that should be low
        ("test_kappa", "accuracy"),
        ("gap", "accuracy"),
        ("seconds", "accuracy"),
    ],
)
def test_the_gap_is_of_the_primary_metric_where_that_is_a_score(primary: str, score: str) -> None:
    assert metrics.gap_of(primary) == score


def test_thresholds_of_losses_and_errors_are_reached_from_above() -> None:
    names = ("val_loss", "val_brier", "train_rank_error", "val_accuracy", "gap")
    assert [metrics.falls(name) for name in names] == [True, True, True, False, False]


def problem_of(**changes: Any) -> str:
    """The one thing that is wrong with a study file."""
    document: dict[str, Any] = {
        "study": {"name": "s"},
        "data": {"source": "digits"},
        "model": {"hidden": [4]},
        "training": {"epochs": 2},
    }
    with pytest.raises(StudyError) as caught:
        spec.build(
            {**document, **{key: {**document.get(key, {}), **value} for key, value in changes.items()}}, Path("a")
        )
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"study": {"metrics": ["f1_marco"]}}, "unknown metric 'f1_marco'; did you mean 'f1_macro'?"),
        ({"study": {"metrics": ["mine:f1"]}}, "'f1' is a metric already; give the function another name"),
        ({"study": {"metrics": ["f1", "a:x", "b:x"]}}, "metrics should all have names of their own"),
        ({"study": {"primary": "test_acuracy"}}, "unknown metric 'test_acuracy'; did you mean 'test_accuracy'?"),
        ({"study": {"primary": "test_f1_macro"}}, 'is not measured: add "f1_macro" to metrics under [study]'),
        ({"study": {"secondary": ["epochs_to_val_ece_0.1"]}}, 'is not measured: add "ece" to metrics under [study]'),
        ({"study": {"metrics": ["f1"], "primary": "f1"}}, "unknown metric 'f1'"),
        ({"study": {"metrics": ["mine:kappa"], "primary": "test_kapa"}}, "did you mean 'test_kappa'?"),
        ({"overfitting": {"early_stopping": {"patience": 1, "monitor": "val_acc"}}}, "did you mean 'val_accuracy'?"),
        ({"overfitting": {"early_stopping": {"patience": 1, "monitor": "val_f1_macro"}}}, 'add "f1_macro" to metrics'),
        ({"overfitting": {"early_stopping": {"patience": 1, "monitor": "test_loss"}}}, "unknown metric 'test_loss'"),
        ({"training": {"class_weight": "balancd"}}, "should be 'balanced'; did you mean 'balanced'?"),
        ({"training": {"class_weight": True}}, "should be false, or 'balanced', or a table of weights by class"),
        ({"training": {"class_weight": {"3": -1.0}}}, "greater than 0"),
        ({"model": {"logits": True}}, "takes logits with a builder or file; hidden layers end in a softmax"),
    ],
)  # fmt: skip
def test_wrong_names_suggest_the_right_ones(changes: dict[str, Any], message: str) -> None:
    assert message in problem_of(**changes)


def test_metrics_of_a_study_may_be_named_wherever_metrics_are() -> None:
    study = spec.build(
        {
            "study": {
                "name": "s",
                "metrics": ["f1_macro", "mine:kappa"],
                "primary": "test_f1_macro",
                "secondary": ["val_kappa", "epochs_to_train_f1_macro_0.5"],
            },
            "data": {"source": "digits"},
            "model": {"hidden": [4]},
            "training": {"epochs": 2},
            "overfitting": {
                "early_stopping": [False, {"patience": 1, "monitor": "val_kappa"}],
                "dropout": [0.0, 0.5],
            },
            "underfitting": {"learning_rate_schedule": [False, {"name": "plateau", "monitor": "val_f1_macro"}]},
            "claim": [{"says": "x", "metric": "test_kappa", "treatment": {"dropout": 0.5}, "at_least": 0.1}],
        },
        Path("ablations.toml"),
    )
    assert study.measured == Measured(("f1_macro", "mine:kappa"), "f1_macro")
    assert study.base.code == {"mine:kappa": "study.metrics"}
    assert spec.build(study.document(), study.source) == study
