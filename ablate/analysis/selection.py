"""Which treatment is best, by validation: the test set chooses nothing."""

import math

import pandas as pd

from ablate.analysis.pairs import LARGEST_DROPPED_SHARE


def winner(runs: pd.DataFrame) -> str | None:
    """The treatment with the highest mean validation accuracy; one that lost over a tenth of its runs cannot win."""
    means = {}
    for name, own in runs.groupby("treatment", sort=False):
        ok = own[own["status"] == "ok"]
        if len(ok) and 1 - len(ok) / len(own) <= LARGEST_DROPPED_SHARE:
            means[str(name)] = float(ok["val_accuracy"].mean())
    known = {name: round(mean, 6) for name, mean in means.items() if math.isfinite(mean)}  # ties are ties in float32
    return max(known, key=known.__getitem__) if known else None
