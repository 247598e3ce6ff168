"""Diagnosis: one label per run, the first rule that matches."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from ablate.analysis.diagnosis import counts, diagnose, guessing, moved
from ablate.settings.thresholds import Thresholds

FLAT = [0.5] * 10


def label(val_loss=FLAT, *, train=0.99, gap=0.0, status="ok", thresholds=None, kept=None):
    """The diagnosis of one run beside a perfect one."""
    runs = pd.DataFrame(
        {
            "treatment": ["baseline", "best"],
            "seed": [1, 1],
            "run": ["a", "b"],
            "status": [status, "ok"],
            "train_accuracy": [train, 1.0],
            "gap": [gap, 0.0],
            "val_loss": [val_loss[-1] if kept is None else kept, 0.5],
        }
    )
    epochs = [*range(1, len(val_loss) + 1), 1]
    histories = pd.DataFrame({"run": ["a"] * len(val_loss) + ["b"], "epoch": epochs, "val_loss": [*val_loss, 0.5]})
    return diagnose(runs, histories, 0.1, thresholds or Thresholds())["diagnosis"][0]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({"status": "diverged"}, "diverged"),
        ({"val_loss": [0.5, math.nan]}, "diverged"),
        ({"train": 0.18}, "untrained"),
        ({"train": 0.5, "val_loss": [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]}, "still improving"),
        ({"gap": 0.03, "val_loss": [0.6, 0.5, 0.7, 0.8, 0.7]}, "overfit"),  # one fall above the minimum
        ({"train": 0.97}, "underfit"),
        ({"gap": 0.03, "val_loss": [0.5, 0.4, 0.5]}, "overfit"),
        ({"gap": 0.03}, "gap only"),
        ({"gap": 0.03, "val_loss": [0.5, 0.4, 0.5], "kept": 0.4}, "gap only"),
        ({}, "good fit"),
        ({"val_loss": [0.5]}, "good fit"),
    ],
    ids=str,
)
def test_labels(run, expected):
    assert label(**run) == expected


def test_thresholds_move_the_labels():
    assert label(gap=0.03, thresholds=Thresholds(gap=0.05)) == "good fit"


def test_counts_are_by_treatment_and_leave_failed_runs_out():
    runs = pd.DataFrame(
        {
            "treatment": ["baseline"] * 3,
            "seed": [1, 2, 3],
            "run": ["a", "b", "c"],
            "status": ["ok", "diverged", "failed"],
            "train_accuracy": [0.9, 0.9, math.nan],
            "gap": [0.0, 0.0, math.nan],
            "val_loss": [0.5, math.nan, math.nan],
        }
    )
    histories = pd.DataFrame({"run": ["a", "b"], "epoch": [1, 1], "val_loss": [0.5, math.nan]})
    found = counts(diagnose(runs, histories, {"a": 0.1, "b": 0.1}))
    assert found.to_numpy().tolist() == [["baseline", "diverged", 1, 2], ["baseline", "good fit", 1, 2]]


def test_no_run_has_no_label():
    columns = ["treatment", "seed", "run", "status", "train_accuracy", "gap", "val_loss"]
    empty = pd.DataFrame(columns=columns)
    assert diagnose(empty, pd.DataFrame(columns=["run", "val_loss"]), 0.1).empty


def test_treatments_that_share_a_run_are_diagnosed_alike():
    """Two names for one run: its history stands twice in the table, and is looked at once."""
    losses = [1.0, 0.9, 0.8, 0.79, 0.7899, 0.7899, 0.7899, 0.7899, 0.7899, 0.7899]
    shared = {"seed": 1, "run": "k", "status": "ok", "train_accuracy": 0.9, "gap": 0.01, "val_loss": losses[-1]}
    runs = pd.DataFrame([{"treatment": name, **shared} for name in ("a", "b")])
    once = pd.DataFrame({"run": "k", "epoch": range(1, 11), "val_loss": losses})
    twice = pd.concat([once, once], ignore_index=True)
    assert diagnose(runs, twice, 0.1)["diagnosis"].tolist() == diagnose(runs, once, 0.1)["diagnosis"].tolist()


def test_a_level_that_moves_a_symptom_is_named_with_its_counts():
    seeds = range(1, 7)
    labels = {"baseline": ["overfit"] * 5 + ["good fit"], "dropout=0.5": ["good fit"] * 5 + ["underfit"]}
    rows = [
        {"dropout": level, "treatment": name, "seed": seed, "run": f"{name}-{seed}", "status": "ok"}
        for name, level in (("baseline", "0"), ("dropout=0.5", "0.5"))
        for seed in seeds
    ]
    runs = pd.DataFrame(rows)
    diagnosed = runs[["treatment", "seed", "run"]].assign(diagnosis=[*labels["baseline"], *labels["dropout=0.5"]])
    found = moved(runs, diagnosed, {"dropout": ["0", "0.5"]})
    assert found.to_numpy().tolist() == [
        ["dropout", "0.5", "overfit", 5, 0, 6],
        ["dropout", "0.5", "good fit", 1, 5, 6],
    ]
    without = diagnosed[diagnosed["run"] != "baseline-1"]
    assert moved(runs, without, {"dropout": ["0", "0.5"]})["of"].tolist() == [5, 5]


def one_class(classes: float, **changes: object) -> str:
    """The diagnosis of a run that answers so many classes, whose macro F1 is low and whose accuracy is high."""
    values = {"status": "ok", "predicted_classes": classes, **changes}
    runs = pd.DataFrame(
        {
            "treatment": ["baseline", "best"],
            "seed": [1, 1],
            "run": ["a", "b"],
            "status": [values["status"], "ok"],
            "predicted_classes": pd.array([values["predicted_classes"], 2], dtype="Int64"),
            "train_accuracy": [0.97, 0.5],
            "train_f1_macro": [0.6, 1.0],
            "gap": [0.0, 0.0],
            "val_loss": [0.5, 0.5],
        }
    )
    histories = pd.DataFrame({"run": ["a", "b"], "epoch": [1, 1], "val_loss": [0.5, 0.5]})
    return str(diagnose(runs, histories, guessing("f1_macro", 0.97, 2), score="f1_macro")["diagnosis"][0])


def test_one_class_only_comes_before_all_but_divergence():
    assert one_class(1) == "one class only"
    assert one_class(1, status="diverged") == "diverged"
    assert one_class(2) == "underfit"  # by the score, in which the other treatment is far better


@pytest.mark.parametrize(
    ("score", "expected"),
    [("accuracy", 0.9), ("balanced_accuracy", 1 / 3), ("f1_macro", (2 * 0.9 / 1.9) / 3), ("roc_auc", 0.5), ("f1", 0.0)],
)
def test_guessing_is_what_scikit_learn_says_of_always_one_class(score, expected):
    assert guessing(score, 0.9, 3) == pytest.approx(expected)
    labels = np.array([0] * 90 + [1] * 5 + [2] * 5)
    zeros = np.zeros(100, int)
    if score == "balanced_accuracy":
        assert metrics.balanced_accuracy_score(labels, zeros) == pytest.approx(expected)
    if score == "f1_macro":
        assert metrics.f1_score(labels, zeros, average="macro", zero_division=0) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("train", "held_out", "val_loss", "expected"),
    [
        (0.05, 0.04, FLAT, "untrained"),
        (-3.0, -3.0, FLAT, "untrained"),
        (0.5, 0.49, FLAT, "underfit"),
        (0.89, 0.86, [0.6, 0.5, 0.7, 0.8, 0.7], "overfit"),
        (0.89, 0.86, FLAT, "gap only"),
        (0.89, 0.88, FLAT, "good fit"),
    ],
)
def test_predicted_numbers_are_labelled_by_the_variance_that_they_explain(train, held_out, val_loss, expected):
    runs = pd.DataFrame(
        {
            "treatment": ["baseline", "best"],
            "seed": [1, 1],
            "run": ["a", "b"],
            "status": ["ok", "ok"],
            "train_r2": [train, 0.9],
            "val_r2": [held_out, 0.9],
            "gap": [1e6, 0.0],  # in the unit of an error
            "val_loss": [val_loss[-1], 0.5],
        }
    )
    epochs = [*range(1, len(val_loss) + 1), 1]
    histories = pd.DataFrame({"run": ["a"] * len(val_loss) + ["b"], "epoch": epochs, "val_loss": [*val_loss, 0.5]})
    assert diagnose(runs, histories, 0.0, score="r2")["diagnosis"][0] == expected
