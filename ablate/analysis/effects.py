"""What each level does to a metric against its factor's baseline, and how sure that is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

CONFIDENCE = 0.95
POWER = 0.8
FEWEST_SEEDS = 5
LARGEST_DROPPED_SHARE = 0.1
SAME = 1e-12  # differences closer than this differ by rounding only
LOSSES = ("train_loss", "val_loss", "test_loss")  # what tells equal runs from runs with equal accuracies
COLUMNS = (
    "factor",
    "level",
    "baseline",
    "metric",
    "n",
    "dropped",
    "mean",
    "low",
    "high",
    "p",
    "p_holm",
    "detectable",
    "verdict",
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Runs of a level, each beside the run of the baseline that differs in nothing else.

    Attributes:
        differences: level minus baseline by seed, the mean over the other factors' levels.
        count: pairs that have both numbers.
        dropped: pairs of which a run diverged or failed.
        equal: whether the runs of every pair are equal, in the metric and in their losses.
    """

    differences: "pd.Series[float]"
    count: int
    dropped: int
    equal: bool

    @property
    def values(self) -> Floats:
        """The differences alone, shape (seeds,)."""
        return np.asarray(self.differences, dtype=np.float64)

    @property
    def dropped_share(self) -> float:
        """Of all pairs, those without a difference; 0 where there are no pairs."""
        return self.dropped / max(self.count + self.dropped, 1)


@dataclass(frozen=True)
class Estimate:
    """A mean difference with its 95% interval and two-sided p; NaN where there is too little to tell."""

    mean: float
    low: float
    high: float
    p: float


def lower_is_better(metric: str) -> bool:
    """Whether a smaller value of a column of the runs table is the better one: losses, gaps and epochs."""
    return metric.endswith(("loss", "gap", "epoch")) or metric.startswith("seconds")


def effects(
    runs: pd.DataFrame,
    levels: Mapping[str, Sequence[str]],
    metric: str = "test_accuracy",
    *,
    coverage_only: bool = False,
) -> pd.DataFrame:
    """The effect of every level that is not a baseline.

    Args:
        runs: one row per run: a column per factor, `seed`, `status` and the metric.
        levels: the labels of every factor's levels, the baseline first.
        metric: a numeric column of `runs`; effects are on its scale (shares for accuracies).
        coverage_only: the runs are of a covering array, whose few pairs are there by chance: no verdicts.

    Returns:
        One row per factor and level, in the order of `levels`. `n` counts seeds, `dropped` pairs that lost a run.
        `mean` is level minus baseline, `low` and `high` its 95% interval (paired t), `p` two-sided, `p_holm` the
        same after Holm's adjustment within this table, `detectable` the smallest difference that as many seeds
        would find with 80% power. `verdict` is `helps`, `hurts`, `undecided` (also where more than a tenth of the
        pairs was dropped), `exploratory` (fewer than 5 seeds), `inert` (the runs of every pair are equal) or `coverage
        only`.
    """
    asked = [(factor, level, labels[0]) for factor, labels in levels.items() for level in labels[1:]]
    pairs = [pair(runs, levels, factor, level, metric) for factor, level, _ in asked]
    estimates = [estimate_mean(found.values) for found in pairs]
    p_holm = _holm(np.array([estimate.p for estimate in estimates], dtype=np.float64))
    better = -1 if lower_is_better(metric) else 1
    rows = [
        {
            "factor": factor,
            "level": level,
            "baseline": baseline,
            "metric": metric,
            "n": len(found.values),
            "dropped": found.dropped,
            **asdict(estimate),
            "p_holm": adjusted,
            "detectable": minimum_detectable(found.values),
            "verdict": "coverage only" if coverage_only else _verdict(found, estimate.mean * better, adjusted),
        }
        for (factor, level, baseline), found, estimate, adjusted in zip(asked, pairs, estimates, p_holm, strict=True)
    ]
    numbers = ("mean", "low", "high", "p", "p_holm", "detectable")
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(numbers, "float64") | {"n": "int64", "dropped": "int64"})


