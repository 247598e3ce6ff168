"""The figure of the gap between training and held-out data: of accuracies, or of the error of predicted numbers."""

import pandas as pd

from ablate.report.figures import accuracy_gap, errors
from ablate.report.figures.canvas import Picture
from ablate.settings.metrics import is_share


def figure(runs: pd.DataFrame, score: str) -> Picture | None:
    """The figure of a score; `None` without a run.

    Args:
        runs: finished runs.
        score: as columns have it, such as `accuracy` or `rmse`.
    """
    if runs.empty:
        return None
    return accuracy_gap.figure(runs, score) if is_share(f"val_{score}") else errors.gap(runs, score)
