"""A mean from few independent numbers, and how sure it is: intervals, p-values, and what more numbers would bring."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import stats
from statsmodels.stats.power import TTestPower

CONFIDENCE = 0.95
POWER = 0.8
FEWEST_SEEDS = 5  # below it there are no verdicts
FEWEST_FOR_BOOTSTRAP = 10  # below it the bootstrap's intervals are much too short
MOST_REPLICATES = 10_000  # that are ever recommended
SAME = 1e-12  # figures closer than this are the same figure
ROUNDING = 5e-7  # figures of runs are kept in single precision; a spread below this is no spread
RESAMPLES = 9_999
EXACT_FLIPS = 2**14  # sign-flip tests are exact up to 14 numbers, and drawn at random beyond
MOST_AT_ONCE = 2**21  # numbers of the resamples that are in memory together, some copies of them at a time

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95% interval and the two-sided p of its being zero; NaN where there is too little to tell."""

    mean: float
    low: float
    high: float
    p: float


def estimate_mean(values: Floats) -> Estimate:
    """Mean of independent values, shape (n,), with a 95% t interval.

    Where the values do not vary the t-test is not defined; p is then the exact sign-flip test's, 2^(1 - n).
    """
    count = len(values)
    if count < 2:
        return Estimate(float(values[0]) if count else math.nan, math.nan, math.nan, math.nan)
    mean = float(values.mean())
    if np.ptp(values) <= ROUNDING:
        return Estimate(mean, mean, mean, 1.0 if abs(mean) <= ROUNDING else 2.0 ** (1 - count))
    test = stats.ttest_1samp(values, 0.0)
    interval = test.confidence_interval(CONFIDENCE)
    return Estimate(mean, float(interval.low), float(interval.high), float(test.pvalue))


def predict(values: Floats) -> Estimate:
    """Mean of independent values, shape (n,), and the 95% prediction interval of one more value like them.

    Mean +- t(0.975, n - 1) * s * sqrt(1 + 1 / n), for values that are about normal (Hahn and Meeker 1991,
    "Statistical Intervals", section 4.7). It does not shrink to a point as the values become more.

    Returns:
        NaN for the interval below 2 values, and always for p.
    """
    count = len(values)
    if count < 2:
        return Estimate(float(values[0]) if count else math.nan, math.nan, math.nan, math.nan)
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * sd * math.sqrt(1 + 1 / count)
    return Estimate(mean, mean - reach, mean + reach, math.nan)


def bootstrap_interval(values: Floats) -> tuple[float, float]:
    """The 95% interval of the mean by the BCa bootstrap (Efron 1987); NaN below 10 values or where they are equal."""
    if len(values) < FEWEST_FOR_BOOTSTRAP or np.ptp(values) <= ROUNDING:
        return math.nan, math.nan
    found = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=_at_once(values),
        confidence_level=CONFIDENCE,
        method="BCa",
        rng=0,
    ).confidence_interval
    return float(found.low), float(found.high)


def sign_flip_p(values: Floats) -> float:
    """Two-sided p of the mean under random signs, which assumes that the values are symmetric about zero, and no more.

    Exact up to 14 values; its smallest is 2^(1 - n). NaN below 2 values.
    """
    if len(values) < 2:
        return math.nan
    if np.abs(values).max() <= SAME:
        return 1.0
    found = stats.permutation_test(
        (values,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=EXACT_FLIPS,
        batch=_at_once(values),
        rng=0,
    )
    return float(found.pvalue)


def _at_once(values: Floats) -> int:
    """How many resamples of some values are made at a time; the random numbers are the same for every such number."""
    return max(1, MOST_AT_ONCE // len(values))


def p_values(columns: Floats) -> Floats:
    """The p that `estimate_mean` gives for every column, shape (n, columns), all at once; NaN are left out."""
    counts = np.isfinite(columns).sum(axis=0)
    found = np.full(columns.shape[1], math.nan)
    enough = counts > 1
    if enough.any():
        own, counts = columns[:, enough], counts[enough]
        means, spread = np.nanmean(own, axis=0), np.nanmax(own, axis=0) - np.nanmin(own, axis=0)
        alike = spread <= ROUNDING
        with np.errstate(divide="ignore", invalid="ignore"):
            t = means / (np.nanstd(own, axis=0, ddof=1) / np.sqrt(counts))
        tested = 2 * stats.t.sf(np.abs(t), counts - 1)
        found[enough] = np.where(alike, np.where(np.abs(means) <= ROUNDING, 1.0, 2.0 ** (1 - counts)), tested)
    return found


def holm(p: Floats) -> Floats:
    """Holm's adjustment (1979) of the p-values that are numbers, shape (n,); the others stay NaN.

    As `multipletests` of statsmodels, which collects the whole process's garbage at every call: 60 ms and more.
    """
    adjusted = np.full(len(p), math.nan)
    order = np.argsort(p)[: int(np.isfinite(p).sum())]  # NaN come last
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def minimum_detectable(values: Floats, power: float = POWER) -> float:
    """The smallest true mean that a two-sided one-sample t-test at 5% would find with this power.

    Assumes that the standard deviation is the one observed; NaN below 3 values, or where they do not vary.
    """
    count = len(values)
    if count < 3 or np.ptp(values) <= ROUNDING:
        return math.nan
    return float(values.std(ddof=1)) * _detectable_in_sd(count, power)


def replicates_needed(values: Floats, distance: float, power: float = POWER) -> int | None:
    """How many values a two-sided t-test at 5% needs to tell their mean from something this far away.

    Assumes that mean and standard deviation stay as observed, which few values tell badly.

    Returns:
        The number, not below those there are; `None` if it is over 10,000 or the values tell too little.
    """
    count = len(values)
    if count < 3 or np.ptp(values) <= ROUNDING or not abs(distance) > SAME:
        return None
    share = abs(distance) / float(values.std(ddof=1))
    if share <= _detectable_in_sd(MOST_REPLICATES, power):
        return None
    if share >= _detectable_in_sd(count, power):
        return count
    needed = float(TTestPower().solve_power(effect_size=share, alpha=1 - CONFIDENCE, power=power))
    return math.ceil(needed)


def largest_of_equals(count: int) -> float:
    """The expected largest of so many independent standard normal values: what choosing the best of equals adds."""
    if count < 2:
        return 0.0
    spread = np.linspace(-9, 9, 4001)
    return float(np.trapezoid(spread * count * stats.norm.pdf(spread) * stats.norm.cdf(spread) ** (count - 1), spread))


@lru_cache(maxsize=256)
def _detectable_in_sd(count: int, power: float) -> float:
    """The smallest effect that so many values find, in standard deviations."""
    return float(TTestPower().solve_power(nobs=count, alpha=1 - CONFIDENCE, power=power))
