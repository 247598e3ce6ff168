"""What is odd about columns is said, and what is not odd is not."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ablate.data import sources
from ablate.settings.run import Data

ROWS = 200
RNG = np.random.default_rng(5)
NOISE = RNG.random(ROWS)
KIND = np.sort(RNG.integers(0, 2, ROWS))


def notes(folder: Path, columns: dict[str, Any], **keys: Any) -> list[str]:
    pd.DataFrame({**columns, "noise": NOISE, "kind": KIND}).to_csv(folder / "t.csv", index=False)
    dataset = sources.load(Data(source="t.csv", label="kind", **keys), folder)
    return [*dataset.notes, *dataset.leaks]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"": range(ROWS)}, "column Unnamed: 0 counts the rows; a network can learn the order of the file from it"),
        (
            {"row": range(1, ROWS + 1)},
            'can learn the order of the file from it (data.drop = ["row"] leaves it out)',
        ),
        ({"": RNG.random(ROWS)}, "column Unnamed: 0 has no name in the file; is it an index?"),
        ({"id": RNG.permutation(ROWS) + 7000}, "column id is another whole number in every row; is it an id?"),
        ({"unit": 1}, "column unit has the same value in every row"),
        ({"unit": "kg"}, "column unit has the same value in every row"),
        ({"name": [f"name {n}" for n in range(ROWS)]}, "column name is text with 200 different values in 200 rows"),
        ({"result": KIND * 3 + NOISE}, "column result alone tells the class (nearly) without fail"),
        ({"verdict": np.where(KIND, "bad", "good")}, "column verdict alone tells the class (nearly) without fail"),
    ],
)
def test_an_odd_column_is_named(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    found = notes(tmp_path, columns)
    assert [note for note in found if message in note], found


def test_an_index_of_a_sorted_file_is_seen_to_give_the_class_away(tmp_path: Path) -> None:
    found = notes(tmp_path, {"": range(ROWS)})
    assert any(note.startswith("column Unnamed: 0 alone tells the class") for note in found)
    assert notes(tmp_path, {"": range(ROWS)}, drop=["Unnamed: 0"]) == []


def test_good_columns_are_not_odd(tmp_path: Path) -> None:
    columns = {
        "age": RNG.integers(18, 90, ROWS),
        "price": RNG.normal(100, 20, ROWS).round(2),
        "town": RNG.choice(["a", "b"], ROWS),
        "hint": KIND + RNG.normal(0, 1, ROWS),
    }
    assert notes(tmp_path, columns) == []


@pytest.mark.parametrize("source", ["iris", "wine", "breast_cancer", "digits"])
def test_bundled_sets_are_not_odd(source: str) -> None:
    dataset = sources.load(Data(source=source), Path())
    assert (dataset.notes, dataset.leaks) == ((), ())


def test_columns_of_arrays_are_looked_at_by_their_numbers(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x_train=np.stack([NOISE, np.arange(ROWS)], axis=1), y_train=KIND)
    dataset = sources.load(Data(source="t.npz"), tmp_path)
    assert any(note.startswith("column 2 counts the rows") for note in dataset.notes)


def test_a_rare_class_is_not_given_away_by_guessing_the_other(tmp_path: Path) -> None:
    """Plain accuracy of a constant guess is above 99% here."""
    rng = np.random.default_rng(0)
    rare = np.arange(5000) % 250 == 0
    pd.DataFrame({"noise": rng.random(5000), "kind": rare}).to_csv(tmp_path / "t.csv", index=False)
    assert sources.load(Data(source="t.csv", label="kind"), tmp_path).leaks == ()
