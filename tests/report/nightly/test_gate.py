"""The gate: what makes a night red, incomplete or not comparable, and what is only said."""

from dataclasses import replace

import pytest

from ablate.report.findings import Findings
from ablate.report.nightly.comparison import compare
from ablate.report.nightly.gate import Night
from ablate.results.baseline import Kept

CLAIM = {"says": "Batch norm helps", "metric": "test_accuracy", "treatment": {"batch_norm": True}}
SUPPORTED = {**CLAIM, "against": {"batch_norm": False}, "expect": "higher"}
REFUTED = {**SUPPORTED, "says": "Batch norm hurts", "expect": "lower"}
UNDECIDED = {**CLAIM, "says": "Dropout helps", "treatment": {"dropout": 0.5}, "against": {"dropout": 0.0}}
UNDECIDED |= {"expect": "equivalent", "margin": 1e-9}


def night(snapshot, before=None, **options):
    return Night(Findings(snapshot), before, **options)


def shifted(before, by, treatments=None):
    """A stored baseline whose test accuracies were that much higher."""
    runs = before.runs.copy()
    wanted = runs["treatment"].isin(treatments or set(runs["treatment"]))
    noise = runs["seed"].map(lambda seed: ((seed * 7) % 5 - 2) / 1000)
    runs.loc[wanted, "test_accuracy"] += by + noise[wanted]
    return replace(before, runs=runs)


@pytest.fixture
def stored(make):
    return Findings(make()).baseline


def test_a_night_with_nothing_wrong_is_green(make, stored):
    found = night(make(claim=[SUPPORTED]), stored, wanted=True)
    assert found.problems == ()
    assert found.headline == "nothing is wrong"
    assert found.notes == ()
    assert [line.split(":")[0] for line in found.lines] == ["supported", "fine", "fine", "fine"]


def test_a_refuted_claim_is_red_and_an_inconclusive_one_is_not(make):
    found = night(make(claim=[SUPPORTED, REFUTED, UNDECIDED]))
    assert [problem.text for problem in found.problems] == ["refuted: Batch norm hurts"]
    assert found.kinds == {"red"}
    assert found.headline == "1 claim refuted"
    assert "inconclusive: Dropout helps" in found.lines


def test_a_regression_is_red_and_names_the_treatment_with_its_interval(make, stored):
    found = night(make(), shifted(stored, 0.05, ["dropout=0.5"]), wanted=True)
    (problem,) = found.problems
    assert problem.kind == "red"
    assert problem.text.startswith("regression: dropout=0.5: −5.00 points (95% interval −5.15 to −4.85, 6 replicates)")
    assert [row["treatment"] for row in found.regressions] == ["dropout=0.5"]
    assert night(make(), shifted(stored, 0.05), wanted=True, floor=0.06).problems == ()
    assert night(make(), shifted(stored, -0.05), wanted=True).problems == ()


def test_failed_and_missing_runs_are_told_apart(make):
    found = night(make(finished=16, failed=(3, 4)))
    assert found.kinds == {"incomplete"}
    assert found.headline == "2 runs failed, 2 runs missing"
    texts = [problem.text for problem in found.problems]
    assert any("1 run failed (seed 2): out of memory" in text for text in texts)
    assert any("1 run missing (seed 6)" in text for text in texts)


def test_nothing_measured_comes_before_everything_else(make, stored):
    found = night(make(finished=0, failed=(0,)), stored, wanted=True)
    assert found.kinds == {"nothing measured", "incomplete"}
    assert found.headline == "nothing was measured"
    assert found.comparison is None


def test_a_missing_baseline_is_a_problem_unless_it_is_stored_now(make):
    found = night(make(), wanted=True)
    assert (found.kinds, found.headline) == ({"not comparable"}, "there is no stored baseline")
    found = night(make(), wanted=True, stored=True)
    assert found.problems == ()
    assert found.notes == ("there was no stored baseline; nothing was compared",)
    assert "only failed and missing runs can turn this gate red" in night(make()).notes[0]


def test_other_settings_are_not_comparable_and_named(make, stored):
    found = night(make(training={"epochs": 6, "batch_size": 64}), stored, wanted=True)
    assert found.kinds == {"not comparable"}
    assert found.headline == "not comparable with the stored baseline"
    text = "other settings: training.batch_size was 32 and is 64 (baseline, batch_norm=true, dropout=0.5)"
    assert found.problems[0].text.endswith(text)


def test_one_treatment_with_other_settings_spoils_the_comparison_but_not_the_others(make, stored):
    kept = {**stored.treatments, "dropout=0.5": Kept({**stored.treatments["dropout=0.5"].settings, "l2": 0.1}, "x")}
    worse = shifted(replace(stored, treatments=kept), 0.05, ["baseline"])
    found = night(make(), worse, wanted=True)
    assert found.kinds == {"not comparable", "red"}
    texts = [problem.text for problem in found.problems]
    assert "not comparable with the stored baseline: other data: dropout=0.5" in texts
    assert any("l2 was 0.1 and is 0.0 (dropout=0.5)" in text for text in texts)
    assert found.comparison.table["treatment"].tolist() == ["baseline", "batch_norm=true"]


def test_seeds_and_treatments_may_come_and_go_and_are_named(make, stored):
    now = make(study={"name": "invented", "seeds": [2, 3, 4, 5, 6, 7]}, overfitting={"dropout": [0.0, 0.1]})
    found = night(now, stored, wanted=True)
    assert found.problems == ()
    assert found.comparison.table["n"].tolist() == [5, 5]
    assert found.notes == (
        "only in the stored baseline: dropout=0.5",
        "only in this study: dropout=0.1",
        "seeds only in the stored baseline: 1",
        "seeds only in this study: 7",
    )


def test_nothing_in_common_is_not_comparable(make, stored):
    other = night(make(study={"name": "invented", "seeds": [11, 12, 13, 14, 15]}), stored, wanted=True)
    assert other.problems[0].text.endswith("no seed in common: 1, 2, 3, 4, 5, 6 then, 11, 12, 13, 14, 15 now")
    gone = replace(stored, treatments={"renamed": stored.treatments["baseline"]})
    assert night(make(), gone, wanted=True).problems[0].text.endswith("no treatment in common")
    metric = night(make(study={"name": "invented", "replicates": 6, "primary": "best_epoch"}), stored, wanted=True)
    assert metric.problems[0].text.endswith("no best_epoch in what was kept of study invented")


def test_changed_code_and_versions_are_comparable_and_named(make, stored):
    before = replace(stored, versions={"keras": "3.14.0", "gone": "1"}, code={"mine:act": "aa"}, study="before")
    found = night(make(), before, wanted=True)
    assert found.problems == ()
    assert found.notes == ("changed since the stored baseline: study: before, now invented; keras 3.14.0, now 3.15.1",)
    both = compare(before, replace(stored, code={"mine:act": "bb"}))
    assert "code of mine:act" in both.changed


def test_a_gate_that_cannot_find_anything_says_so(make, stored):
    now = make(study={"name": "invented", "replicates": 3})
    found = night(now, shifted(stored, 0.05), wanted=True)
    assert found.problems == ()
    assert "this gate cannot turn red by a regression: only 3 common replicates; 5 are needed" in found.notes


def test_time_is_never_gated(make, stored):
    found = night(make(study={"name": "invented", "replicates": 6, "primary": "seconds_train"}), stored, wanted=True)
    assert found.comparison.metric == "test_accuracy"
    assert "time is never gated: test accuracy is compared" in found.notes
    assert "seconds_train" not in found.findings.baseline.runs
