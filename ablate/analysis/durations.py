"""Epochs until a threshold is reached, where some runs never reach it."""

import math

import numpy as np
import pandas as pd
from scipy import stats

from ablate.analysis.estimates import Floats
from ablate.settings.metrics import epochs_to, falls


def with_metric(runs: pd.DataFrame, histories: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The runs table with a column for a metric; `epochs_to_<column>_<threshold>` is read off the histories.

    A run reaches a threshold in the first epoch at which the column is at or above it (a loss: at or below), there
    and in the next epoch; in its last epoch the one suffices. Early stopping and divergence end the search.

    Args:
        runs: one row per run.
        histories: one row per run and epoch.
        metric: a column of `runs`, or `epochs_to_...`.

    Returns:
        For `epochs_to_...` with two columns more: the metric in epochs, from 1, with one more than the longest run of
        the table took where the threshold was never reached, and NaN for failed runs; and `<metric>_censored`.
    """
    target = epochs_to(metric)
    if target is None:
        return runs
    column, threshold = target
    once = histories.drop_duplicates(["run", "epoch"])  # treatments that train identically share their runs
    reached = {
        str(key): first_epoch(part.to_numpy(dtype=np.float64), threshold, below=falls(column))
        for key, part in once.groupby("run", sort=False)[column]
    }
    never = float(once["epoch"].max()) + 1 if len(once) else math.nan
    found = runs["run"].map(lambda key: reached.get(str(key), math.nan)).astype("float64")
    censored = np.isinf(found)
    columns = pd.DataFrame({metric: found.where(~censored, never), f"{metric}_censored": censored})
    return runs.join(columns)


def first_epoch(values: Floats, threshold: float, *, below: bool = False) -> float:
    """The first epoch, from 1, at which a column stays beyond a threshold for two epochs; infinite if it never does.

    Args:
        values: one per epoch; NaN is beyond nothing.
        threshold: at or above it, or at or below it with `below`.
        below: whether low values are wanted.
    """
    beyond = values <= threshold if below else values >= threshold
    stays = beyond & np.append(beyond[1:], True)
    return float(np.argmax(stays)) + 1 if stays.any() else math.inf


def median_epochs(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The median number of epochs of every treatment, by Kaplan and Meier.

    A run that never reached the threshold counts as not having reached it until the longest run of its treatment
    ended, and not as having needed one more epoch: one that diverged, or was stopped early, would hardly have.

    Args:
        runs: what `with_metric` returns.
        metric: an `epochs_to_...`.

    Returns:
        Columns `treatment`, `median` (infinite where fewer than half got there), `reached`, `of` (finished runs).
    """
    rows = []
    for treatment, own in runs[runs[metric].notna()].groupby("treatment", sort=False):
        censored = own[f"{metric}_censored"].to_numpy(dtype=bool)
        times = np.where(censored, float(own["stopped_epoch"].max()), own[metric].astype("float64"))
        survival = stats.ecdf(stats.CensoredData.right_censored(times, censored)).sf
        below = survival.quantiles[survival.probabilities <= 0.5]
        median = float(below[0]) if len(below) else math.inf
        rows.append((treatment, median, int((~censored).sum()), len(own)))
    return pd.DataFrame(rows, columns=["treatment", "median", "reached", "of"])
