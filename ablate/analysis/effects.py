"""What each level does to a metric against its factor's baseline, and how sure that is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from ablate.analysis import estimates
from ablate.analysis.estimates import CONFIDENCE, FEWEST_SEEDS
from ablate.analysis.pairs import Pairs, measured, pair_levels
from ablate.settings.metrics import lower_is_better

_WHOLE = ("n", "dropped", "censored")
_NUMBERS = ("mean", "low", "high", "bca_low", "bca_high", "p", "p_sign_flip", "p_holm", "detectable")
COLUMNS = ("factor", "level", "baseline", "metric", *_WHOLE, *_NUMBERS, "verdict")


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
        One row per factor and level, in the order of `levels`. `n` counts seeds, `dropped` pairs that lost a run,
        `censored` pairs with a run that never reached the threshold of an `epochs_to_...`. `mean` is level minus
        baseline, `low` and `high` its 95% interval (paired t), `bca_low` and `bca_high` another (BCa bootstrap, from
        10 seeds on), `p` two-sided, `p_sign_flip` the exact sign-flip test's, `p_holm` p after Holm's adjustment
        within this table, `detectable` the smallest difference that as many seeds would find with 80% power.
        `verdict` is `helps`, `hurts`, `undecided` (also where more than a tenth of the pairs was dropped, or where
        runs that never reached a threshold leave open how much longer they would have taken), `exploratory` (fewer
        than 5 seeds), `inert` (the runs of every pair are equal) or `coverage only`.
    """
    pairs = list(_pairs(runs, levels, metric))
    found = [estimates.estimate_mean(own.numbers) for _, _, own in pairs]
    p_holm = estimates.holm(np.array([estimate.p for estimate in found], dtype=np.float64))
    better = -1 if lower_is_better(metric) else 1
    rows = []
    for (factor, level, own), estimate, adjusted in zip(pairs, found, p_holm, strict=True):
        bca_low, bca_high = estimates.bootstrap_interval(own.numbers)
        rows.append(
            {
                "factor": factor,
                "level": level,
                "baseline": levels[factor][0],
                "metric": metric,
                "n": len(own.numbers),
                "dropped": own.dropped,
                "censored": own.censored,
                **asdict(estimate),
                "bca_low": bca_low,
                "bca_high": bca_high,
                "p_sign_flip": estimates.sign_flip_p(own.numbers),
                "p_holm": adjusted,
                "detectable": estimates.minimum_detectable(own.numbers),
                "verdict": "coverage only" if coverage_only else verdict(own, estimate.mean * better, adjusted),
            }
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(_NUMBERS, "float64") | dict.fromkeys(_WHOLE, "int64"))


def seed_differences(
    runs: pd.DataFrame, levels: Mapping[str, Sequence[str]], metric: str = "test_accuracy"
) -> pd.DataFrame:
    """The differences that `effects` averages: columns `factor`, `level`, `seed`, `difference`."""
    parts = [
        own.differences.rename("difference").reset_index().assign(factor=factor, level=level)
        for factor, level, own in _pairs(runs, levels, metric)
    ]
    columns = ["factor", "level", "seed", "difference"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def adjusted_p(runs: pd.DataFrame, metric: str) -> "pd.Series[float]":
    """The p of every treatment's difference from the baseline, by name, after Holm's adjustment over all of them.

    Args:
        runs: one row per run: `treatment`, `seed`, `status` and the metric.
        metric: a numeric column of `runs`.
    """
    table = measured(runs, ["treatment"], metric)
    values = table.pivot_table(index="seed", columns="treatment", values="value", dropna=False, sort=False)
    others = values.drop(columns="baseline")
    differences = others.sub(values["baseline"], axis=0).to_numpy(dtype=np.float64)
    return pd.Series(estimates.holm(estimates.p_values(differences)), index=others.columns)


def verdict(pairs: Pairs, gain: float, p: float) -> str:
    """What may be said of a difference.

    Args:
        pairs: what it is the mean of.
        gain: its mean, positive where it is for the better.
        p: of the difference being zero, adjusted if it is one of several.
    """
    if pairs.lost_too_many or not len(pairs.numbers):
        return "undecided"
    if pairs.equal:
        return "inert"
    if len(pairs.numbers) < FEWEST_SEEDS:
        return "exploratory"
    if pairs.hopeless or pairs.is_bound or not p < 1 - CONFIDENCE:
        return "undecided"
    return "helps" if gain > 0 else "hurts"


def _pairs(runs: pd.DataFrame, levels: Mapping[str, Sequence[str]], metric: str) -> Iterator[tuple[str, str, Pairs]]:
    """Every level that is no baseline, paired with its factor's."""
    table = measured(runs, list(levels), metric)
    for factor, labels in levels.items():
        for level, own in pair_levels(table, factor, labels, list(levels)):
            yield factor, level, own
