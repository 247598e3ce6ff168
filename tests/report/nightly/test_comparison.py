"""Two results side by side: what is compared, what is not, and what differs around it."""

from dataclasses import replace

import pytest

from ablate.report.findings import Findings
from ablate.report.nightly import comparison
from ablate.report.nightly.comparison import compare
from ablate.results.baseline import Kept
from tests.report.nightly.test_gate import shifted


@pytest.fixture
def stored(make):
    return Findings(make()).baseline


def with_settings(side, treatment, data=None, **changes):
    """The same results with other settings, or on other data, in one treatment."""
    own = side.treatments[treatment]
    kept = Kept({**own.settings, **changes}, data or own.data)
    return replace(side, treatments={**side.treatments, treatment: kept})


def test_the_same_results_differ_in_nothing(stored):
    found = compare(stored, stored)
    assert found.metric == "test_accuracy"
    assert found.floor == 0.005
    assert found.table["mean"].tolist() == [0.0, 0.0, 0.0]
    assert found.of("fine") == found.table.to_dict("records")
    assert (found.settings, found.data, found.around, found.obstacles) == ((), (), (), ())


def test_a_change_has_its_mean_and_its_verdict(stored):
    found = compare(shifted(stored, 0.05, ["dropout=0.5"]), stored)
    (row,) = found.of("regression")
    before = stored.runs[stored.runs["treatment"] == "dropout=0.5"]["test_accuracy"]
    assert row["treatment"] == "dropout=0.5"
    assert row["mean"] == pytest.approx(-0.05, abs=0.001)
    assert row["now"] == pytest.approx(before.mean())
    assert comparison.change(row).startswith("−5.0")
    assert comparison.told(row).startswith(f"{comparison.change(row)}; adjusted p ")


def test_another_setting_is_named_once_with_all_its_treatments(stored):
    before = with_settings(with_settings(stored, "baseline", l2=0.1), "dropout=0.5", l2=0.1)
    found = compare(before, stored)
    assert [(each.key, each.before, each.now, each.treatments) for each in found.settings] == [
        ("l2", "0.1", "0.0", ("baseline", "dropout=0.5"))
    ]
    assert found.table["treatment"].tolist() == ["batch_norm=true"]
    assert found.obstacles == ("other settings: l2 was 0.1 and is 0.0 (baseline, dropout=0.5)",)


def test_a_setting_that_one_side_does_not_know_is_not_set_there(stored):
    (setting,) = compare(with_settings(stored, "baseline", invented="x"), stored).settings
    assert (setting.key, setting.before, setting.now) == ("invented", '"x"', "not set")


def test_unlike_things_are_compared_where_that_is_wanted(stored):
    before = with_settings(with_settings(stored, "baseline", l2=0.1), "dropout=0.5", data="other")
    found = compare(before, stored, strict=False)
    assert len(found.table) == 3
    assert found.obstacles == ()
    assert found.data == ("dropout=0.5",)
    assert found.around == ("trained on other data: dropout=0.5",)


def test_a_metric_that_a_side_lacks_compares_nothing(stored):
    before = replace(stored, study="before", runs=stored.runs.drop(columns="test_loss"))
    found = compare(before, stored, "test_loss")
    assert found.table.empty
    assert found.obstacles == ("no test_loss in what was kept of study before",)


def test_seeds_and_treatments_of_one_side_are_named(stored):
    before = replace(stored, runs=stored.runs[stored.runs["seed"] > 1], treatments={
        **{name: kept for name, kept in stored.treatments.items() if name != "dropout=0.5"},
        "gone": stored.treatments["dropout=0.5"],
    })  # fmt: skip
    found = compare(before, stored)
    assert found.around == ("treatments only in A: gone", "treatments only in B: dropout=0.5", "seeds only in B: 1")
    assert set(found.table["n"]) == {5}


@pytest.mark.parametrize(
    ("before", "now", "is_change"),
    [
        ("2.21", "2.21.0", False),
        ("2.21.0", "2.21", False),
        ("2.2", "2.21", True),
        ("2.21", "2.2", True),
        ("2.21.0", "2.21.1", True),
    ],
)
def test_a_version_may_be_known_in_part(stored, before, now, is_change):
    one, other = replace(stored, versions={"keras": before}), replace(stored, versions={"keras": now})
    assert bool(compare(one, other).changed) is is_change


@pytest.mark.parametrize(
    ("metric", "floor", "text"),
    [("test_accuracy", 0.005, "0.5 points"), ("test_loss", 0.01, "0.01"), ("best_epoch", 1.0, "1 epochs")],
)
def test_a_floor_has_the_unit_of_its_metric(metric, floor, text):
    assert comparison.floor_text(metric, floor) == text


def test_a_sentence_lists_a_few_and_counts_the_rest():
    assert comparison.named(range(12)) == ", ".join(map(str, range(12)))
    assert comparison.named(range(14)).endswith("11 and 2 more")


def test_a_treatment_without_a_pair_says_why():
    assert comparison.change({"n": 0, "reason": ""}) == "nothing to compare"
    assert comparison.told({"n": 0, "reason": "no seed in common", "verdict": "inconclusive"}) == "no seed in common"
