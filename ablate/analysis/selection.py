"""Which treatment is best, by validation: the test set chooses nothing."""

import math

import pandas as pd

from ablate.analysis.pairs import LARGEST_DROPPED_SHARE
from ablate.settings.metrics import lower_is_better


def winner(runs: pd.DataFrame, score: str) -> str | None:
    """The treatment with the best mean score in validation; one that lost over a tenth of its runs cannot win.

    Args:
        runs: one row per run.
        score: see `Measured.score`.
    """
    means, sign = {}, _sign(score)
    for name, own in runs.groupby("treatment", sort=False):
        ok = own[own["status"] == "ok"]
        if len(ok) and 1 - len(ok) / len(own) <= LARGEST_DROPPED_SHARE:
            means[str(name)] = sign * float(ok[f"val_{score}"].mean())
    known = {name: rounded(mean) for name, mean in means.items() if math.isfinite(mean)}
    return max(known, key=known.__getitem__) if known else None


def rounded(mean: float) -> float:
    """A mean score as far as float32 goes, so that ties are ties: 6 decimals, or 7 digits of what is larger than 1."""
    return round(mean, 6) if abs(mean) <= 1 else float(f"{mean:.7g}")


def passed_over(runs: pd.DataFrame, best: str, score: str) -> list[tuple[str, float, int, int]]:
    """Treatments that score better than the best one, but lost too many runs to be chosen.

    Returns:
        Name, mean score in validation, runs lost, runs tried; the best first.
    """
    own = runs[runs["treatment"].eq(best) & runs["status"].eq("ok")][f"val_{score}"].mean()
    found, sign = [], _sign(score)
    for name, each in runs.groupby("treatment", sort=False):
        ok = each[each["status"] == "ok"]
        lost = len(each) - len(ok)
        mean = float(ok[f"val_{score}"].mean()) if len(ok) else math.nan
        if lost > LARGEST_DROPPED_SHARE * len(each) and sign * mean > sign * own:
            found.append((str(name), mean, lost, len(each)))
    return sorted(found, key=lambda entry: -sign * entry[1])


def _sign(score: str) -> int:
    return -1 if lower_is_better(f"val_{score}") else 1
