"""Tables from files: from regular ones alone, and from Parquet with columns of every type that there is."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ablate.data import sources
from ablate.data.sources import Dataset
from ablate.errors import StudyError
from ablate.reading import DamagedError
from ablate.settings.run import Data
from ablate.tables import files as tables
from ablate.tables.options import Findings, TableOptions

ROWS = 60


def load(folder: Path, columns: dict[str, Any], **keys: Any) -> Dataset:
    frame = pd.DataFrame({"age": np.arange(ROWS) * 7 % 50, **columns, "kind": ["a", "b"] * (ROWS // 2)})
    pa, parquet = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
    parquet.write_table(pa.Table.from_pandas(frame), folder / "t.parquet")
    return sources.load(Data(**{"source": "t.parquet", "label": "kind", **keys}), folder)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.array([1, 2, 3] * 20, "Int64"), [1, 2, 3] * 20),
        ([Decimal("1.5"), Decimal("2.25"), None] * 20, [1.5, 2.25, np.nan] * 20),
        (pd.array([True, False, None] * 20, "boolean"), [1, 0, np.nan] * 20),
        ([True, False, None] * 20, [1, 0, np.nan] * 20),
        (pd.Categorical(["x", "y", None] * 20), [1, 2, 0] * 20),
        (["x", "y", "NA"] * 20, [1, 2, 0] * 20),
    ],
)
def test_types(tmp_path: Path, values: Any, expected: list[float]) -> None:
    np.testing.assert_array_equal(load(tmp_path, {"v": values}, missing="median").x[:, 1], np.float32(expected))


def test_moments_are_dates(tmp_path: Path) -> None:
    moments = pd.date_range("2024-01-30", periods=ROWS, tz="Asia/Seoul")
    with pytest.raises(StudyError, match="column when holds dates"):
        load(tmp_path, {"when": moments})
    dataset = load(tmp_path, {"when": moments}, dates=["when"])
    utc = moments.tz_convert("UTC")
    np.testing.assert_array_equal(dataset.x[:, 3], np.float32(utc.day))


@pytest.mark.parametrize("values", [[[1, 2]] * ROWS, pd.to_timedelta(range(ROWS), "h"), [b"x", b"y"] * (ROWS // 2)])
def test_other_types_are_refused(tmp_path: Path, values: Any) -> None:
    with pytest.raises(StudyError, match=r"column v holds \w+"):
        load(tmp_path, {"v": values})


def test_a_name_that_is_there_twice_is_an_error(tmp_path: Path) -> None:
    pa, parquet = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
    table = pa.table([pa.array([1, 2]), pa.array([3, 4]), pa.array(["a", "b"])], names=["v", "v", "kind"])
    parquet.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(StudyError, match=r"column 'v' is there more than once in t\.parquet"):
        sources.load(Data(source="t.parquet", label="kind"), tmp_path)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_table_is_read_from_a_file_alone(tmp_path: Path, kind: str) -> None:
    """Nothing waits for a pipe, or reads a device to its end, even where a file was a moment ago."""
    path = tmp_path / "t.csv"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case _:
            path.mkdir()
    with pytest.raises(DamagedError, match="it is not a file"):
        tables.read_csv(path, TableOptions("kind"), Findings())
    with pytest.raises(StudyError, match="no such file"):
        sources.load(Data(source="t.csv", label="kind"), tmp_path)


def test_a_table_may_be_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a,kind\n" + "1,x\n2,y\n" * 30)
    (tmp_path / "t.csv").symlink_to("mine.csv")
    assert sources.load(Data(source="t.csv", label="kind"), tmp_path).classes == ("x", "y")


def test_a_row_that_ends_in_a_quote_without_end_is_an_error(tmp_path: Path) -> None:
    """Also where it is longer than what the standard library takes for a cell."""
    for length in (10, 200_000):
        (tmp_path / "t.csv").write_text("a,kind\n" + "1,x\n2,y\n" * 30 + '3,"' + "x" * length)
        with pytest.raises(StudyError, match=r"t\.csv"):
            sources.load(Data(source="t.csv", label="kind"), tmp_path)
