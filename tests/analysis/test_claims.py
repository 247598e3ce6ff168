"""Claims: supported, refuted or inconclusive by their own interval, and never by a gap in the data."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ablate.analysis.claims import judge, table
from ablate.analysis.durations import with_metric
from ablate.analysis.effects import effects
from ablate.studies.file import Claim

FACTORS = ["batch_norm", "dropout"]
BN = ({"batch_norm": {"true"}}, {"batch_norm": {"false"}})
NOISE = np.random.default_rng(6).normal(0, 0.004, 10)


def runs(differences, base=0.9):
    """One-at-a-time runs of batch norm, whose effect by seed is given."""
    rows = []
    for seed, difference in enumerate(differences, 1):
        for level, number in (("false", base), ("true", base + difference)):
            row = {"batch_norm": level, "dropout": "0", "treatment": level, "seed": seed, "status": "ok"}
            rows.append({**row, "test_accuracy": number, "test_loss": number})
    return pd.DataFrame(rows)


def claim(**fields):
    return Claim(**{"says": "it is so", "metric": "test_accuracy", "treatment": {"batch_norm": True}, **fields})


def compare(differences, **fields):
    against = claim(against={"batch_norm": False}, **fields)
    return judge(against, runs(differences), *BN, FACTORS)


@pytest.mark.parametrize(
    ("effect", "fields", "expected"),
    [
        (0.02, {"expect": "higher"}, "supported"),
        (-0.02, {"expect": "higher"}, "refuted"),
        (0.0, {"expect": "higher"}, "inconclusive"),
        (0.02, {"expect": "lower"}, "refuted"),
        (0.02, {"expect": "higher", "by": 0.01}, "supported"),
        (0.02, {"expect": "higher", "by": 0.03}, "refuted"),
        (0.02, {"expect": "higher", "by": 0.02}, "inconclusive"),
        (-0.02, {"expect": "lower", "by": 0.01}, "supported"),
        (0.0, {"expect": "equivalent", "margin": 0.01}, "supported"),
        (0.02, {"expect": "equivalent", "margin": 0.01}, "refuted"),
        (0.01, {"expect": "equivalent", "margin": 0.01}, "inconclusive"),
    ],
    ids=str,
)
def test_comparisons(effect, fields, expected):
    assert compare(effect + NOISE - NOISE.mean(), **fields).verdict == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"at_least": 0.9}, "supported"),
        ({"at_least": 0.95}, "refuted"),
        ({"at_least": 0.92}, "inconclusive"),
        ({"at_most": 0.95}, "supported"),
        ({"at_most": 0.9}, "refuted"),
        ({"between": [0.9, 0.94]}, "supported"),
        ({"between": [0.94, 0.95]}, "refuted"),
        ({"between": [0.92, 0.95]}, "inconclusive"),
    ],
    ids=str,
)
def test_a_treatments_own_figure(fields, expected):
    found = judge(claim(**fields), runs(0.02 + NOISE - NOISE.mean()), {"batch_norm": {"true"}}, None, FACTORS)
    assert found.verdict == expected
    assert found.mean == pytest.approx(0.92)


def test_an_inconclusive_claim_says_how_many_replicates_it_needs():
    found = compare(0.002 + NOISE - NOISE.mean(), expect="higher")
    assert found.verdict == "inconclusive"
    assert found.needed > found.n == 10
    assert compare(0.02 + NOISE, expect="higher").needed is None
    assert compare(NOISE - NOISE.mean(), expect="higher").needed is None


def test_equal_runs_are_not_higher():
    assert compare(np.zeros(8), expect="higher").verdict == "refuted"
    assert compare(np.zeros(8), expect="equivalent", margin=0.001).verdict == "supported"


def test_fewer_than_five_replicates_judge_nothing():
    found = compare(0.02 + NOISE[:4], expect="higher")
    assert (found.verdict, found.reason) == ("inconclusive", "fewer than 5 replicates")
    assert found.needed >= 5


def test_equal_differences_of_five_replicates_may_be_luck():
    assert compare(np.full(5, 0.02), expect="higher").verdict == "inconclusive"
    assert compare(np.full(6, 0.02), expect="higher").verdict == "supported"
    assert compare(np.full(6, 0.02), expect="higher", by=0.015).verdict == "inconclusive"  # none tells less than 0.02


def test_lost_pairs_are_counted_and_too_many_judge_nothing():
    table = runs(0.02 + NOISE)
    table.loc[0, "status"] = "diverged"
    against = claim(against={"batch_norm": False}, expect="higher")
    found = judge(against, table, *BN, FACTORS)
    assert (found.verdict, found.n, found.dropped) == ("supported", 9, 1)
    table.loc[2, "status"] = "failed"
    found = judge(against, table, *BN, FACTORS)
    assert found.verdict == "inconclusive"
    assert "2 of 10 pairs gave no number" in found.reason


def test_nothing_to_judge_is_inconclusive():
    found = judge(claim(at_least=0.5), runs([0.1]), {"batch_norm": {"auto"}}, None, FACTORS)
    assert (found.verdict, found.n, found.reason) == ("inconclusive", 0, "no finished runs to judge it by")
    assert math.isnan(found.mean)


def test_pairs_are_equal_in_every_factor_that_neither_side_names():
    one = runs(np.full(6, 0.1))
    other = runs(np.full(6, 0.3)).assign(dropout="0.5")
    both = pd.concat([one, other], ignore_index=True)
    against = claim(against={"batch_norm": False}, expect="higher")
    found = judge(against, both, *BN, FACTORS)
    assert (found.mean, found.n) == (pytest.approx(0.2), 6)
    narrow = judge(against, both, {**BN[0], "dropout": {"0.5"}}, {**BN[1], "dropout": {"0.5"}}, FACTORS)
    assert narrow.mean == pytest.approx(0.3)


def test_a_mean_with_censored_runs_is_only_a_lower_bound():
    metric = "epochs_to_val_accuracy_0.9"
    own = runs(np.zeros(6)).assign(run=lambda table: [f"r{place}" for place in table.index])
    curves = {key: [0.5, 0.95, 0.95] if place else [0.5] * 3 for place, key in enumerate(own["run"])}
    rows = [(key, epoch, value) for key, curve in curves.items() for epoch, value in enumerate(curve, 1)]
    histories = pd.DataFrame(rows, columns=["run", "epoch", "val_accuracy"])
    measured = with_metric(own, histories, metric)
    side = {"batch_norm": {"false"}}
    assert judge(claim(metric=metric, at_most=5), measured, side, None, FACTORS).verdict == "inconclusive"
    assert "only a bound" in judge(claim(metric=metric, at_most=5), measured, side, None, FACTORS).reason
    assert judge(claim(metric=metric, at_least=1), measured, side, None, FACTORS).verdict == "supported"
    assert judge(claim(metric=metric, at_most=0.5), measured, side, None, FACTORS).verdict == "refuted"
    assert judge(claim(metric=metric, at_least=9), measured, side, None, FACTORS).verdict == "inconclusive"


def test_the_table_has_a_row_per_claim():
    found = table([compare(0.02 + NOISE, expect="higher"), compare(NOISE - NOISE.mean(), expect="lower")])
    assert found["verdict"].tolist() == ["supported", "inconclusive"]
    assert len(table([])) == 0
    assert "needed" in table([]).columns


def reproduce(figure, values):
    own = runs(np.asarray(values) - 0.9)
    return judge(claim(reproduces=figure), own, {"batch_norm": {"true"}}, None, FACTORS)


def test_a_figure_is_reproduced_inside_the_prediction_interval():
    values = 0.97 + (NOISE - NOISE.mean()) / 4  # sd about 0.001
    reach = stats.t.ppf(0.975, 9) * values.std(ddof=1) * math.sqrt(1.1)
    found = reproduce(0.97 + 0.9 * reach, values)
    assert (found.verdict, found.reproduces, found.n) == ("supported", True, 10)
    assert (found.low, found.high) == (pytest.approx(0.97 - reach), pytest.approx(0.97 + reach))
    assert found.least == found.most == 0.97 + 0.9 * reach
    assert reproduce(0.97 + 1.1 * reach, values).verdict == "refuted"
    assert reproduce(0.97 - 1.1 * reach, values).verdict == "refuted"
    assert reproduce(0.97 - 1.1 * reach, values).needed is None


def test_equal_replicates_reproduce_their_own_figure_alone():
    assert reproduce(1.0, np.ones(6)).verdict == "supported"
    assert reproduce(0.999, np.ones(6)).verdict == "refuted"


def test_four_replicates_reproduce_nothing():
    found = reproduce(0.97, 0.97 + NOISE[:4])
    assert (found.verdict, found.reason) == ("inconclusive", "fewer than 5 replicates")


def test_a_figure_of_epochs_that_some_runs_never_reached_is_inconclusive():
    own = runs(np.zeros(6))
    metric = "epochs_to_val_accuracy_0.9"
    own[metric] = [2.0, 3.0, 4.0, 3.0, 2.0, 4.0] * 2
    own[f"{metric}_censored"] = [place == 1 for place in range(12)]
    found = judge(claim(metric=metric, reproduces=3.0), own, {"batch_norm": {"true"}}, None, FACTORS)
    assert found.verdict == "inconclusive"
    assert "only a bound" in found.reason


def test_a_single_run_of_the_same_kind_is_reproduced_19_times_out_of_20():
    rng = np.random.default_rng(12)
    tries = 600
    for count in (5, 10):
        hits = 0
        for _ in range(tries):
            values = rng.normal(0.97, 0.002, count + 1)
            found = reproduce(float(values[-1]), values[:-1])
            hits += found.verdict == "supported"
        assert stats.binomtest(hits, tries, 0.95).pvalue > 0.001


def test_ties_are_as_wide_as_the_metric_can_tell():
    ties = [0.0] * 5
    lossy = runs(ties).assign(test_loss=np.arange(10) / 10)  # the same accuracies, of other networks
    lossy.loc[0, "test_accuracy"] -= 1 / 36  # how finely the metric tells
    lossy.loc[1, "test_accuracy"] -= 1 / 36
    for fields, verdict in (
        ({"expect": "higher"}, "inconclusive"),
        ({"expect": "equivalent", "margin": 0.01}, "inconclusive"),
        ({"expect": "equivalent", "margin": 0.05}, "supported"),
    ):
        assert judge(claim(against={"batch_norm": False}, **fields), lossy, *BN, FACTORS).verdict == verdict
    alike = judge(claim(at_least=0.8), runs(ties), {"batch_norm": {"true"}}, None, FACTORS)
    assert (alike.verdict, alike.reason) == (
        "inconclusive",
        "all figures are alike, which does not tell how much runs vary",
    )
    count = claim(metric="parameters", at_most=100)
    sized = runs(ties).assign(parameters=90)
    assert judge(count, sized, {"batch_norm": {"true"}}, None, FACTORS).verdict == "supported"


def test_equal_differences_in_single_precision_may_be_luck():
    numbers = np.float32(np.arange(300, 305) / 360)
    table = runs([0.0] * 5)
    table.loc[table["batch_norm"] == "false", "test_accuracy"] = numbers
    table.loc[table["batch_norm"] == "true", "test_accuracy"] = np.float32(numbers + np.float32(1 / 360))
    found = judge(claim(against={"batch_norm": False}, expect="higher"), table, *BN, FACTORS)
    assert (found.verdict, found.reason) == (
        "inconclusive",
        "all differences are equal; with so few replicates that may be luck",
    )
    assert effects(table, {"batch_norm": ["false", "true"]})["verdict"].tolist() == ["undecided"]


def test_bounds_are_met_but_for_rounding():
    equal = judge(
        claim(against={"batch_norm": False}, expect="higher", by=0.1),
        runs([0.9 - 0.8] * 6).assign(test_accuracy=[0.8, 0.9] * 6),
        *BN,
        FACTORS,
    )
    assert equal.verdict != "refuted"


def crossing(first, second):
    """Runs of two levels that reach a threshold in the given epochs of 60; `None` never does."""
    rows = []
    metric = "epochs_to_val_accuracy_0.9"
    for level, epochs in (("true", first), ("false", second)):
        for seed, epoch in enumerate(epochs):
            found = {metric: 61.0 if epoch is None else epoch, f"{metric}_censored": epoch is None}
            rows.append({"batch_norm": level, "dropout": "0", "seed": seed, "status": "ok", **found})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("first", "second", "fields", "verdict"),
    [
        ([5, 6, 7, 6, 5, 6, None, None, None, None], [50, 51, 52] * 3 + [50], {"expect": "lower"}, "inconclusive"),
        ([5, 6, 7, 6, 5, 6, 5, 6, 7, 6], [50, 51, None, None] * 2 + [50, 51], {"expect": "lower"}, "supported"),
        ([5, 6, 7, 6, 5, 6, 5, 6, 7, 6], [50, 51, None, None] * 2 + [50, 51], {"expect": "higher"}, "refuted"),
        ([50, 51, None, None] * 2 + [50, 51], [5, 6, 7, 6, 5, 6, 5, 6, 7, 6], {"expect": "lower"}, "refuted"),
        ([None] * 4 + [6] * 6, [None] * 4 + [6] * 6, {"expect": "equivalent", "margin": 3}, "inconclusive"),
    ],
    ids=str,
)
def test_runs_that_never_got_there_are_taken_for_no_sooner_than_they_may_have(first, second, fields, verdict):
    own = claim(metric="epochs_to_val_accuracy_0.9", against={"batch_norm": False}, **fields)
    found = judge(own, crossing(first, second), *BN, FACTORS)
    assert found.verdict == verdict
    said = effects(crossing(first, second), {"batch_norm": ["false", "true"]}, own.metric)["verdict"][0]
    assert (said in ("helps", "hurts")) == (verdict != "inconclusive")


def test_a_figure_above_its_range_stays_refuted_however_late_the_others_come():
    own = claim(metric="epochs_to_val_accuracy_0.9", between=[5, 10])
    table = crossing([38, 39, 40, 45, 44, 43, None, None], [1] * 8)
    assert judge(own, table, {"batch_norm": {"true"}}, None, FACTORS).verdict == "refuted"


def test_pairs_that_all_lost_a_run_are_told_from_pairs_that_are_not_there():
    lost = runs([0.1] * 6).assign(status="diverged")
    assert judge(claim(against={"batch_norm": False}, expect="higher"), lost, *BN, FACTORS).reason.startswith(
        "6 of 6 pairs gave no number"
    )
