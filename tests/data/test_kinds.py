"""What columns hold: numbers, categories and dates, and one error that names every cell that is none of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ablate.errors import StudyError
from ablate.study import sources
from ablate.study.settings import Data
from ablate.study.sources import Dataset

ROWS = 60
AGES = np.arange(ROWS) * 7 % 50 + 20


def load(folder: Path, columns: dict[str, Any], **keys: Any) -> Dataset:
    frame = pd.DataFrame({"age": AGES, **columns, "kind": ["a", "b"] * (ROWS // 2)})
    frame.to_csv(folder / "t.csv", index=False)
    return sources.load(Data(**{"source": "t.csv", "label": "kind", **keys}), folder)


def problems(folder: Path, columns: dict[str, Any], **keys: Any) -> list[str]:
    with pytest.raises(StudyError) as caught:
        load(folder, columns, **keys)
    return [str(problem) for problem in caught.value.problems]


def column(value: Any, row: int, others: Any = None) -> list[Any]:
    """A column of numbers with something else in one row, from 1."""
    found: list[Any] = list(others if others is not None else AGES)
    found[row - 1] = value
    return found


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"size": column("?", 7)},
            "data.source: t.csv: column size holds numbers, and '?' in 1 of 60 rows, the first in row 7; leave",
        ),
        ({"size": column("", 5)}, "data.missing: t.csv: column size: 1 of 60 values is missing, the first in row 5"),
        ({"size": column("NA", 5)}, "data.missing: t.csv: column size: 1 of 60 values is missing, the first in row 5"),
        ({"size": column("inf", 5)}, "column size: 1 of 60 values are infinite or too large for float32, the first"),
        ({"size": column("1e39", 5)}, "too large for float32, the first (1e+39) in row 5"),
        ({"size": [f"{age},5" for age in AGES]}, "such as '20,5' in row 1; write 1234.5, or set data.decimal"),
        ({"size": [f"${age}" for age in AGES]}, "numbers with signs that are no part of them, such as '$20' in row 1"),
        ({"size": [f"{age}%" for age in AGES]}, "such as '20%' in row 1"),
        (
            {"when": ["2024-01-31"] * ROWS},
            'data.dates: t.csv: column when holds dates; data.dates = ["when"] makes numbers',
        ),
        ({"when": ["31.01.2024 14:05"] * ROWS}, "data.dates: t.csv: column when holds dates"),
        ({"note": column("", 3, ["yes"] * ROWS)}, "data.missing: t.csv: column note: 1 of 60 values is missing"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    (problem,) = problems(tmp_path, columns)
    assert message in problem


def test_all_problems_of_a_table_are_named_at_once(tmp_path: Path) -> None:
    columns = {"size": column("?", 7), "mass": column("", 9), "when": ["2024-01-31"] * ROWS}
    found = problems(tmp_path, columns)
    assert [problem.partition(":")[0] for problem in found] == ["data.source", "data.missing", "data.dates"]


def test_all_names_that_are_not_there_are_named_at_once(tmp_path: Path) -> None:
    keys = {"drop": ["agee"], "dates": ["wenn"], "groups": "patient", "features": ["when", "agf"]}
    found = problems(tmp_path, {"when": ["x", "y"] * (ROWS // 2)}, **keys)
    assert "data.drop = \"agee\": t.csv has no such column; did you mean 'age'?" in found
    assert {problem.partition(" =")[0] for problem in found} == {
        "data.drop",
        "data.dates",
        "data.groups",
        "data.features",
    }


@pytest.mark.parametrize("few", [["0", "1", "2", "3+"], ["1", "2", "none", "4"], ["A12", "13", "14", "B2"]])
def test_a_few_numbers_beside_texts_are_categories(tmp_path: Path, few: list[str]) -> None:
    dataset = load(tmp_path, {"people": few * (ROWS // 4)})
    assert dataset.recipe is not None
    assert dataset.recipe.pieces[1].categories == tuple(sorted(few))


def test_words_for_nothing_are_categories_in_a_column_of_text(tmp_path: Path) -> None:
    dataset = load(tmp_path, {"loan": ["NA", "None", "house"] * (ROWS // 3)})
    assert dataset.recipe is not None
    assert dataset.recipe.pieces[1].categories == ("NA", "None", "house")


def test_spaces_around_categories_say_nothing(tmp_path: Path) -> None:
    dataset = load(tmp_path, {"loan": ["yes", "yes ", " no"] * (ROWS // 3)})
    assert dataset.recipe is not None
    assert dataset.recipe.pieces[1].categories == ("no", "yes")


def test_booleans_are_numbers_with_gaps_as_well(tmp_path: Path) -> None:
    whole = load(tmp_path, {"paid": [True, False, False] * (ROWS // 3)})
    np.testing.assert_array_equal(whole.x[:, 1], [1, 0, 0] * (ROWS // 3))
    gaps = load(tmp_path, {"paid": column("", 1, [True, False, False] * (ROWS // 3))}, missing="median")
    np.testing.assert_array_equal(gaps.x[:, 1], [np.nan, 0, 0, *[1, 0, 0] * (ROWS // 3 - 1)])


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


def test_keys_of_tables_are_refused_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        sources.load(Data(source="digits", drop=["a"], separator=";"), tmp_path)
    assert [str(problem) for problem in caught.value.problems] == [
        'data.drop = ["a"]: is for tables (.csv, .parquet) alone; remove the key',
        'data.separator = ";": is for tables (.csv, .parquet) alone; remove the key',
    ]


def test_drop_and_features_choose_columns(tmp_path: Path) -> None:
    columns = {"id": np.arange(ROWS), "size": AGES * 2}
    assert load(tmp_path, columns, drop=["id"]).names == ("age", "size")
    assert load(tmp_path, columns, features=["size"]).names == ("size",)
    assert load(tmp_path, columns, drop=["id"]).left_out == ("column id",)
    assert load(tmp_path, columns, drop=["id"]).digest == load(tmp_path, columns, features=["age", "size"]).digest
    assert "holds the label" in problems(tmp_path, columns, drop=["kind"])[0]
    assert "holds the label" in problems(tmp_path, columns, features=["kind"])[0]
    assert "leaves out what data.features asks for: id" in problems(tmp_path, columns, drop=["id"], features=["id"])[0]
    assert "no column left" in problems(tmp_path, {}, drop=["age"])[0]


def test_rows_have_the_numbers_of_the_file_where_others_were_left_out(tmp_path: Path) -> None:
    columns = {
        "size": column("?", 9),
        "mass": column("inf", 7, column("", 2)),
        "when": column("soon", 6, ["2024-01-31"] * ROWS),
    }
    found = problems(tmp_path, columns, missing="drop", dates=["when"])
    assert ["row 9" in found[0], "row 7" in found[1], "row 6" in found[2]] == [True] * 3, found
