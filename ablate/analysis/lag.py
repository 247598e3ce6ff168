"""Batch normalization whose moving averages lag behind: networks that do worse in inference mode than in training."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

FORGOTTEN = 3.0  # times 1 / (1 - momentum) batches, after which the first statistics count for exp(-3), 5%
COLUMNS = ("treatment", "runs", "of", "behind", "momentum", "batches")


@dataclass(frozen=True)
class Normalized:
    """What is known of a run whose network has batch normalization.

    Attributes:
        momentum: of its moving averages, the largest if there are several.
        batches: which the kept weights were trained with.
    """

    momentum: float
    batches: int

    @property
    def is_young(self) -> bool:
        """Whether the moving averages still hold something of the statistics that they began with."""
        return self.batches * (1 - self.momentum) < FORGOTTEN


def lagging(runs: pd.DataFrame, normalized: Mapping[str, Normalized], least: float) -> pd.DataFrame:
    """Treatments of which some runs are less accurate in inference mode than while they were trained, and why.

    Without a lag it is the other way round, since the running accuracy of an epoch counts its first batches too, and
    those with dropout.

    Args:
        runs: one row per run: `treatment`, `run`, `status`, `accuracy` (running) and `train_accuracy` (inference).
        normalized: of the runs with batch normalization, by key.
        least: the difference that counts, a share.

    Returns:
        One row per treatment: `runs` that lag, `of` how many finished, how far they are `behind` on average (a share),
        the `momentum`, and the `batches` they saw (median).
    """
    rows = []
    for treatment, own in runs[runs["status"] == "ok"].groupby("treatment", sort=False):
        behind = (own["accuracy"] - own["train_accuracy"]).astype("float64")
        young = own["run"].map(lambda key: key in normalized and normalized[key].is_young).astype(bool)
        late = own[young & (behind > least)]
        if len(late):
            facts = [normalized[key] for key in late["run"]]
            batches = int(np.median([each.batches for each in facts]))
            mean = float(behind[late.index].mean())
            rows.append((treatment, len(late), len(own), mean, max(each.momentum for each in facts), batches))
    return pd.DataFrame(rows, columns=list(COLUMNS))
