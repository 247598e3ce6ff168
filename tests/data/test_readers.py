"""Readers: what archives and tables hold, as arrays of the form that every source is checked in."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate import reading
from ablate.data import ondisk, readers
from ablate.data.ondisk import OnDisk
from ablate.data.readers import SourceError
from ablate.errors import StudyError
from ablate.tables.options import Findings, TableOptions
from ablate.tables.table import Table

ROWS = {"x_train": np.arange(24.0).reshape(6, 2, 2), "y_train": np.arange(6) % 3}
TEST = {"x_test": np.zeros((3, 2, 2)), "y_test": np.arange(3)}


def npz(folder: Path, **content: Any) -> Path:
    path = folder / "d.npz"
    np.savez(path, **content)
    return path


def test_the_parts_of_an_archive_are_stacked_with_the_test_rows_last(tmp_path: Path) -> None:
    found = readers.read_npz(npz(tmp_path, **ROWS, **TEST))
    np.testing.assert_array_equal(found.x, np.concatenate([ROWS["x_train"], TEST["x_test"]]))
    assert found.y.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2]
    assert (found.test_rows, found.scale) == (3, "none")
    assert readers.read_npz(npz(tmp_path, **ROWS)).test_rows == 0


def test_bytes_are_taken_for_images(tmp_path: Path) -> None:
    found = readers.read_npz(npz(tmp_path, **{**ROWS, "x_train": ROWS["x_train"].astype(np.uint8)}))
    assert (found.scale, found.divisor, found.x.dtype) == ("divide", 255.0, np.uint8)


def test_what_does_not_fit_into_memory_stays_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"x_train": np.arange(600, dtype=np.float32).reshape(100, 3, 2), "y_train": np.zeros(100, np.uint8)}
    path = npz(tmp_path, **content)
    monkeypatch.setattr(reading, "memory_limit", lambda: 2_000)
    found = readers.read_npz(path)
    assert isinstance(found.x, OnDisk)
    assert found.shape == (3, 2)
    np.testing.assert_array_equal(np.concatenate(list(ondisk.chunks(found.x))), content["x_train"].reshape(100, 6))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([[2], [0], [1]]), [2, 0, 1]),
        (np.eye(3)[[2, 0, 1]], [2, 0, 1]),
        (np.eye(3, dtype=bool)[[2, 0, 1]], [2, 0, 1]),
        (np.array(["c", "a", "b"]), ["c", "a", "b"]),
    ],
    ids=["column", "one-hot", "booleans", "texts"],
)
def test_labels_become_one_column(tmp_path: Path, labels: Any, expected: list[Any]) -> None:
    found = readers.read_npz(npz(tmp_path, x_train=np.zeros((3, 2)), y_train=labels))
    assert found.y.tolist() == expected


def test_half_a_test_part_and_parts_of_two_types_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="one of x_test and y_test; it should have both, or neither"):
        readers.read_npz(npz(tmp_path, **ROWS, x_test=TEST["x_test"]))
    with pytest.raises(SourceError, match="x_train is float64 and x_test float32"):
        readers.read_npz(npz(tmp_path, **ROWS, **{**TEST, "x_test": TEST["x_test"].astype(np.float32)}))


def test_an_archive_runs_no_code(tmp_path: Path) -> None:
    with pytest.raises(readers.SourceError, match=r"cannot be read: .*allow_pickle=False"):
        readers.read_npz(npz(tmp_path, x_train=np.array([[print]] * 3, dtype=object), y_train=np.arange(3)))


def test_a_table_is_its_numbers_beside_the_label(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a, kind, b\n1, x, 0.5\n2, y, 1.5\n")
    findings = Findings()
    found = readers.read_table(path, TableOptions("kind"), findings)
    assert isinstance(found.x, Table)
    np.testing.assert_array_equal([column.values for column in found.x.columns], [[1, 2], [0.5, 1.5]])
    assert (found.x.names, findings.file) == (("a", "b"), "t.csv")
    assert found.y.tolist() == ["x", "y"]
    assert (found.scale, found.test_rows) == ("standard", 0)
    with pytest.raises(StudyError, match=r"has no such column; did you mean 'kind'\?"):
        readers.read_table(path, TableOptions("kindd"), Findings())
