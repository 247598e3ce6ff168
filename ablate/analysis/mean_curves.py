"""Mean learning curves of a treatment, in which every run counts at every epoch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def mean_curve(histories: pd.DataFrame, runs: pd.DataFrame, column: str) -> pd.DataFrame:
    """Mean and range of a column over all runs of a treatment, by epoch.

    A run that was stopped counts from then on with the weights it kept. A mean over the runs that still train would
    move when one of them leaves, though no network changed: those that leave first are no random choice.

    Args:
        histories: one row per run and epoch, of one treatment.
        runs: the same runs' rows of the runs table, with the figures of the kept weights.
        column: `train_accuracy`, `val_accuracy`, `train_loss` or `val_loss`.

    Returns:
        Columns `mean`, `min`, `max` and `training` (how many runs have an epoch of this number), by epoch from 1 to the
        last that any run has.
    """
    by_run = histories.pivot_table(index="epoch", columns="run", values=column, sort=False, dropna=False)
    kept = runs.set_index("run")[column].reindex(by_run.columns)
    last = histories.groupby("run")["epoch"].max().reindex(by_run.columns)
    epochs = np.arange(1, int(last.max()) + 1)
    over = epochs[:, None] > last.to_numpy()
    values = np.where(over, kept.to_numpy(dtype=np.float64), by_run.reindex(epochs).to_numpy(dtype=np.float64))
    table = pd.DataFrame(values, index=pd.Index(epochs, name="epoch"))
    found = table.agg(["mean", "min", "max"], axis=1)
    return found.assign(training=(~over).sum(axis=1))


def mean_curves(histories: pd.DataFrame, runs: pd.DataFrame, columns: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The same of every treatment for two columns or more: the means alone, one column each, by treatment."""
    found = {}
    for name, own in histories.groupby("treatment", sort=False):
        kept = runs[runs["treatment"] == name]
        found[str(name)] = pd.DataFrame({column: mean_curve(own, kept, column)["mean"] for column in columns})
    return found
