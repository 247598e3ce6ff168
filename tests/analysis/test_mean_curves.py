"""A mean curve does not move because a run leaves it."""

import numpy as np
import pandas as pd
import pytest

from ablate.analysis.mean_curves import mean_curve, mean_curves

SCORES = {"a": [0.5, 0.6, 0.7, 0.8], "b": [0.1, 0.3, 0.2]}  # b was stopped after three epochs and kept its second
KEPT = {"a": 0.8, "b": 0.3}


@pytest.fixture
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = [
        {"treatment": "t", "run": run, "epoch": epoch, "val_accuracy": score, "train_accuracy": score + 0.1}
        for run, scores in SCORES.items()
        for epoch, score in enumerate(scores, 1)
    ]
    kept = {"val_accuracy": list(KEPT.values()), "train_accuracy": [score + 0.1 for score in KEPT.values()]}
    return pd.DataFrame(rows), pd.DataFrame({"treatment": "t", "run": list(KEPT), **kept})


def test_a_stopped_run_counts_with_what_it_kept(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    found = mean_curve(*tables, "val_accuracy")
    np.testing.assert_allclose(found["mean"], [0.3, 0.45, 0.45, 0.55])
    np.testing.assert_allclose(found["min"], [0.1, 0.3, 0.2, 0.3])
    np.testing.assert_allclose(found["max"], [0.5, 0.6, 0.7, 0.8])
    assert found["training"].tolist() == [2, 2, 2, 1]
    assert found.index.tolist() == [1, 2, 3, 4]
    assert found["mean"].iloc[-1] == pytest.approx(tables[1]["val_accuracy"].mean())  # ends where the tables say


def test_where_all_runs_train_it_is_the_mean_of_the_histories(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    histories = tables[0][tables[0]["epoch"] < 4]
    found = mean_curves(histories, tables[1], ["train_accuracy", "val_accuracy"])["t"]
    expected = histories.groupby("epoch")[["train_accuracy", "val_accuracy"]].mean()
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy())
