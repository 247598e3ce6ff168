"""Means and their certainty, against the formulas and against scipy and statsmodels."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from ablate.analysis import estimates

VALUES = np.random.default_rng(4).normal(0.5, 1.0, 10)


def test_the_bootstrap_is_scipys_and_starts_at_ten():
    expected = stats.bootstrap((VALUES,), np.mean, method="BCa", rng=0).confidence_interval
    assert estimates.bootstrap_interval(VALUES) == (expected.low, expected.high)
    assert np.isnan(estimates.bootstrap_interval(VALUES[:9])).all()
    assert np.isnan(estimates.bootstrap_interval(np.full(12, 0.3))).all()


def test_the_sign_flip_test_counts_every_sign():
    values = VALUES[:7]
    means = [abs(np.mean(np.array(signs) * values)) for signs in itertools.product((-1, 1), repeat=7)]
    expected = np.mean([mean >= abs(values.mean()) * (1 - 1e-12) for mean in means])
    assert estimates.sign_flip_p(values) == pytest.approx(expected)
    assert estimates.sign_flip_p(np.array([1.0, 2.0, 3.0, 4.0, 5.0])) == 0.0625
    assert estimates.sign_flip_p(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])) == 0.03125
    assert estimates.sign_flip_p(np.zeros(6)) == 1.0
    assert math.isnan(estimates.sign_flip_p(VALUES[:1]))


@pytest.mark.parametrize(("count", "in_sd"), [(5, 1.68), (10, 1.0), (20, 0.66)])
def test_the_detectable_difference_is_that_of_a_paired_t_test(count, in_sd):
    values = np.resize([-1.0, 1.0], count)
    found = estimates.minimum_detectable(values) / values.std(ddof=1)
    assert found == pytest.approx(in_sd, abs=0.005)
    assert TTestPower().power(found, count, 0.05) == pytest.approx(0.8, abs=1e-4)


def test_the_replicates_needed_have_the_power_that_is_promised():
    needed = estimates.replicates_needed(VALUES, 0.3)
    sd = VALUES.std(ddof=1)
    assert TTestPower().power(0.3 / sd, needed, 0.05) >= 0.8
    assert TTestPower().power(0.3 / sd, needed - 1, 0.05) < 0.8


def test_there_is_no_number_of_replicates_for_nothing():
    assert estimates.replicates_needed(VALUES, 1e-6) is None
    assert estimates.replicates_needed(VALUES, 0.0) is None
    assert estimates.replicates_needed(VALUES[:2], 0.5) is None
    assert estimates.replicates_needed(VALUES, 100.0) == 10


@pytest.mark.parametrize(("count", "expected"), [(1, 0.0), (2, 1 / math.sqrt(math.pi)), (8, 1.4236), (64, 2.3439)])
def test_the_best_of_equals_looks_better_than_it_is(count, expected):
    assert estimates.largest_of_equals(count) == pytest.approx(expected, abs=2e-4)


def test_many_p_values_are_those_of_every_mean():
    random = np.random.default_rng(1)
    columns = random.normal(0.3, 1.0, (9, 6))
    columns[:, 1], columns[:, 2], columns[3:, 3], columns[1:, 4], columns[:, 5] = 0.0, 0.25, np.nan, np.nan, np.nan
    expected = [estimates.estimate_mean(column[np.isfinite(column)]).p for column in columns.T]
    np.testing.assert_allclose(estimates.p_values(columns), expected, rtol=1e-9)


def test_many_values_are_resampled_in_little_memory_and_with_the_same_random_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All at once would take 800 x 9,999 numbers, several times over."""
    values = np.random.default_rng(1).normal(0.05, 1.0, 800)
    tracemalloc.start()
    found = estimates.sign_flip_p(values), estimates.bootstrap_interval(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * estimates.MOST_AT_ONCE * values.itemsize
    few = values[:60]
    before = estimates.sign_flip_p(few), estimates.bootstrap_interval(few)
    monkeypatch.setattr(estimates, "MOST_AT_ONCE", 60 * 1000)
    assert (estimates.sign_flip_p(few), estimates.bootstrap_interval(few)) == before
    assert 0 < found[0] < 1
