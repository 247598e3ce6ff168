"""Runs that differ in one thing only, side by side: what effects, claims and symptoms are counted from."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablate.analysis.estimates import ROUNDING, SAME, Floats
from ablate.settings.metrics import epochs_to

LARGEST_DROPPED_SHARE = 0.1
LOSSES = ("train_loss", "val_loss", "test_loss")  # what tells equal runs from runs with equal accuracies

_LEVEL = " level"  # a column; no factor is named so

Labels = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Pairs:
    """Runs of one kind, each beside the run of another kind that differs from it in nothing else.

    Attributes:
        differences: first minus second by seed, the mean over the levels of all other factors.
        count: pairs that have both numbers.
        dropped: pairs of which a run diverged or failed.
        equal: whether the runs of every pair are equal, in the metric and in their losses.
        censored: pairs of which a run never reached the threshold of the metric, and counts as reaching it one epoch
            after the longest run of the table: sooner than it would have.
        hopeless: whether more than half the runs of both sides never did.
        late: whether any did on the first side, whose true mean is then higher, and on the second.
        step: the smallest difference between figures of the table that differ; NaN where all are alike.
    """

    differences: "pd.Series[float]"
    count: int
    dropped: int
    equal: bool
    censored: int = 0
    hopeless: bool = False
    late: tuple[bool, bool] = (False, False)
    step: float = math.nan

    @property
    def is_bound(self) -> bool:
        """Whether the mean is only a bound that the true one may lie beyond, on the side of its own sign."""
        mean = float(self.numbers.mean()) if len(self.differences) else 0.0
        return (mean < 0 and self.late[0]) or (mean > 0 and self.late[1])

    @property
    def numbers(self) -> Floats:
        """The differences alone, shape (seeds,)."""
        return np.asarray(self.differences, dtype=np.float64)

    @property
    def lost_too_many(self) -> bool:
        """Whether more than a tenth of the pairs were dropped."""
        return self.dropped > LARGEST_DROPPED_SHARE * (self.count + self.dropped)


def select(runs: pd.DataFrame, labels: Labels) -> "pd.Series[bool]":
    """Which runs have one of the given labels of every given factor."""
    matching = pd.Series(data=True, index=runs.index)
    for factor, wanted in labels.items():
        matching &= runs[factor].isin(wanted)
    return matching


def measured(runs: pd.DataFrame, factors: Sequence[str], metric: str) -> pd.DataFrame:
    """The runs as `pair` takes them: `seed`, the factors, the metric and what tells equal runs from tied ones.

    Args:
        runs: one row per run: a column per factor, `seed`, `status`, the metric; of `epochs_to_...` also
            `<metric>_censored` (see `with_metric`).
        factors: the names of all factors.
        metric: a numeric column of `runs`.

    Returns:
        Columns `value` (NaN where the run has no usable number), `censored` (whether it never reached a threshold) and
        the losses that `runs` has, beside `seed` and the factors.
    """
    number = runs[metric].astype("float64")
    # A diverged run has no accuracy worth the name, but its initial weights, and the thresholds it reached before.
    whatever = epochs_to(metric) is not None or metric.startswith("initial_")
    usable = np.isfinite(number) & (runs["status"].eq("ok") | whatever)
    censored = runs.get(f"{metric}_censored", pd.Series(data=False, index=runs.index)).astype(bool)
    numbers = pd.DataFrame({"value": number.where(usable), "censored": censored})
    losses = runs[[name for name in LOSSES if name in runs]].astype("float64")
    return runs[["seed", *factors]].join([numbers, losses])


def pair(table: pd.DataFrame, first: Labels, second: Labels, factors: Sequence[str]) -> Pairs:
    """Pair runs by seed and by the levels of all factors that neither side names.

    Args:
        table: what `measured` returns.
        first: labels of levels by factor.
        second: of what they are compared with; runs that match both are on the first side.
        factors: the names of all factors.
    """
    return _counted(side_by_side(table, first, second, factors), smallest_step(table["value"]))


def pair_levels(
    table: pd.DataFrame, factor: str, levels: Sequence[str], factors: Sequence[str]
) -> Iterator[tuple[str, Pairs]]:
    """Every level of a factor beside its first one, as `pair` would pair it; the table is gone through once.

    Args:
        table: what `measured` returns.
        factor: whose levels they are.
        levels: their labels, the baseline first.
        factors: the names of all factors.
    """
    baseline, *others = levels
    marked = table.assign(**{_LEVEL: table[factor]})
    pairs = side_by_side(marked, {factor: others}, {factor: [baseline]}, factors)
    yield from zip(others, grouped(pairs, _LEVEL, others, smallest_step(table["value"])), strict=True)


def grouped(pairs: pd.DataFrame, column: str, labels: Sequence[str], step: float = math.nan) -> Iterator[Pairs]:
    """What the rows that `side_by_side` gives say of every label.

    Args:
        pairs: the rows.
        column: of the labels.
        labels: whose rows are counted together, in this order; there may be none of some.
        step: see `Pairs`.
    """
    places = pairs.groupby(column, sort=False).indices
    for label in labels:
        yield _counted(pairs.iloc[places.get(label, [])], step)


def _counted(pairs: pd.DataFrame, step: float) -> Pairs:
    """What the rows that `side_by_side` gives say together."""
    difference = _difference(pairs, "value")
    kept = ~np.isnan(difference)
    numbers = pd.Series(difference[kept], dtype="float64")
    by_seed = numbers.groupby(pairs["seed"].to_numpy()[kept]).mean().rename("value").rename_axis("seed")
    # Accuracies of few examples tie by chance; runs that are the same have the same losses too.
    tied = [_difference(pairs, name)[kept] for name in LOSSES if name in pairs]
    censored = pairs[["censored", "censored_second"]].to_numpy(dtype=bool)[kept]
    return Pairs(
        by_seed,
        len(numbers),
        len(difference) - len(numbers),
        len(numbers) > 0 and all(bool((np.abs(part) <= SAME).all()) for part in (difference[kept], *tied)),
        int(censored.any(axis=1).sum()),
        bool(len(censored) and (censored.mean(axis=0) > 0.5).all()),
        (bool(censored[:, 0].any()), bool(censored[:, 1].any())),
        step,
    )


def _difference(pairs: pd.DataFrame, column: str) -> Floats:
    """First minus second; what is infinite on both sides differs by no number."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(pairs[column].to_numpy(np.float64) - pairs[f"{column}_second"].to_numpy(np.float64))


def smallest_step(values: "pd.Series[float]") -> float:
    """The smallest difference between values that differ: how finely they tell; NaN where all are alike."""
    steps = np.diff(np.unique(np.asarray(values.dropna(), dtype=np.float64)))
    kept = steps[steps > ROUNDING]
    return float(kept.min()) if len(kept) else math.nan


def side_by_side(table: pd.DataFrame, first: Labels, second: Labels, factors: Sequence[str]) -> pd.DataFrame:
    """One row per pair: `seed`, the factors that neither side names, and all other columns of both runs.

    Arguments as those of `pair`, with any table that has `seed` and the factors; the second run's columns end in
    `_second`.
    """
    chosen = select(table, first)
    named = {*first, *second}
    keys = ["seed", *(name for name in factors if name not in named)]
    sides = (table[chosen], table[select(table, second) & ~chosen])
    one, other = (side.drop(columns=[name for name in factors if name in named]) for side in sides)
    return one.merge(other, on=keys, suffixes=("", "_second"))
