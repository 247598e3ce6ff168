"""Dates become numbers by their parts, as pandas finds them, and none is guessed at."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.tables.test_kinds import ROWS, column, load, problems


@pytest.mark.parametrize(
    ("form", "has_times"),
    [("%Y-%m-%d", False), ("%d.%m.%Y", False), ("%Y/%m/%d %H:%M", True), ("%Y-%m-%dT%H:%M:%S", True)],
)
def test_dates_become_the_parts_that_pandas_finds(tmp_path: Path, form: str, has_times: bool) -> None:
    moments = pd.Series(pd.date_range("2023-12-25 06:30", periods=ROWS, freq="29h"))
    dataset = load(tmp_path, {"when": moments.dt.strftime(form)}, dates=["when"])
    parts = ["year", "month", "day", "day_of_week", *(["hour", "minute"] if has_times else [])]
    expected = np.stack([getattr(moments.dt, part) for part in parts], axis=1)
    np.testing.assert_array_equal(dataset.x[:, 1:], expected.astype(np.float32))
    assert dataset.names[1:5] == ("when.year", "when.month", "when.day", "when.weekday")
    fewer = load(tmp_path, {"when": moments.dt.strftime(form)}, dates=["when"], drop=["when.year"])
    np.testing.assert_array_equal(fewer.x, np.delete(dataset.x, 1, axis=1))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["03/04/2024", "05/06/2024"], "'03/04/2024' can be read with the day or the month first"),
        (["2024-01-31", "tomorrow"], "'tomorrow' in row 2 is no date such as 2024-03-31"),
        (["2024-01-31", "31.12.2024"], "dates are written in several ways"),
        (["2024-13-31", "2024-12-31"], "dates are written in several ways"),
    ],
)
def test_dates_are_not_guessed_at(tmp_path: Path, texts: list[str], message: str) -> None:
    (problem,) = problems(tmp_path, {"when": texts * (ROWS // 2)}, dates=["when"])
    assert problem.startswith('data.dates = "when": t.csv: column when: ')
    assert message in problem


def test_one_day_that_tells_day_from_month_tells_all(tmp_path: Path) -> None:
    dataset = load(tmp_path, {"when": column("25/12/2024", 9, ["03/04/2024"] * ROWS)}, dates=["when"])
    assert dataset.x[0, 1:4].tolist() == [2024, 4, 3]
    assert dataset.x[8, 1:4].tolist() == [2024, 12, 25]
