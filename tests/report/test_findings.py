"""The findings: one place for every figure, and honest about what cannot be told."""

import json
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pandas as pd
import pytest

from ablate.report import answers
from ablate.report.findings import Findings
from ablate.report.page import html as page
from ablate.results.identity import plan_runs
from ablate.studies import design
from tests.invented import record

GRID = {"study": {"name": "crossed", "design": "grid", "replicates": 6}}
CLAIM = {
    "says": "Batch norm helps",
    "metric": "test_accuracy",
    "treatment": {"batch_norm": True},
    "against": {"batch_norm": False},
    "expect": "higher",
}


def text(findings):
    """The words of the page."""
    html = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", page.render(findings), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())


def test_the_page_shows_the_figures_of_the_findings(make):
    findings = Findings(make(claim=[CLAIM]))
    said = text(findings)
    row = findings.effects().set_index(["factor", "level"]).loc[("batch_norm", "true")]
    assert f"{row['mean'] * 100:+.2f}" in said
    assert f"{row['low'] * 100:+.2f} to {row['high'] * 100:+.2f}" in said
    assert "supported: Batch norm helps" in said
    assert findings.claims["verdict"].tolist() == ["supported"]


def test_the_page_says_whether_a_figure_from_elsewhere_is_reproduced(make):
    own = {"says": "A tutorial's run", "metric": "test_accuracy", "treatment": {"batch_norm": False, "dropout": 0.0}}
    for figure, judged in ((0.9, "supported"), (0.2, "refuted")):
        findings = Findings(make(claim=[{**own, "reproduces": figure}]))
        (row,) = findings.claims.to_dict("records")
        assert (row["verdict"], row["reproduces"], row["least"]) == (judged, True, figure)
        said = text(findings)
        assert f"{judged}: A tutorial's run" in said
        assert f"a single run's test accuracy of {figure * 100:.2f} % among ours" in said
        assert "95% prediction interval" in said


def test_claims_are_made_of_layers_and_of_the_running_gap(make):
    layer = {"metric": "initial_weights_sd_hidden_1", "at_least": 0.0}
    running = {"metric": "running_gap", "between": [-1.0, 1.0]}
    findings = Findings(make(claim=[{"says": "it is so", "treatment": {}, **each} for each in (layer, running)]))
    assert set(findings.claims["reason"]) == {"all figures are alike, which does not tell how much runs vary"}
    assert np.isfinite(findings.claims["mean"]).all()


def test_effects_are_there_for_every_metric_of_the_study(make):
    findings = Findings(make())
    for metric in findings.snapshot.study.secondary:
        table = findings.effects(metric)
        assert table["metric"].tolist() == [metric] * 2
        assert table["n"].tolist() == [6, 6]
    assert "epochs_to_val_accuracy_0.9" in findings.median_epochs
    assert "training time, s" in text(findings)


def test_a_design_that_does_not_tell_says_so_and_prints_no_number(make):
    findings = Findings(make())
    for answer in (findings.interactions, findings.shapley, findings.variance_shares):
        assert "1 of the 4 combinations of levels have no finished run" in answer
    listings = answers.combinations(findings)
    assert all(not listing.rows and listing.why_not for listing in listings)
    said = text(findings)
    assert "These runs do not tell" not in said
    assert 'What levels do together, a study with design = "grid" tells.' in said
    pairwise = Findings(make(study={"name": "pairs", "design": "pairwise", "replicates": 6}))
    assert "coverage only" in pairwise.interactions


def test_a_grid_tells_what_remedies_do_together(make):
    findings = Findings(make(**GRID))
    assert len(findings.interactions) == 1
    assert findings.shapley["factor"].tolist() == ["batch_norm", "dropout"]
    assert findings.variance_shares["share"].sum() == pytest.approx(1)
    said = text(findings)
    assert "batch_norm = true with dropout = 0.5" in said
    assert "These runs do not tell" not in said


def with_confirmation(snapshot, best, shift=0.0):
    """The same snapshot with its best treatment trained on fresh seeds, where it does so much better or worse."""
    treatments = [each for each in design.treatments(snapshot.study) if each.name in ("baseline", best)]
    fresh = plan_runs(treatments, range(101, 107), snapshot.identity)
    records = {}
    for run in fresh:
        own = record(run)
        moved = own.result["test_accuracy"] + shift * (run.treatment.name == best)
        records[run.key] = replace(own, result={**own.result, "test_accuracy": moved})
    confirmed = replace(snapshot, planned=tuple(fresh), records=records, failures={})
    return replace(snapshot, confirmation=confirmed)


def test_a_confirmation_changes_no_effect(make):
    snapshot = make()
    plain, confirmed = Findings(snapshot), Findings(with_confirmation(snapshot, "batch_norm=true"))
    pd.testing.assert_frame_equal(plain.effects(), confirmed.effects())


def test_thresholds_of_the_study_file_move_the_diagnosis_and_are_shown(make):
    usual = Findings(make())
    strict = Findings(make(diagnosis={"gap": 0.5, "improving": 0.9}))
    assert not usual.diagnosis.equals(strict.diagnosis)
    assert set(strict.diagnosis["diagnosis"]) == {"good fit", "underfit"}
    assert "gap over 50 points" in text(strict)


@pytest.mark.parametrize("finished", [0, 1, 7, 18])
def test_claims_of_a_study_on_its_way_are_json(make, finished):
    findings = Findings(make(finished=finished, claim=[CLAIM, {**CLAIM, "metric": "epochs_to_val_accuracy_0.9"}]))
    rows = findings.claims.to_dict("records")
    assert len(rows) == 2
    json.dumps([{key: str(value) for key, value in row.items()} for row in rows])
    assert finished == 18 or {row["verdict"] for row in rows} == {"inconclusive"}
    page.render(findings)


def test_linked_factors_are_one_for_claims_and_effects(make):
    linked = {"study": {"name": "linked", "replicates": 6, "linked": [["batch_norm", "dropout"]]}}
    claim = {**CLAIM, "treatment": {"dropout": 0.5}, "against": {"dropout": 0.0}}
    findings = Findings(make(**linked, claim=[claim]))
    assert findings.effects()["factor"].tolist() == ["batch_norm+dropout"]
    assert findings.claims["mean"][0] == pytest.approx(findings.effects()["mean"][0])
    assert np.isfinite(findings.claims["low"][0])
