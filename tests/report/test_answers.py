"""Answers as text: claims, other metrics, combinations and layers, each with no more than the runs tell."""

import math

import pandas as pd
import pytest

from ablate.report import answers
from ablate.report.findings import Findings
from tests.report.test_findings import CLAIM, GRID, text


def test_layers_are_told_in_sentences(make):
    findings = Findings(make(diagnosis={"dead": 0.1}))
    notes = [note for note in answers.layer_notes(findings) if "dead at initialization" in note]
    assert notes == [
        (
            "baseline and 2 other treatments: 20% of the units of hidden 1 are dead at initialization: "
            "zero for every example."
        )
    ]
    assert notes[0] in text(findings)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("saturated", "initial", "hidden 3", "sigmoid", 0.71), "71% of its sigmoid outputs lie beyond 0.05/0.95"),
        (("saturated", "initial", "hidden 3", "sigmoid", 0.71), "the initial scale is too large"),
        (("saturated", "end", "hidden 3", "tanh", 0.9), "beyond ±0.95; its inputs grew while it was trained"),
        (("fading", "initial", "hidden 3", "tanh", 0.01), "0.01 times that of the first hidden layer"),
        (("growing", "initial", "hidden 3", "relu", 40.0), "40 times"),
        (("equal weights", "initial", "hidden 1", "relu", 0.0), "its units can only learn the same"),
        (("not normal", "end", "output", "linear", 0.23), "Kolmogorov's distance 0.23"),
    ],
    ids=str,
)
def test_every_symptom_has_a_sentence(make, row, expected):
    findings = Findings(make())
    names = ["symptom", "moment", "layer", "activation", "value"]
    entry = {**dict(zip(names, row, strict=True)), "treatment": "baseline", "runs": 6, "of": 6}
    findings.layers = pd.DataFrame([entry])
    (note,) = answers.layer_notes(findings)
    assert expected in note


CLAIMS = [
    ({**CLAIM, "by": 0.5}, "refuted", "difference in test accuracy above +50.00 points"),
    ({**CLAIM, "expect": "equivalent", "margin": 0.9}, "supported", "between −90.00 points and +90.00 points"),
    (
        {"says": "x", "metric": "test_accuracy", "treatment": {"batch_norm": True}, "at_least": 0.5},
        "supported",
        "test accuracy at least 50.00 %",
    ),
    (
        {"says": "x", "metric": "epochs_to_val_accuracy_0.5", "treatment": {"batch_norm": True}, "at_most": 1},
        "refuted",
        "epochs to a validation accuracy of 50% at most 1.0 epochs",
    ),
    ({**CLAIM, "treatment": {"dropout": 0.5}, "against": {"dropout": 0.0}}, "inconclusive", "would decide it"),
]


@pytest.mark.parametrize(("claim", "verdict", "words"), CLAIMS, ids=str)
def test_claims_are_told_with_what_was_expected(make, claim, verdict, words):
    (row,) = answers.claim_rows(Findings(make(claim=[claim])).claims)
    assert row.verdict == verdict
    assert words in f"{row.expected} {row.more}"


def claim_row(**changes):
    """A judged claim, as a row of the table."""
    row = {
        "says": "it is so",
        "metric": "test_accuracy",
        "verdict": "inconclusive",
        "compares": True,
        "reproduces": False,
        "least": 0.0,
        "most": math.inf,
        "mean": 0.01,
        "low": -0.01,
        "high": 0.03,
        "n": 6,
        "reason": "",
        "censored": 0,
        "needed": pd.NA,
    }
    (found,) = answers.claim_rows(pd.DataFrame([{**row, **changes}]))
    return found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "test accuracy higher"),
        ({"least": -math.inf, "most": 0.0}, "test accuracy lower"),
        ({"least": 0.01}, "difference in test accuracy above +1.00 points"),
        ({"least": -math.inf, "most": -0.01}, "difference in test accuracy below −1.00 points"),
        ({"least": -0.01, "most": 0.01}, "difference in test accuracy between −1.00 points and +1.00 points"),
        ({"compares": False, "least": 0.9}, "test accuracy at least 90.00 %"),
        ({"compares": False, "least": -math.inf, "most": 0.9}, "test accuracy at most 90.00 %"),
        ({"compares": False, "least": 0.8, "most": 0.9}, "test accuracy between 80.00 % and 90.00 %"),
    ],
    ids=str,
)
def test_what_a_claim_expects_is_said_as_it_was_meant(changes, expected):
    assert claim_row(**changes).expected == expected


def test_what_is_missing_to_decide_a_claim_is_said():
    assert claim_row(needed=10).more == "about 4 more replicates would decide it, if mean and spread stay as they are"
    assert claim_row(needed=3).more.startswith("about 1 more replicate would")
    assert claim_row().more.startswith("more replicates than anyone would train")
    assert claim_row(reason="fewer than 5 replicates").more == "fewer than 5 replicates"
    assert claim_row(censored=2, verdict="supported").more == "2 pairs never got there"
    assert claim_row(n=0).found == "nothing measured"


def test_every_level_and_metric_has_a_cell_with_the_mark_of_its_verdict(make):
    findings = Findings(make())
    matrix = answers.other_metrics(findings)
    assert matrix.metrics == ("test loss", "generalization gap, points", "epochs to a validation accuracy of 90%",
                              "training time, s")  # fmt: skip
    assert [name for name, _ in matrix.rows] == ["batch_norm = true", "dropout = 0.5"]
    for name, cells in matrix.rows:
        factor, _, level = name.partition(" = ")
        for metric, (verdict, mark, _) in zip(findings.snapshot.study.secondary, cells, strict=True):
            table = findings.effects(metric).set_index(["factor", "level"])
            assert (verdict, mark) == (table.loc[(factor, level), "verdict"], answers.SYMBOLS[verdict])
    assert answers.other_metrics(Findings(make(overfitting={}, underfitting={}))) is None


def test_an_effect_that_nothing_was_measured_of_is_a_dash(make):
    matrix = answers.other_metrics(Findings(make(finished=0)))
    assert {text for _, cells in matrix.rows for *_, text in cells} == {"–"}


def test_medians_say_how_many_runs_got_there(make):
    (found,) = answers.medians(Findings(make()))
    assert found.title == "epochs to a validation accuracy of 90%"
    assert [(name, reached.partition(" of ")[2]) for name, _, reached in found.rows] == [
        ("baseline", "6"),
        ("batch_norm=true", "6"),
        ("dropout=0.5", "6"),
    ]


def test_a_grid_fills_every_listing_and_its_rows_have_as_many_cells_as_heads(make):
    listings = answers.combinations(Findings(make(**GRID)))
    assert [listing.title for listing in listings] == [
        "Interactions", "Alone and last", "Shapley values", "Where the variance comes from",
    ]  # fmt: skip
    for listing in listings:
        assert listing.rows
        assert {len(row) for row in listing.rows} == {len(listing.heads)}
        assert listing.why_not == ""


def test_the_limits_of_the_study_are_those_that_are_named(make):
    note = answers.thresholds_note(Findings(make(diagnosis={"gap": 0.07, "loss_rise": 0.33})))
    assert "gap over 7 points and validation loss over 33% above" in note
