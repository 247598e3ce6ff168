"""The fixed sentences of the page speak of what its figures show."""

import re
from dataclasses import asdict

import pytest

from ablate.report.findings import Findings
from ablate.report.page import html
from ablate.report.page.words import Words, of_numbers
from tests.invented import NUMBER


@pytest.mark.parametrize("score", ["mae", "rmse", "r2"])
def test_words_of_a_regression_speak_of_no_accuracy(score):
    said = " ".join(asdict(of_numbers(score)).values())
    assert not re.search(r"accura|points|%", said, re.IGNORECASE)
    assert "accuracy" in " ".join(asdict(Words()).values())


@pytest.mark.parametrize("primary", ["test_rmse", "test_mae", "test_r2", "epochs_to_val_mae_30"])
def test_the_whole_page_of_a_regression_speaks_of_no_accuracy(make, primary):
    claims = [
        {"says": "The error is small", "metric": "test_mae", "treatment": {"dropout": 0.0}, "at_most": 40.0},
        {
            "says": "Batch norm narrows the gap",
            "metric": "gap",
            "treatment": {"batch_norm": True},
            "against": {"batch_norm": False},
            "expect": "lower",
        },
    ]
    study = {"name": "numbers", "replicates": 6, "primary": primary, "secondary": ["test_loss", "gap", "test_r2"]}
    snapshot = make(data=NUMBER, study=study, claim=claims, layers=("hidden 1", "output"))
    page = html.render(Findings(snapshot))
    assert not re.search(r".{40}accura.{20}", page, re.IGNORECASE)
    assert "Predicted against true" in page
    assert "Gap: " in page
    assert "points" not in re.sub(r"(?s)<script.*?</script>|<style.*?</style>", "", page)


def test_the_gap_is_in_the_unit_of_the_primary_metric(make):
    study = {"name": "numbers", "replicates": 6, "secondary": ["gap"]}
    snapshot = make(data=NUMBER, study=study)
    findings = Findings(snapshot)
    row = findings.effects("gap").iloc[0]
    page = html.contents(findings)
    assert row["metric"] == "rmse_gap"
    assert float(page.gaps[0].mean.replace("−", "-")) == pytest.approx(row["mean"], rel=1e-3)
    assert page.other_metrics.metrics == ("generalization gap in root mean squared error",)
