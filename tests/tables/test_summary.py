"""Three lines say what was read: rows and features, classes, and what was left out."""

import numpy as np
import pytest

from ablate.tables import summary
from ablate.tables.mapping import Piece, Recipe

Y = np.array([0, 0, 0, 1], np.int32)
TABLE = Recipe((Piece("age", (), 2, True), Piece("size"), Piece("town", ("Bonn", "Rome"), 3)), 50)


@pytest.mark.parametrize(
    ("shape", "recipe", "features"),
    [
        ((1,), None, "1 number each"),
        ((8, 8), None, "64 numbers each (8 x 8)"),
        (
            (6,),
            TABLE,
            "2 columns of numbers (1 with missing values), 1 of categories (town: 2): 6 inputs of the network",
        ),
    ],
)
def test_rows_and_features(shape: tuple[int, ...], recipe: Recipe | None, features: str) -> None:
    (first, *_) = summary.lines((3_000, 1_000), shape, recipe, ("a", "b"), Y, (), ())
    assert first == f"4,000 rows (3,000 to train and validate on, 1,000 to test); {features}"


def test_classes_and_what_was_left_out() -> None:
    nothing = summary.lines((3, 1), (1,), None, ("a", "b"), Y, (), ())
    assert nothing[1:] == ("2 classes: a (3), b (1)", "left out: nothing; nothing odd")
    some = summary.lines((3, 1), (1,), None, ("a", "b"), Y, ("column id", "2 rows"), ("x", "y"))
    assert some[2] == "left out: column id, 2 rows; 2 notes on what is odd"


def test_long_lists_are_cut() -> None:
    names = tuple(map(str, range(12)))
    lines = summary.lines((6, 6), (1,), None, names, np.arange(12, dtype=np.int32), names, ("x",))
    assert lines[1].endswith("9 (1) and 2 more")
    assert lines[2] == "left out: 0, 1, 2, 3, 4, 5, 6, 7 and more; 1 note on what is odd"
