"""Effects: paired, with scipy's numbers, and verdicts that claim no more than the data."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from ablate.analysis.effects import effects, seed_differences
from ablate.analysis.estimates import estimate_mean, minimum_detectable
from ablate.settings.metrics import lower_is_better

REAL = Path(__file__).parents[1] / "data" / "digits-remedies.csv"
LEVELS = {"dropout": ["0", "0.5"], "init": ["glorot", "he", "zeros"]}


def one_at_a_time(values, status=None):
    """Runs of a one-at-a-time study; `values` maps (dropout, init) to one number per seed."""
    rows = [
        {"dropout": dropout, "init": init, "seed": seed, "status": "ok", "test_accuracy": number, "test_loss": number}
        for (dropout, init), numbers in values.items()
        for seed, number in enumerate(numbers, 1)
    ]
    runs = pd.DataFrame(rows)
    for place in status or ():
        runs.loc[place, ["status", "test_accuracy"]] = ["diverged", math.nan]
    return runs


@pytest.fixture
def values():
    random = np.random.default_rng(1)
    base = random.normal(0.9, 0.05, 10)
    return {
        ("0", "glorot"): base,
        ("0.5", "glorot"): base + random.normal(0.02, 0.005, 10),
        ("0", "he"): base + random.normal(0.0, 0.01, 10),
        ("0", "zeros"): base - 0.5 + random.normal(0, 0.01, 10),
    }


def test_numbers_are_those_of_scipy_and_statsmodels(values):
    found = effects(one_at_a_time(values), LEVELS)
    base = values["0", "glorot"]
    tests = [stats.ttest_rel(values[key], base) for key in (("0.5", "glorot"), ("0", "he"), ("0", "zeros"))]
    assert found["p"].tolist() == pytest.approx([test.pvalue for test in tests])
    assert found["p_holm"].tolist() == pytest.approx(multipletests([test.pvalue for test in tests], method="holm")[1])
    interval = tests[0].confidence_interval(0.95)
    assert (found["low"][0], found["high"][0]) == pytest.approx((interval.low, interval.high))
    assert found["mean"][0] == pytest.approx(np.mean(values["0.5", "glorot"] - base))
    assert found["verdict"].tolist() == ["helps", "undecided", "hurts"]
    assert found["n"].tolist() == [10, 10, 10]


def test_pairs_are_made_by_seed_whatever_the_order_of_the_rows(values):
    runs = one_at_a_time(values)
    shuffled = runs.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(effects(runs, LEVELS), effects(shuffled, LEVELS))


def test_a_small_effect_is_found_only_because_of_the_pairing(values):
    found = effects(one_at_a_time(values), LEVELS)
    unpaired = stats.ttest_ind(values["0.5", "glorot"], values["0", "glorot"])
    assert found["p"][0] < 1e-4
    assert unpaired.pvalue > 0.05


def test_a_grid_averages_over_the_other_factors():
    random = np.random.default_rng(2)
    values = {(dropout, init): random.normal(0.9, 0.01, 6) for dropout in ("0", "0.5") for init in ("glorot", "he")}
    found = effects(one_at_a_time(values), {"dropout": ["0", "0.5"], "init": ["glorot", "he"]})
    difference = np.mean([values["0.5", init] - values["0", init] for init in ("glorot", "he")], axis=0)
    assert found["mean"][0] == pytest.approx(difference.mean())
    assert found["p"][0] == pytest.approx(stats.ttest_1samp(difference, 0).pvalue)
    assert found["n"][0] == 6


def test_diverged_runs_drop_their_pair(values):
    found = effects(one_at_a_time(values, status=[10]), LEVELS)
    assert (found["n"][0], found["dropped"][0], found["verdict"][0]) == (9, 1, "helps")
    found = effects(one_at_a_time(values, status=[10, 11]), LEVELS)
    assert (found["n"][0], found["dropped"][0], found["verdict"][0]) == (8, 2, "undecided")


def test_a_diverged_baseline_drops_a_pair_of_every_level(values):
    assert effects(one_at_a_time(values, status=[0]), LEVELS)["dropped"].tolist() == [1, 1, 1]


def test_a_run_that_is_not_there_yet_is_not_a_dropped_pair(values):
    found = effects(one_at_a_time(values).iloc[:-5], LEVELS)
    assert (found["n"][2], found["dropped"][2]) == (5, 0)


def test_equal_pairs_are_inert(values):
    values["0", "he"] = values["0", "glorot"].copy()
    found = effects(one_at_a_time(values), LEVELS)
    assert (found["verdict"][1], found["p"][1], found["mean"][1]) == ("inert", 1.0, 0.0)


def test_fewer_than_five_seeds_are_exploratory(values):
    few = {key: numbers[:4] for key, numbers in values.items()}
    assert set(effects(one_at_a_time(few), LEVELS)["verdict"]) == {"exploratory"}


def test_one_seed_has_no_interval(values):
    found = effects(one_at_a_time({key: numbers[:1] for key, numbers in values.items()}), LEVELS)
    assert found["n"].tolist() == [1, 1, 1]
    assert found[["low", "high", "p", "p_holm"]].isna().all(axis=None)


def test_lower_losses_and_gaps_help(values):
    found = effects(one_at_a_time(values), LEVELS, "test_loss")
    assert found["verdict"].tolist() == ["hurts", "undecided", "helps"]
    assert lower_is_better("gap")
    assert not lower_is_better("val_accuracy")


def test_differences_without_variance_have_the_sign_tests_p():
    estimate = estimate_mean(np.full(6, 0.25))
    assert (estimate.mean, estimate.low, estimate.high, estimate.p) == (0.25, 0.25, 0.25, 2**-5)


def test_empty_tables_give_empty_answers(values):
    runs = one_at_a_time(values)
    assert effects(runs, {}).empty
    assert seed_differences(runs, {}).empty
    found = effects(runs.head(0), LEVELS)
    assert found["n"].tolist() == [0, 0, 0]
    assert set(found["verdict"]) == {"undecided"}


def test_seed_differences_average_to_the_effects(values):
    runs = one_at_a_time(values)
    by_seed = seed_differences(runs, LEVELS)
    means = by_seed.groupby(["factor", "level"], sort=False)["difference"].mean()
    assert means.tolist() == pytest.approx(effects(runs, LEVELS)["mean"].tolist())


def test_ten_pairs_detect_a_difference_of_one_standard_deviation():
    values = np.random.default_rng(0).normal(size=10)
    assert minimum_detectable(values) == pytest.approx(values.std(ddof=1), rel=0.01)
    assert math.isnan(minimum_detectable(values[:2]))


def test_intervals_of_a_real_study_are_scipys():
    runs = pd.read_csv(REAL)
    wide = runs.pivot_table(index="seed", columns="treatment", values="test_accuracy")
    test = stats.ttest_rel(wide["init=he_normal"], wide["baseline"])
    both = runs["treatment"].isin(["baseline", "init=he_normal"])
    found = effects(runs[both], {"init": ["random_normal(stddev=0.5)", "he_normal"]})
    assert found["p"][0] == pytest.approx(test.pvalue)
    assert (found["low"][0], found["high"][0]) == pytest.approx(tuple(test.confidence_interval()))
