"""What levels do together: interactions, variance shares and Shapley values of complete grids, and order dependence."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ablate.analysis import estimates
from ablate.analysis.effects import verdict
from ablate.analysis.estimates import CONFIDENCE, FEWEST_SEEDS, SAME, Floats
from ablate.analysis.pairs import LARGEST_DROPPED_SHARE, Pairs, measured, pair
from ablate.settings.metrics import lower_is_better

_ESTIMATED = ("metric", "n", "dropped", "mean", "low", "high", "p", "p_holm", "verdict")
INTERACTIONS = ("factor", "level", "other_factor", "other_level", *_ESTIMATED)
SHAPLEY = ("factor", "level", "baseline", *_ESTIMATED)
SHARES = ("factors", "order", "df", "share", "by_chance", "n")
ORDER = ("factor", "level", "metric", "n", "dropped", "alone", "last", "mean", "low", "high", "p", "p_holm", "verdict")


class NotEstimableError(Exception):
    """The runs do not tell; the message says why, as part of a sentence."""


@dataclass(frozen=True)
class Grid:
    """A metric on every combination of levels.

    Attributes:
        levels: the labels of every factor's levels, the baseline first.
        metric: what was measured.
        numbers: shape (seeds, levels of the first factor, levels of the second, ...); NaN where a run diverged,
            failed or is not there yet.
    """

    levels: Mapping[str, Sequence[str]]
    metric: str
    numbers: Floats

    @property
    def factors(self) -> list[str]:
        """Their names, in the order of the axes."""
        return list(self.levels)

    def main_effect(self, factor: str, level: int) -> Floats:
        """A level minus the baseline at every combination of the other factors, shape (seeds, ...)."""
        axis = self.factors.index(factor) + 1
        return np.asarray(self.numbers.take(level, axis) - self.numbers.take(0, axis), dtype=np.float64)


def grid(runs: pd.DataFrame, levels: Mapping[str, Sequence[str]], metric: str) -> Grid:
    """The runs of a complete grid.

    Args:
        runs: one row per run: a column per factor, `seed`, `status` and the metric.
        levels: the labels of every factor's levels, the baseline first.
        metric: a numeric column of `runs`.

    Raises:
        NotEstimableError: a combination of levels has no finished run.
    """
    if len(levels) < 2:
        raise NotEstimableError("it takes two factors that vary")
    seeds = runs["seed"].unique()
    finished = measured(runs, list(levels), metric).dropna(subset="value")
    combinations = math.prod(map(len, levels.values()))
    # Counted before the grid is laid out: of many factors it would not fit into memory.
    lacking = combinations - len(finished[list(levels)].drop_duplicates())
    if lacking:
        raise NotEstimableError(
            f"{lacking:,} of the {combinations:,} combinations of levels have no finished run; it takes a complete grid"
        )
    cells = pd.MultiIndex.from_product([seeds, *levels.values()], names=["seed", *levels])
    values = finished.set_index(["seed", *levels])["value"]
    numbers = values.reindex(cells).to_numpy(dtype=np.float64)
    numbers = numbers.reshape(len(seeds), *map(len, levels.values()))
    return Grid(levels, metric, numbers)


def interactions(cells: Grid) -> pd.DataFrame:
    """Whether two levels together do more than the sum of what each does.

    For levels a and b of two factors: y(a, b) - y(a, 0) - y(0, b) + y(0, 0), averaged over the other factors, by
    seed; with two levels per factor the interaction contrast of a factorial design (Montgomery, Design and Analysis of
    Experiments, chapter 6, times two).

    Returns:
        One row per pair of levels that are no baselines; numbers as those of `effects`. `dropped` counts seeds that
        lost a run. `verdict` is `synergistic` (together for the better), `antagonistic`, `undecided` or
        `exploratory`.
    """
    rows, contrasts = [], []
    for (one, first), (other, second) in itertools.combinations(enumerate(cells.factors, 1), 2):
        for level, other_level in itertools.product(
            range(1, len(cells.levels[first])), range(1, len(cells.levels[second]))
        ):
            at_level = cells.numbers.take([level, 0], one)
            change = -np.diff(at_level, axis=one)
            both = -np.diff(change.take([other_level, 0], other), axis=other)
            contrasts.append(both.mean(axis=tuple(range(1, both.ndim))))
            rows.append((first, cells.levels[first][level], second, cells.levels[second][other_level]))
    names = {"helps": "synergistic", "hurts": "antagonistic"}
    found = [
        {**dict(zip(INTERACTIONS[:4], row, strict=True)), **numbers, "verdict": names.get(said, said)}
        for row, (numbers, said) in zip(rows, _estimated(contrasts, cells.metric), strict=True)
    ]
    return pd.DataFrame(found, columns=list(INTERACTIONS))


def shapley(cells: Grid) -> pd.DataFrame:
    """What each remedy brings on average over all orders in which they could be added (Shapley 1953).

    phi_i = sum over the sets S without i of |S|! (k - |S| - 1)! / k! (v(S and i) - v(S)), by seed. Over the remedies
    they add up to the difference between all of them and none.

    Returns:
        One row per factor; numbers and verdicts as those of `effects`.

    Raises:
        NotEstimableError: a factor has more than two levels.
    """
    wide = [factor for factor, labels in cells.levels.items() if len(labels) != 2]
    if wide:
        have = "has" if len(wide) == 1 else "have"
        raise NotEstimableError(f"{', '.join(wide)} {have} more than two levels; a remedy has to be either on or off")
    count = len(cells.factors)
    on = np.indices((2,) * (count - 1)).sum(axis=0) if count > 1 else np.zeros(())
    ways = [math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count) for size in range(count)]
    weights = np.asarray(ways)[on.astype(int)]
    marginal = [cells.main_effect(factor, 1) * weights for factor in cells.factors]
    by_seed = [each.reshape(len(each), -1).sum(axis=1) for each in marginal]
    found = [
        {"factor": factor, "level": labels[1], "baseline": labels[0], **numbers, "verdict": said}
        for (factor, labels), (numbers, said) in zip(
            cells.levels.items(), _estimated(by_seed, cells.metric), strict=True
        )
    ]
    return pd.DataFrame(found, columns=list(SHAPLEY))


def variance_shares(cells: Grid) -> pd.DataFrame:
    """Which part of the variance between treatments each factor, and each group of factors together, accounts for.

    Sums of squares of the treatment means over the seeds that have all runs, as in an analysis of variance of a
    balanced factorial design; the shares add up to 1.

    Returns:
        `factors` (one name, or several joined by ` x `: their interaction), `order` (how many), `df`, `share`,
        `by_chance`: the share that would be expected from the seeds alone (mean square of seeds x treatments), and
        `n`, the seeds. Beyond two factors the interactions of one order are added up, as `3 factors`.

    Raises:
        NotEstimableError: no two seeds have all runs, more than a tenth of them lost one, or all treatments have the
            same mean.
    """
    complete = np.isfinite(cells.numbers).all(axis=tuple(range(1, cells.numbers.ndim)))
    numbers = cells.numbers[complete]
    if len(numbers) < 2:
        raise NotEstimableError("fewer than two seeds have a finished run of every combination")
    seeds = len(cells.numbers)
    if len(numbers) < (1 - LARGEST_DROPPED_SHARE) * seeds:
        raise NotEstimableError(f"{seeds - len(numbers)} of {seeds} seeds lost a run, too many to tell by the rest")
    means = numbers.mean(axis=0)
    total = float(((means - means.mean()) ** 2).sum())
    if total <= SAME:
        raise NotEstimableError("all treatments have the same mean")
    noise = numbers - means - (numbers.mean(axis=tuple(range(1, numbers.ndim)), keepdims=True) - means.mean())
    square = float((noise**2).sum()) / ((len(numbers) - 1) * (means.size - 1))
    found: dict[str, dict[str, Any]] = {}
    for places, component in _components(means):
        order = len(places)
        name = " x ".join(cells.factors[place] for place in places) if order <= 2 else f"{order} factors"
        entry = found.setdefault(name, {"factors": name, "order": order, "df": 0, "share": 0.0})
        entry["df"] += math.prod(means.shape[place] - 1 for place in places)
        entry["share"] += float((component**2).sum()) * means.size / component.size / total
    count = len(numbers)
    rows = [{**entry, "by_chance": entry["df"] * square / count / total, "n": count} for entry in found.values()]
    return pd.DataFrame(rows, columns=list(SHARES))


def order_dependence(
    runs: pd.DataFrame, levels: Mapping[str, Sequence[str]], metric: str, full: Mapping[str, str]
) -> pd.DataFrame:
    """What a remedy brings when added alone, and when added last, to all others.

    Args:
        runs: one row per run.
        levels: the labels of every factor's levels, the baseline first.
        metric: a numeric column of `runs`.
        full: the level of each factor when everything is on.

    Returns:
        One row per level for which the four treatments were trained. `alone` is its mean effect against the baseline
        (add-one-in), `last` that with all other remedies on (leave-one-out), `mean` the second minus the first, by
        seed, with interval, p and Holm's adjustment. `verdict` is `reverses` (both effects have intervals clear of
        zero, on opposite sides), `depends` (adjusted p below 0.05), `undecided` or `exploratory`.

    Raises:
        NotEstimableError: no level has all four treatments.
    """
    table = measured(runs, list(levels), metric)
    rows, differences = [], []
    for factor, labels in levels.items():
        for level in labels[1:]:
            others = {name: own[0] for name, own in levels.items() if name != factor}
            alone = _within(table, levels, factor, level, others)
            last = _within(table, levels, factor, level, {name: full[name] for name in others})
            both = (last.differences - alone.differences).dropna()
            if len(both):
                rows.append((factor, level, alone, last))
                differences.append(np.asarray(both, dtype=np.float64))
    if not rows or len(levels) < 2:
        raise NotEstimableError("no remedy was trained both alone and beside all others, with and without")
    found = [estimates.estimate_mean(each) for each in differences]
    adjusted = estimates.holm(np.array([estimate.p for estimate in found], dtype=np.float64))
    found_rows = []
    for (factor, level, alone, last), own, estimate, p in zip(rows, differences, found, adjusted, strict=True):
        numbers = {"metric": metric, "n": len(own), "dropped": max(alone.dropped, last.dropped)}
        means = {"alone": float(alone.numbers.mean()), "last": float(last.numbers.mean())}
        said = _dependence(alone, last, len(own), p)
        found_rows.append(
            {"factor": factor, "level": level, **numbers, **means, **asdict(estimate), "p_holm": p, "verdict": said}
        )
    return pd.DataFrame(found_rows, columns=list(ORDER))


def _within(
    table: pd.DataFrame, levels: Mapping[str, Sequence[str]], factor: str, level: str, others: Mapping[str, str]
) -> Pairs:
    """Pairs of a level with its baseline where all other factors are at given levels."""
    fixed = {name: [label] for name, label in others.items()}
    return pair(table, {**fixed, factor: [level]}, {**fixed, factor: [levels[factor][0]]}, list(levels))


def _dependence(alone: Pairs, last: Pairs, count: int, p: float) -> str:
    if alone.lost_too_many or last.lost_too_many:
        return "undecided"
    if count < FEWEST_SEEDS:
        return "exploratory"
    if not p < 1 - CONFIDENCE:
        return "undecided"
    first, second = estimates.estimate_mean(alone.numbers), estimates.estimate_mean(last.numbers)
    reverses = first.low > 0 > second.high or first.high < 0 < second.low
    return "reverses" if reverses else "depends"


def _estimated(by_seed: Sequence[Floats], metric: str) -> list[tuple[dict[str, Any], str]]:
    """Numbers and verdicts of contrasts, each of shape (seeds,) with NaN where a seed lost a run."""
    kept = [each[np.isfinite(each)] for each in by_seed]
    found = [estimates.estimate_mean(each) for each in kept]
    adjusted = estimates.holm(np.array([estimate.p for estimate in found], dtype=np.float64))
    better = -1 if lower_is_better(metric) else 1
    rows = []
    for everything, own, estimate, p in zip(by_seed, kept, found, adjusted, strict=True):
        dropped = len(everything) - len(own)
        said = verdict(Pairs(pd.Series(own), len(own), dropped, equal=False), estimate.mean * better, p)
        rows.append(({"metric": metric, "n": len(own), "dropped": dropped, **asdict(estimate), "p_holm": p}, said))
    return rows


def _components(means: Floats) -> list[tuple[tuple[int, ...], Floats]]:
    """The parts of an array that belong to each set of axes alone (Hoeffding's decomposition), with kept dimensions."""
    axes = range(means.ndim)
    found: dict[tuple[int, ...], Floats] = {(): np.asarray(means.mean(keepdims=True))}
    for order in range(1, means.ndim + 1):
        for places in itertools.combinations(axes, order):
            rest = tuple(axis for axis in axes if axis not in places)
            part = means.mean(axis=rest, keepdims=True)
            for smaller, component in list(found.items()):
                if set(smaller) < set(places):
                    part = part - component
            found[places] = np.asarray(part)
    return [(places, component) for places, component in found.items() if places]
