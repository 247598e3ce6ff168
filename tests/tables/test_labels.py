"""Classes of a table: texts without the spaces around them, numbers and booleans; words for nothing are words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.data import sources
from ablate.errors import StudyError
from ablate.settings.run import Data
from tests.tables.test_dialect import load


def table(labels: list[Any]) -> str:
    return "a,b,kind\n" + "".join(f"{n * 7 % 5},{n * n},{label}\n" for n, label in enumerate(labels * 8))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["yes", "no", "yes"], ("no", "yes")),
        (["yes", "no", "yes "], ("no", "yes")),
        (["NA", "None", "null", "nan", "x"], ("NA", "None", "nan", "null", "x")),
        ([10, 9, 9, 10], ("9", "10")),
        (["1.0", "2.0", "2"], ("1.0", "2.0")),
        (["True", "False", "False"], ("False", "True")),
        (["TRUE", "FALSE"], ("False", "True")),
        (["true", "no"], ("no", "true")),
        (["1", "x"], ("1", "x")),
    ],
)
def test_classes(tmp_path: Path, labels: list[Any], classes: tuple[str, ...]) -> None:
    dataset = load(tmp_path, table(labels))
    assert dataset.classes == classes
    found = [dataset.classes[number] for number in dataset.y[: len(labels)]]
    assert [text.lower().removesuffix(".0") for text in found] == [
        str(label).strip().lower().removesuffix(".0") for label in labels
    ]


def test_what_was_stripped_is_said(tmp_path: Path) -> None:
    dataset = load(tmp_path, table(["yes", "no", "yes "]))
    assert "spaces around labels are left out (8 rows: 'yes ')" in dataset.notes
    assert not [note for note in load(tmp_path, table(["yes", "no"])).notes if "spaces" in note]


def test_labels_that_are_one_number_are_one_class_and_that_is_said(tmp_path: Path) -> None:
    dataset = load(tmp_path, table(["01", "1", "2"]))
    assert dataset.classes == ("1", "2")
    assert "labels that are one number are one class: '01' and '1'" in dataset.notes


def test_labels_of_an_array_are_stripped_as_well(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x_train=np.eye(12, 3, dtype=np.float32), y_train=np.array(["a", "b", "b "] * 4))
    dataset = sources.load(Data(source="d.npz"), tmp_path)
    assert dataset.classes == ("a", "b")
    assert any("spaces around labels are left out (4 rows" in note for note in dataset.notes)


def test_a_row_without_a_label_is_an_error_or_left_out(tmp_path: Path) -> None:
    text = table(["yes", "no", "  "])
    with pytest.raises(StudyError, match=r"data.label = .kind.: t.csv: 8 rows have no label, the first row 3"):
        load(tmp_path, text)
    dataset = load(tmp_path, text, missing="drop")
    assert len(dataset.y) == 16
    assert dataset.left_out == ("8 rows with missing values",)
