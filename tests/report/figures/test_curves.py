"""Learning curves: one panel a treatment, on axes that leave nothing out."""

import numpy as np
import pandas as pd
import pytest

from ablate.report.figures import curves


@pytest.fixture
def snapshot(make):
    return make()


def test_the_accuracy_axis_leaves_out_what_did_not_learn(snapshot):
    runs = snapshot.runs.copy()
    runs.loc[runs["treatment"] == "dropout=0.5", ["train_accuracy", "val_accuracy"]] = 0.1
    low, poor = curves.common_axis(runs)
    assert poor == {"dropout=0.5"}
    assert 0.5 < low < 0.9


def test_the_axes_of_the_curves_are_named(make):
    snapshot = make()
    (picture,) = curves.learning_curves(snapshot.histories, snapshot.runs, dict.fromkeys(snapshot.runs["treatment"], 6))
    drawn = picture.markup
    assert ">epoch</text>" in drawn
    assert ">accuracy, %</text>" in drawn


def test_where_runs_were_stopped_early_is_marked(make):
    snapshot = make()
    longer = {name: 6 if name == "baseline" else 9 for name in snapshot.runs["treatment"]}
    (picture,) = curves.learning_curves(snapshot.histories, snapshot.runs, longer)
    assert picture.markup.count("stopped 6") == 2  # of three treatments


def test_more_treatments_than_a_figure_holds_are_folded(make, monkeypatch):
    monkeypatch.setattr(curves, "MOST_PANELS", 2)
    monkeypatch.setattr(curves, "MOST_FIGURES", 1)
    snapshot = make()
    (picture,) = curves.learning_curves(snapshot.histories, snapshot.runs, dict.fromkeys(snapshot.runs["treatment"], 6))
    assert "The last 1 of 3 treatments are left out" in picture.note
    monkeypatch.setattr(curves, "MOST_FIGURES", 2)
    first, second = curves.learning_curves(
        snapshot.histories, snapshot.runs, dict.fromkeys(snapshot.runs["treatment"], 6)
    )
    assert (first.title, second.title) == (
        "Accuracy by epoch and treatment, 1 to 2",
        "Accuracy by epoch and treatment, 3 to 3",
    )


def test_a_common_axis_begins_below_the_lowest_curve_at_a_round_number():
    ends = {"a": (0.91, 0.93), "b": (0.97, 0.88), "c": (0.95, 0.95)}
    rows = [{"treatment": name, "train_accuracy": train, "val_accuracy": val} for name, (train, val) in ends.items()]
    assert curves.common_axis(pd.DataFrame(rows)) == (pytest.approx(0.75), set())
    nothing = pd.DataFrame({"treatment": ["a"], "train_accuracy": [np.nan], "val_accuracy": [np.nan]})
    assert curves.common_axis(nothing) == (0.0, set())


def test_a_treatment_that_learned_too_little_has_an_axis_from_0_and_it_is_said(snapshot):
    runs, histories = snapshot.runs.copy(), snapshot.histories.copy()
    for table in (runs, histories):
        table.loc[table["treatment"] == "dropout=0.5", ["train_accuracy", "val_accuracy"]] = 0.1
    (picture,) = curves.learning_curves(histories, runs, dict.fromkeys(runs["treatment"], 6))
    assert picture.markup.count("(axis from 0)") == 1
    assert "Treatments that learned too little for the common axis have one from 0." in picture.note


def test_the_finding_names_where_the_curves_end(snapshot):
    (picture,) = curves.learning_curves(snapshot.histories, snapshot.runs, dict.fromkeys(snapshot.runs["treatment"], 6))
    means = snapshot.runs.groupby("treatment")["val_accuracy"].mean()
    best, worst = means.idxmax(), means.idxmin()
    assert picture.description.startswith(
        f"{best} ends with the highest mean validation accuracy, {means.max() * 100:.2f} %, and {worst} with the lowest"
    )


def test_an_axis_that_would_hide_most_epochs_of_a_short_run_begins_lower():
    """Six of eight epochs lay below where the ends would have the axis start."""
    rise = [0.2, 0.3, 0.42, 0.55, 0.63, 0.7, 0.86, 0.9]
    short = pd.DataFrame({"train_accuracy": rise, "val_accuracy": rise})
    assert curves.shown_from(short, 0.8) == pytest.approx(0.2)
    long = pd.DataFrame({"train_accuracy": [*rise, *[0.9] * 50], "val_accuracy": [*rise, *[0.9] * 50]})
    assert curves.shown_from(long, 0.8) == 0.8
    assert curves.shown_from(short.iloc[:0], 0.8) == 0.8
