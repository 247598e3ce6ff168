"""Which columns and rows of a table are learned from, and everything that is wrong with it at once."""

from pathlib import Path

import numpy as np

from tests.tables.test_kinds import AGES, ROWS, column, load, problems


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


def test_rows_with_missing_values_can_be_left_out(tmp_path: Path) -> None:
    gaps = column("", 7, column("", 2))
    dataset = load(tmp_path, {"size": gaps}, missing="drop")
    np.testing.assert_array_equal(dataset.x, np.delete(np.stack([AGES, AGES], axis=1), [1, 6], axis=0))
    assert dataset.recipe is None
    assert "2 rows with missing values" in dataset.left_out