def seed_differences(
    runs: pd.DataFrame, levels: Mapping[str, Sequence[str]], metric: str = "test_accuracy"
) -> pd.DataFrame:
    """The differences that `effects` averages: columns `factor`, `level`, `seed`, `difference`."""
    parts = [
        pair(runs, levels, factor, level, metric)
        .differences.rename("difference")
        .reset_index()
        .assign(factor=factor, level=level)
        for factor, labels in levels.items()
        for level in labels[1:]
    ]
    columns = ["factor", "level", "seed", "difference"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def pair(runs: pd.DataFrame, levels: Mapping[str, Sequence[str]], factor: str, level: str, metric: str) -> Pairs:
    """Pair the runs of a level with the baseline's by seed and by the levels of all other factors."""
    keys = ["seed", *(name for name in levels if name != factor)]
    usable = runs["status"].eq("ok") & np.isfinite(runs[metric].astype("float64"))
    table = runs[[*keys, factor]].assign(value=runs[metric].astype("float64").where(usable))
    table = table.join(runs[[name for name in LOSSES if name in runs]].astype("float64"))
    sides = [table[table[factor] == label].drop(columns=factor) for label in (level, levels[factor][0])]
    pairs = sides[0].merge(sides[1], on=keys, suffixes=("", "_baseline"))
    difference = pairs["value"] - pairs["value_baseline"]
    kept = difference.dropna()
    by_seed = kept.groupby(pairs["seed"]).mean().rename_axis("seed")
    # Accuracies of few examples tie by chance; runs that are the same have the same losses too.
    tied = [(pairs[name] - pairs[f"{name}_baseline"])[kept.index] for name in LOSSES if name in runs]
    equal = len(kept) > 0 and all(bool((part.abs() <= SAME).all()) for part in (kept, *tied))
    return Pairs(by_seed, len(kept), len(difference) - len(kept), equal)


def estimate_mean(values: Floats) -> Estimate:
    """Mean of independent values with a 95% t interval.

    Where the values do not vary the t-test is not defined; p is then the exact sign-flip test's, 2^(1 - n).
    """
    count = len(values)
    if count < 2:
        return Estimate(float(values[0]) if count else math.nan, math.nan, math.nan, math.nan)
    mean = float(values.mean())
    if np.ptp(values) <= SAME:
        return Estimate(mean, mean, mean, 1.0 if abs(mean) <= SAME else 2.0 ** (1 - count))
    test = stats.ttest_1samp(values, 0.0)
    interval = test.confidence_interval(CONFIDENCE)
    return Estimate(mean, float(interval.low), float(interval.high), float(test.pvalue))


def minimum_detectable(differences: Floats, power: float = POWER) -> float:
    """The smallest true mean that a two-sided paired t-test at 5% would find with this power.

    Assumes that the standard deviation of the differences is the one observed; NaN below 3 differences.
    """
    count = len(differences)
    if count < 3:
        return math.nan
    sd = float(differences.std(ddof=1))
    return sd * float(TTestPower().solve_power(nobs=count, alpha=1 - CONFIDENCE, power=power)) if sd > 0 else 0.0


def _holm(p: Floats) -> Floats:
    adjusted = np.full(len(p), math.nan)
    known = np.isfinite(p)
    if known.any():
        adjusted[known] = multipletests(p[known], alpha=1 - CONFIDENCE, method="holm")[1]
    return adjusted


def _verdict(pairs: Pairs, gain: float, p_holm: float) -> str:
    if pairs.equal:
        return "inert"
    if len(pairs.values) < FEWEST_SEEDS:
        return "exploratory"
    if pairs.dropped_share > LARGEST_DROPPED_SHARE:
        return "undecided"
    if not p_holm < 1 - CONFIDENCE:
        return "undecided"
    return "helps" if gain > 0 else "hurts"
