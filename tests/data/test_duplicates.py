"""Examples that are in training and in test are counted exactly, whatever their type."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ablate.data import duplicates, ondisk, sources
from ablate.data.duplicates import Shared, shared_rows
from ablate.data.sources import Dataset
from ablate.settings.run import Data


def made(x: Any, y: Any, tested: int) -> Dataset:
    rows = np.arange(len(x), dtype=np.int32)
    labels = np.asarray(y, np.int32)
    return Dataset(np.asarray(x), labels, ("a", "b", "c"), rows[:-tested], rows[-tested:], "none")


def by_pandas(dataset: Dataset) -> Shared:
    """The same by grouping whole rows."""
    table = pd.DataFrame(dataset.x)
    names = list(table.columns)
    table["y"] = dataset.y
    train, test = table.iloc[dataset.train], table.iloc[dataset.test]
    there = test.merge(train[names].drop_duplicates(), on=names)
    alike = there.merge(train.drop_duplicates(), on=[*names, "y"])
    return Shared(len(there), len(there) - len(alike), len(test))


@pytest.mark.parametrize("kind", ["uint8", "float32"])
@pytest.mark.parametrize("width", [1, 2, 7, 13])
def test_the_count_is_that_of_pandas(kind: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_BLOCK", 64)  # several blocks, of a few rows each
    random = np.random.default_rng(width)
    x = random.integers(0, 3 if width < 7 else 2, (400, width)).astype(kind)
    x[300:320] = x[:20]
    dataset = made(x, random.integers(0, 3, 400), 150)
    found = shared_rows(dataset)
    assert found == by_pandas(dataset)
    assert found.rows > 0


def test_a_row_is_shared_by_its_numbers_and_told_apart_by_all_of_them() -> None:
    x = np.array([[0.0, 1.0], [2.0, 3.0], [-0.0, 1.0], [2.0, np.nextafter(np.float32(3), np.float32(4))]], np.float32)
    assert shared_rows(made(x, [0, 1, 2, 1], 2)) == Shared(1, 1, 2)


def test_what_is_missing_in_both_rows_is_equal() -> None:
    """As pandas has it, whatever bits a NaN has; and a gap is not the number that another row has there."""
    other = np.frombuffer(np.uint32(0x7FC00001).tobytes(), np.float32)[0]
    x = np.array([[np.nan, 1], [2, np.nan], [5, 5], [other, 1], [2, 3], [2, np.nan]], np.float32)
    dataset = made(x, [0, 1, 2, 1, 1, 1], 3)
    assert shared_rows(dataset) == by_pandas(dataset) == Shared(2, 1, 3)


def test_rows_on_disk_are_counted_as_those_in_memory(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 2, (60, 5)).astype(np.float32)
    file = tmp_path / "x.npz"
    file.touch()
    in_memory = made(x, np.arange(60) % 3, 20)
    on_disk = Dataset(
        ondisk.OnDisk((x[:33], x[33:]), file, ondisk.stamp(file)), *(in_memory.y, in_memory.classes),
        *(in_memory.train, in_memory.test, "none"),
    )  # fmt: skip
    assert shared_rows(on_disk) == shared_rows(in_memory)


@pytest.mark.parametrize(("source", "rows"), [("iris", 1), ("digits", 0), ("wine", 0), ("breast_cancer", 0)])
def test_of_the_bundled_sets_iris_alone_has_one(source: str, rows: int) -> None:
    dataset = sources.load(Data(source=source), Path())
    assert shared_rows(dataset) == by_pandas(dataset)
    assert shared_rows(dataset).rows == rows
