"""Whether a study got worse since its stored baseline was measured, and how sure that is."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ablate.analysis import estimates
from ablate.analysis.estimates import CONFIDENCE, FEWEST_SEEDS, Estimate
from ablate.analysis.pairs import LARGEST_DROPPED_SHARE, Pairs, grouped, measured, side_by_side
from ablate.settings.metrics import LOSS, PRIMARY, Measured, describe, is_counted, is_share, is_time, lower_is_better

Verdict = Literal["regression", "improvement", "fine", "inconclusive"]
PLAIN = 10  # floors; a change of that size that is the same in every seed is no luck, however few the seeds
OF_ERRORS = 0.01  # share of an error that a change has to exceed
COLUMNS = ("treatment", "metric", "n", "dropped", "diverging", "before", "now", "mean", "low", "high", "p", "p_holm")


def default_floor(metric: str, before: pd.DataFrame | None = None) -> float:
    """The smallest change worth hearing about: half a point of an accuracy or gap, a hundredth of a loss, one epoch.

    Of predicted numbers: a hundredth of the errors and losses that were measured before, and 0.005 of R².

    Args:
        metric: a column of runs, or another metric.
        before: the runs table that later ones are compared with.
    """
    if before is not None and Measured.of_columns(before.columns).task == "regression":
        if metric.endswith("_r2"):
            return 0.005
        if metric == "gap" or describe(metric).unit in ("target", LOSS.unit):
            usual = _usual_size(before, metric)
            return float(f"{OF_ERRORS * usual:.2g}") if math.isfinite(usual) else 0.0
    if is_share(metric):
        return 0.005
    if is_counted(metric):
        return 1.0
    return 0.01 if describe(metric).unit == LOSS.unit and lower_is_better(metric) else 0.0


def _usual_size(runs: pd.DataFrame, metric: str) -> float:
    """The median over treatments of how large a metric is; one that exploded does not make the others quiet."""
    if metric not in runs:
        return 0.0
    usable = runs[runs["status"] == "ok"]
    return float(usable[metric].abs().groupby(usable["treatment"]).mean().median())


def gated_metric(primary: str, columns: Collection[str] = ()) -> str:
    """What is compared: the primary metric of the study, but for times, which depend on the machine's load.

    Args:
        primary: of the study.
        columns: of its runs, which tell a regression.
    """
    return PRIMARY[Measured.of_columns(columns).task] if is_time(primary) else primary


def compare(now: pd.DataFrame, before: pd.DataFrame, metric: str, floor: float) -> pd.DataFrame:
    """The change of every treatment that both tables have, paired by seed.

    Args:
        now: one row per run: `treatment`, `seed`, `status`, the metric, and of `epochs_to_...` also
            `<metric>_censored`; losses tell equal runs from tied ones.
        before: likewise, of the stored baseline.
        metric: a numeric column of both.
        floor: the smallest change that counts, on the scale of the metric.

    Returns:
        One row per treatment, in the order of `now`. `n` counts seeds with a number on both sides, `dropped` those
        that lost one, `diverging` those that diverge now and did not before. `before` and `now` are means over the n
        seeds, `mean` now minus before, `low` and `high` its 95% interval (paired t), `p` two-sided, `p_holm` after
        Holm's adjustment over the treatments. `verdict` and `reason` as `judge` gives them.
    """
    both = _joined(now, before, metric)
    known = set(before["treatment"])
    changes = _changes(both, [str(name) for name in dict.fromkeys(now["treatment"]) if name in known], metric)
    adjusted = estimates.holm(np.array([change.found.p for change in changes], dtype=np.float64))
    rows = []
    for change, p_holm in zip(changes, adjusted, strict=True):
        verdict, reason = judge(change, float(p_holm), floor, lower=lower_is_better(metric))
        rows.append((*change.cells(metric), float(p_holm), verdict, reason))
    return pd.DataFrame(rows, columns=[*COLUMNS, "verdict", "reason"])


@dataclass(frozen=True)
class Change:
    """One treatment, now against before.

    Attributes:
        treatment: its name.
        pairs: now minus before, by seed.
        found: the mean of it.
        before, now: means over the same seeds.
        diverging: seeds that diverge now and did not before.
        diverged: seeds that diverged before.
        common: seeds that both sides tried.
    """

    treatment: str
    pairs: Pairs
    found: Estimate
    before: float
    now: float
    diverging: int
    diverged: int
    common: int

    def cells(self, metric: str) -> tuple[object, ...]:
        """The row of the table up to `p`."""
        own, found = self.pairs, self.found
        sides = (self.before, self.now, found.mean, found.low, found.high, found.p)
        return (self.treatment, metric, len(own.numbers), own.dropped, self.diverging, *sides)


def judge(change: Change, p_holm: float, floor: float, *, lower: bool) -> tuple[Verdict, str]:
    """What may be said of a change, and why.

    `regression` and `improvement` need a mean change beyond the floor and an adjusted p below 5%; a treatment of
    which most runs diverge now and hardly any did before is a regression as well. `fine`: the 95% interval rules out
    that it got worse by more than the floor. Anything else is `inconclusive`.

    Args:
        change: the treatment.
        p_holm: the adjusted p of its change being zero.
        floor: the smallest change that counts.
        lower: whether smaller values are better.
    """
    pairs, found = change.pairs, change.found
    if change.diverging * 2 > change.common and change.diverged <= LARGEST_DROPPED_SHARE * change.common:
        return "regression", f"{change.diverging} of {change.common} runs diverge that did not before"
    if pairs.equal and not pairs.dropped:
        return "fine", "the same scores in every pair of runs"
    if objection := _objection(change):
        return "inconclusive", objection
    gain = -found.mean if lower else found.mean
    worst = -found.high if lower else found.low
    regular = found.low == found.high and abs(gain) >= PLAIN * floor > 0
    if abs(gain) > floor and (p_holm < 1 - CONFIDENCE or regular):
        return ("improvement" if gain > 0 else "regression"), ""
    if worst >= -floor:
        return "fine", "a change for the worse beyond the floor is ruled out"
    return "inconclusive", "a change for the worse beyond the floor cannot be ruled out"


def _objection(change: Change) -> str:
    """What forbids a judgement, whatever the interval; empty if nothing does."""
    count = len(change.pairs.numbers)
    if not change.common:
        return "no seed in common"
    if change.pairs.lost_too_many:
        return f"{change.pairs.dropped} of {change.common} pairs lost a run, too many to judge by the rest"
    if count < FEWEST_SEEDS:
        return f"only {count} common replicates; {FEWEST_SEEDS} are needed"
    if change.pairs.hopeless:
        return "most runs on both sides never reached the threshold"
    return ""


def _joined(now: pd.DataFrame, before: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Both tables as one, with the column `side`; what never reached a threshold counts alike on both."""
    flag = f"{metric}_censored"
    both = pd.concat([now.assign(side="now"), before.assign(side="before")], ignore_index=True)
    if flag in both:
        flags = both[flag].fillna(value=False).astype(bool)
        both = both.assign(**{flag: flags, metric: both[metric].where(~flags, both[metric].max())})
    return both


def _changes(both: pd.DataFrame, names: list[str], metric: str) -> list[Change]:
    """The changes of some treatments; the table is gone through once, however many they are."""
    if not names:
        return []  # nor need there be the metric
    factors = ["treatment", "side"]
    table = measured(both, factors, metric).assign(status=both["status"])
    rows = side_by_side(table, {"side": ["now"]}, {"side": ["before"]}, factors)
    values = rows[rows[["value", "value_second"]].notna().all(axis=1)]
    means = values.groupby("treatment")[["value", "value_second"]].mean().reindex(names, fill_value=math.nan)
    first = rows[~rows.duplicated(["treatment", "seed"])]
    diverged = first["status_second"].eq("diverged")
    statuses = pd.DataFrame(
        {
            "diverging": first["status"].eq("diverged") & first["status_second"].eq("ok"),
            "diverged": diverged,
            "common": True,
        }
    )
    counts = statuses.groupby(first["treatment"]).sum().reindex(names, fill_value=0)
    return [
        Change(name, own, estimates.estimate_mean(own.numbers), before, now, *map(int, seeds))
        for name, own, (now, before), seeds in zip(
            names, grouped(rows, "treatment", names), means.to_numpy(), counts.to_numpy(), strict=True
        )
    ]
