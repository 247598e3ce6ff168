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


def passed_over(runs: pd.DataFrame, best: str) -> list[tuple[str, float, int, int]]:
    """Treatments that score higher than the best one, but lost too many runs to be chosen.

    Returns:
        Name, mean validation accuracy, runs lost, runs tried; the highest first.
    """
    own = runs[runs["treatment"].eq(best) & runs["status"].eq("ok")]["val_accuracy"].mean()
    found = []
    for name, each in runs.groupby("treatment", sort=False):
        ok = each[each["status"] == "ok"]
        lost = len(each) - len(ok)
        mean = float(ok["val_accuracy"].mean()) if len(ok) else math.nan
        if lost > LARGEST_DROPPED_SHARE * len(each) and mean > own:
            found.append((str(name), mean, lost, len(each)))
    return sorted(found, key=lambda entry: -entry[1])
