"""Batch normalization that lags behind: found by the symptom and by the number of batches, not by one alone."""

import pandas as pd
import pytest

from ablate.analysis.lag import Normalized, lagging


def table(running: float, inference: float, status: str = "ok") -> pd.DataFrame:
    rows = [(name, f"{name}{seed}", status, running, inference) for name in ("a", "b") for seed in range(3)]
    return pd.DataFrame(rows, columns=["treatment", "run", "status", "accuracy", "train_accuracy"])


def young(batches: int = 60, momentum: float = 0.99) -> dict[str, Normalized]:
    return {f"a{seed}": Normalized(momentum, batches) for seed in range(3)}


def test_a_lag_is_told_with_its_size_and_cause() -> None:
    found = lagging(table(0.97, 0.85), young(), 0.02)
    (row,) = found.to_dict("records")
    assert (row["treatment"], row["runs"], row["of"], row["momentum"], row["batches"]) == ("a", 3, 3, 0.99, 60)
    assert row["behind"] == pytest.approx(0.12)


@pytest.mark.parametrize(
    ("runs", "normalized"),
    [
        (table(0.97, 0.96), young()),  # hardly any difference
        (table(0.85, 0.97), young()),  # the usual one
        (table(0.97, 0.85), young(batches=300)),  # long forgotten
        (table(0.97, 0.85), young(momentum=0.9)),
        (table(0.97, 0.85), {}),  # no batch normalization
        (table(0.97, 0.85, "diverged"), young()),
        (table(float("nan"), 0.85), young()),  # weights of no epoch
    ],
)
def test_nothing_else_is_taken_for_a_lag(runs: pd.DataFrame, normalized: dict[str, Normalized]) -> None:
    assert lagging(runs, normalized, 0.02).empty
