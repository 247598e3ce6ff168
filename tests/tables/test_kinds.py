"""What columns hold: numbers, categories and dates, and one error that names every cell that is none of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ablate.data import sources
from ablate.data.sources import Dataset
from ablate.errors import StudyError
from ablate.settings.run import Data

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
