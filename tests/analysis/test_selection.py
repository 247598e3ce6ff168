"""The best treatment, by validation."""

import pandas as pd
import pytest

from ablate.analysis.selection import passed_over, winner


def runs(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["treatment", "status", "val_accuracy"])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("baseline", "ok", 0.8), ("dropout=0.2", "ok", 0.9)], "dropout=0.2"),
        ([("baseline", "ok", 0.9), ("dropout=0.2", "ok", 0.9)], "baseline"),
        ([("baseline", "ok", 0.8), ("wild", "ok", 0.9), ("wild", "diverged", float("nan"))], "baseline"),
        ([("baseline", "ok", 0.8), *[("l2=0.1", "ok", 0.9)] * 9, ("l2=0.1", "failed", float("nan"))], "l2=0.1"),
        ([("baseline", "diverged", float("nan"))], None),
        ([], None),
    ],
)
def test_the_winner_has_the_highest_mean_of_enough_runs(
    rows: list[tuple[str, str, float]], expected: str | None
) -> None:
    assert winner(runs(*rows), "accuracy") == expected


@pytest.mark.parametrize("size", [1e-2, 1.0, 1e9])
def test_of_errors_the_lowest_wins_whatever_their_size(size: float) -> None:
    table = pd.DataFrame(
        {
            "treatment": ["baseline", "better", "worse", "wild", "wild"],
            "status": ["ok", "ok", "ok", "ok", "diverged"],
            "val_rmse": [3 * size, 2.9 * size, 4 * size, size, float("nan")],
        }
    )
    assert winner(table, "rmse") == "better"
    assert passed_over(table, "better", "rmse") == [("wild", size, 1, 2)]
    tied = table.assign(val_rmse=[3 * size, 3 * size * (1 + 1e-9), 4 * size, 5 * size, 5 * size])
    assert winner(tied, "rmse") == "baseline"
