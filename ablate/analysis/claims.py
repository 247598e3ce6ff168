"""Whether the runs support what a study claims. Claims are declared beforehand, so each is judged by itself.

What is claimed of a mean is judged by the interval of the mean; a figure that somebody's single run gave is judged by
the interval in which one more replicate would fall.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
import pandas as pd

from ablate.analysis import estimates
from ablate.analysis.estimates import CONFIDENCE, FEWEST_SEEDS, ROUNDING, SAME, Estimate, Floats
from ablate.analysis.pairs import Labels, Pairs, pair, select, smallest_step
from ablate.settings.metrics import is_counted
from ablate.studies.file import Claim

Judgement = Literal["supported", "refuted", "inconclusive"]
_TOO_FEW = f"fewer than {FEWEST_SEEDS} replicates"


@dataclass(frozen=True)
class Judged:
    """A claim and what the runs say of it.

    Attributes:
        says: the claim in words.
        metric: what it is about.
        compares: whether it is about the difference of two sides.
        least, most: the range that the mean, or the mean difference, is expected in.
        verdict: `supported` where the 95% interval lies in that range, `refuted` where it lies outside, else
            `inconclusive`. A figure to be reproduced is `supported` inside the interval and `refuted` outside.
        n: seeds.
        dropped: pairs, or runs, without a number.
        censored: those that never reached the threshold of an `epochs_to_...`.
        mean, low, high: of the difference between the two sides, or of the treatment itself, with the 95% interval.
            With `reproduces`, the prediction interval of one more replicate.
        needed: replicates in all with which an inconclusive claim would be decided four times out of five, if mean
            and spread stay as they are; missing where over 10,000 or unknown.
        reason: what stands against a judgement, if it is not the interval; may be empty.
        reproduces: whether it is about a figure found elsewhere, which is then both `least` and `most`.
    """

    says: str
    metric: str
    compares: bool
    least: float
    most: float
    verdict: Judgement
    n: int
    dropped: int
    censored: int
    mean: float
    low: float
    high: float
    needed: int | None
    reason: str
    reproduces: bool


@dataclass(frozen=True)
class Range:
    """Where a mean is expected; with `exclusive`, a mean exactly on a bound is outside."""

    low: float
    high: float
    exclusive: bool = False

    def judge(self, found: Estimate) -> Judgement:
        """Whether an interval lies inside, outside, or neither."""
        if self.exclusive:
            inside, outside = self.low < found.low and found.high < self.high, found.high <= self.low
            outside = outside or found.low >= self.high
        else:  # 0.9 - 0.8 is less than 0.1
            inside = self.low - SAME <= found.low and found.high <= self.high + SAME
            outside = found.high < self.low - SAME or found.low > self.high + SAME
        return "supported" if inside else "refuted" if outside else "inconclusive"

    def needed(self, numbers: Floats) -> int | None:
        """Replicates that would tell the mean from the nearest bound; see `replicates_needed`."""
        distances = [abs(float(numbers.mean()) - bound) for bound in (self.low, self.high) if math.isfinite(bound)]
        found = estimates.replicates_needed(numbers, min(distances)) if len(numbers) else None
        return None if found is None else max(found, FEWEST_SEEDS)


COLUMNS = tuple(field.name for field in fields(Judged))


def judge(
    claim: Claim, table: pd.DataFrame, treatment: Labels, against: Labels | None, factors: Sequence[str]
) -> Judged:
    """Judge one claim by its 95% interval: of the mean, or of one more replicate for a figure to be reproduced.

    Args:
        claim: what is expected.
        table: what `measured` makes of the runs and the claim's metric; one for all claims about it.
        treatment: the labels of levels, by factor, that its `treatment` selects.
        against: likewise; `None` for a claim about one treatment's own figure.
        factors: the names of all factors.
    """
    expected = _range(claim)
    pairs = _own(table, treatment) if against is None else pair(table, treatment, against, factors)
    reproduces = claim.reproduces is not None
    found = estimates.predict(pairs.numbers) if reproduces else _estimate(pairs, claim.metric)
    reason = _objection(pairs, found, compares=against is not None)
    judged: Judgement = _reproduced(expected.low, found) if reproduces else expected.judge(found)
    verdict: Judgement = "inconclusive" if reason else judged
    if not reason and not _is_safe(verdict, expected, found, pairs.late):
        verdict, reason = "inconclusive", "some runs never reached the threshold, so the mean is only a bound"
    undecided = verdict == "inconclusive" and reason in ("", _TOO_FEW) and not reproduces
    return Judged(
        claim.says,
        claim.metric,
        against is not None,
        expected.low,
        expected.high,
        verdict,
        len(pairs.numbers),
        pairs.dropped,
        pairs.censored,
        found.mean,
        found.low,
        found.high,
        expected.needed(pairs.numbers) if undecided else None,
        reason,
        reproduces,
    )


def table(judged: Sequence[Judged]) -> pd.DataFrame:
    """Judged claims as rows, in their order."""
    rows = [tuple(getattr(each, name) for name in COLUMNS) for each in judged]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"needed": "Int64"})


def _reproduced(figure: float, found: Estimate) -> Judgement:
    """Whether a figure lies in the prediction interval; where the replicates are all equal, whether it is theirs."""
    return "supported" if found.low - SAME <= figure <= found.high + SAME else "refuted"


def _range(claim: Claim) -> Range:
    if claim.reproduces is not None:
        return Range(claim.reproduces, claim.reproduces)
    by = claim.by or 0.0
    if claim.expect == "higher":
        return Range(by, math.inf, exclusive=not by)
    if claim.expect == "lower":
        return Range(-math.inf, -by, exclusive=not by)
    if claim.margin is not None:
        return Range(-claim.margin, claim.margin)
    if claim.between is not None:
        return Range(claim.between[0], claim.between[1])
    low = -math.inf if claim.at_least is None else claim.at_least
    return Range(low, math.inf if claim.at_most is None else claim.at_most)


def _own(table: pd.DataFrame, treatment: Labels) -> Pairs:
    """The figures of treatments themselves, by seed."""
    own = table[select(table, treatment)]
    kept = own["value"].notna()
    by_seed = own["value"][kept].groupby(own["seed"]).mean()
    never = int(own["censored"].sum())
    step = smallest_step(table["value"])
    lost = int((~kept).sum())
    return Pairs(by_seed, int(kept.sum()), lost, equal=False, censored=never, late=(never > 0, False), step=step)


def _estimate(pairs: Pairs, metric: str) -> Estimate:
    """The mean and its interval; where no two figures differ, half a step of the metric to either side.

    Accuracies of a small test set are alike by chance. Equal runs, and counts of weights, are alike for good.
    """
    found = estimates.estimate_mean(pairs.numbers)
    if found.low != found.high or pairs.equal or metric == "parameters":
        return found
    step = 1.0 if is_counted(metric) else pairs.step
    return replace(found, low=found.low - step / 2, high=found.high + step / 2)


def _objection(pairs: Pairs, found: Estimate, *, compares: bool) -> str:
    """What forbids a judgement, whatever the interval; empty if nothing does."""
    what = "pairs" if compares else "runs"
    count = len(pairs.numbers)
    if not count and not pairs.dropped:
        return f"no finished {what} to judge it by"
    if pairs.lost_too_many:
        return f"{pairs.dropped} of {pairs.count + pairs.dropped} {what} gave no number, too many to judge by the rest"
    if count < FEWEST_SEEDS:
        return _TOO_FEW
    if pairs.hopeless:
        return "most runs on both sides never reached the threshold"
    if math.isnan(found.low):
        return f"all figures are alike, which does not tell how much {what} vary"
    if compares and np.ptp(pairs.numbers) <= ROUNDING < abs(found.mean) and found.p >= 1 - CONFIDENCE:
        return "all differences are equal; with so few replicates that may be luck"
    return ""


def _is_safe(verdict: Judgement, expected: Range, found: Estimate, late: tuple[bool, bool]) -> bool:
    """Whether a judgement holds however long the runs that never got there would have taken.

    They count with the least that they can have taken, so the true mean may be higher where they are on the first
    side, and lower where they are on the second.
    """
    higher, lower = late
    if verdict == "supported":
        return not (higher and math.isfinite(expected.high)) and not (lower and math.isfinite(expected.low))
    if verdict == "refuted":
        above = found.low >= expected.high
        return not (higher and not above) and not (lower and above)
    return True
