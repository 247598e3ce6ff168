"""The study's answer in words: who is best, how sure that is, and what each level does."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.report import verdict
from ablate.report.findings import Findings
from tests import invented
from tests.report.test_findings import GRID, with_confirmation


def said(snapshot):
    return verdict.verdict(Findings(snapshot))


def test_effects_that_depend_on_their_company_are_said_in_the_verdict(make):
    snapshot = make(**GRID)
    changed = {}
    for run in snapshot.planned:
        own = snapshot.records[run.key]
        both = len(run.treatment.changed) == 2
        result = {**own.result, "test_accuracy": own.result["test_accuracy"] - 0.1 * both}
        changed[run.key] = replace(own, result=result)
    words = " ".join(verdict.verdict(Findings(replace(snapshot, records=changed))).paragraphs)
    assert "1 of 1 interaction is clear of zero" in words
    assert re.search(r"batch_norm = true brings \+\d\.\d\d points alone, −\d\.\d\d on top of all others, which", words)


@pytest.mark.parametrize(
    ("shift", "said"), [(0.0, "confirms its lead"), (-0.2, "turns its lead around"), (-0.03, "leaves its lead open")]
)
def test_fresh_seeds_have_the_last_word(make, shift, said):
    snapshot = make()
    assert Findings(snapshot).winner == "batch_norm=true"
    before = verdict.verdict(Findings(snapshot))
    assert "ablate run --confirm" in " ".join(before.paragraphs)
    assert "Fresh seeds have not confirmed it yet" in before.sure
    findings = Findings(with_confirmation(snapshot, "batch_norm=true", shift))
    after = verdict.verdict(findings)
    assert said in after.sure
    assert "not confirmed" not in after.sure
    assert "ablate run --confirm" not in " ".join(after.paragraphs)
    assert findings.lead(confirmed=True).count == 6


def with_results(snapshot, change):
    """The same snapshot with other results: `change` gets a planned run and its result, and returns another."""
    records = {}
    for run in snapshot.planned:
        own = snapshot.records[run.key]
        records[run.key] = replace(own, result={**own.result, **change(run, own.result)})
    return replace(snapshot, records=records)


def test_levels_are_grouped_by_verdict_and_the_largest_effect_comes_first(make):
    snapshot = make(overfitting={"dropout": [0.0, 0.5], "l2": [0.0, 0.1]})

    def change(run, result):
        worse = 0.1 * ("dropout" in run.treatment.changed) + 0.2 * ("l2" in run.treatment.changed)
        return {"test_accuracy": result["test_accuracy"] - worse}

    groups = {group.verdict: group for group in said(with_results(snapshot, change)).groups}
    assert [finding.level for finding in groups["helps"].findings] == ["batch_norm = true"]
    assert [finding.level for finding in groups["hurts"].findings] == ["l2 = 0.1", "dropout = 0.5"]
    assert groups["hurts"].findings[0].short.startswith("−")
    assert [group.symbol for group in groups.values()] == [verdict.SYMBOLS[name] for name in groups]


def test_a_baseline_that_nothing_beats_is_best_as_it_is(make):
    snapshot = make()
    worse = with_results(snapshot, lambda run, result: {"val_accuracy": 0.9 - 0.1 * bool(run.treatment.changed)})
    found = said(worse)
    assert found.best == "baseline"
    assert found.headline == "is best as it is: no treatment that could be chosen does better on validation."


def test_a_study_on_its_way_says_how_far_that_carries(make):
    nothing = said(make(finished=0))
    assert (nothing.best, nothing.headline) == (None, "No treatment has enough finished runs to name a best one.")
    assert {group.verdict for group in nothing.groups} == {verdict.UNMEASURED}
    one = said(make(finished=1))
    assert (one.best, one.headline) == ("baseline", "is the only treatment with finished runs so far.")
    part = said(make(finished=12))
    assert part.headline.startswith("does best on validation so far: +")
    assert part.sure.startswith("Not sure at all: 4 replicates, and it takes 5 for a verdict.")


def test_a_lead_that_is_a_tie_is_not_sold_as_one(make):
    """The runner-up is named, and by how far it is behind."""

    def change(run, result):
        ahead = {"batch_norm=true": 0.002, "dropout=0.5": 0.001}.get(run.treatment.name, -0.1)
        jitter = 0.01 * (run.seed % 3 - 1) * (1 if run.treatment.name == "dropout=0.5" else -1)
        return {"val_accuracy": 0.9 + ahead + jitter}

    found = said(with_results(make(study={"name": "close", "replicates": 6}), change))
    assert "dropout=0.5 is 0.1 points behind on validation, and the replicates do not tell the two apart." in found.sure


def test_what_is_wrong_with_the_baseline_is_said_in_full(make):
    words = " ".join(said(make()).paragraphs)
    assert re.search(r"The baseline is diagnosed “[a-z ]+” in \d of 6 runs", words)
    later = " ".join(said(make(finished=18, failed=tuple(range(0, 18, 3)))).paragraphs)
    assert "The baseline has no finished run yet." in later


def test_the_curse_of_the_winner_is_counted_in_standard_errors(make):
    words = " ".join(said(make()).paragraphs)
    assert "the best of 3 equal treatments looks 0.8 standard errors better than it is" in words


LEVELS = {
    "underfitting": {"batch_norm": [False, True], "init": ["glorot_uniform", "he_normal", "he_uniform"]},
    "overfitting": {"dropout": [0.0, 0.1, 0.5]},
}
INCLUDED = {"include": [{"batch_norm": True, "dropout": 0.5}, {"batch_norm": True, "init": "he_normal"}]}


@pytest.fixture(scope="module")
def studies():
    return [
        invented.snapshot(**LEVELS),
        invented.snapshot(**LEVELS, **INCLUDED),
        invented.snapshot(**LEVELS, study={"name": "crossed", "design": "grid", "replicates": 5}),
    ]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(place=st.integers(0, 2), size=st.floats(0.0, 2.5), seed=st.integers(0, 2**16))
def test_the_headline_never_calls_clear_what_the_list_calls_undecided(studies, place, size, seed):
    """Over simulated effects that are about as large as the noise, in designs whose families of tests differ."""
    random = np.random.default_rng(seed)
    snapshot = studies[place]
    shifts = {}

    def change(run, result):
        shift = shifts.setdefault(run.treatment.name, size * random.random() if run.treatment.changed else 0.0)
        score = 0.8 + 0.01 * (shift + random.normal())
        return {"val_accuracy": score, "test_accuracy": score, "test_loss": 1 - score}

    changed = with_results(snapshot, change)
    found = said(changed)
    groups = {finding.level: group.verdict for group in found.groups for finding in group.findings}
    names = {run.treatment.name: run.treatment for run in changed.planned}
    (own,) = (names[name] for name in names if name == found.best)
    levels = [f"{name} = {own.levels[name]}" for name in own.changed]
    if len(levels) == 1 and found.sure.startswith("The lead is clear"):
        assert groups[levels[0]] == "helps"


def test_a_lead_that_many_treatments_make_by_chance_is_not_clear(make):
    """Its own interval leaves zero out; the adjusted test, which decides, does not."""
    snapshot = make(**LEVELS)
    wobble = dict(zip(range(1, 7), (0.001, 0.018, 0.004, 0.014, 0.0, 0.011), strict=True))

    def change(run, result):
        ahead = wobble[run.seed] if run.treatment.name == "init=he_normal" else 0.0005 * (run.seed % 2)
        return {"val_accuracy": 0.8 + ahead, "test_accuracy": 0.8 + ahead * bool(run.treatment.changed)}

    found = said(with_results(snapshot, change))
    assert found.best == "init=he_normal"
    assert re.match(r"The lead is not sure: among so many .* \(p 0\.\d+, adjusted by Holm\)", found.sure)
    assert re.search(r"95% interval \+", found.sure)
    assert "init = he_normal" in [
        each.level for group in found.groups for each in group.findings if group.verdict == "undecided"
    ]


def test_a_batch_norm_that_lags_behind_is_named_as_the_cause(make):
    normed = make(underfitting={"batch_norm": True, "init": ["glorot_uniform", "he_normal"]}, overfitting={})

    def lag(run, result):
        return {"accuracy": 0.973, "train_accuracy": 0.851 if not run.treatment.changed else 0.97}

    words = " ".join(said(with_results(normed, lag)).paragraphs)
    assert (
        "In 6 of 6 runs of the baseline batch normalization lags behind: training accuracy is 12.2 points lower"
        in words
    )
    assert "(momentum 0.99) remember some 100 batches back, and these runs had 18." in words
    plain = make(underfitting={"init": ["glorot_uniform", "he_normal"]}, overfitting={})
    assert "lags behind" not in " ".join(said(with_results(plain, lag)).paragraphs)
