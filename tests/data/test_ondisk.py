"""Data beyond memory: the same data set, read in parts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate import reading
from ablate.data import ondisk, sources
from ablate.data.ondisk import OnDisk
from ablate.errors import StudyError
from ablate.settings.run import Data

ROWS = 400


def arrays(dtype: type = np.float32) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(ROWS, 5, 6)) * 50 + 100).clip(0, 255).astype(dtype)
    y = np.arange(ROWS) % 4
    return {"x_train": x[:300], "y_train": y[:300], "x_test": x[300:], "y_test": y[300:]}


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "memory_limit", lambda: 10_000)
    monkeypatch.setattr(ondisk, "CHUNK", 3_000)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_data_set_on_disk_is_the_one_in_memory(tmp_path: Path, dtype: type, request: pytest.FixtureRequest) -> None:
    np.savez(tmp_path / "d.npz", **arrays(dtype))
    inside = sources.load(Data(source="d.npz"), tmp_path)
    request.getfixturevalue("small_memory")
    outside = sources.load(Data(source="d.npz"), tmp_path)
    assert isinstance(inside.x, np.ndarray)
    assert isinstance(outside.x, OnDisk)
    assert (outside.x.shape, outside.x.dtype, outside.x.nbytes) == (inside.x.shape, inside.x.dtype, inside.x.nbytes)
    assert outside.digest == inside.digest
    rows = np.array([399, 0, 299, 300, 0, 17])
    np.testing.assert_array_equal(outside.x[rows], inside.x[rows])
    assert len(list(ondisk.chunks(outside.x))) > len(outside.x.parts)
    np.testing.assert_array_equal(np.concatenate(list(ondisk.chunks(outside.x))), inside.x)
    mean, sd = ondisk.mean_and_sd(outside.x, rows)
    np.testing.assert_allclose(mean, inside.x[rows].astype(np.float64).mean(axis=0))
    np.testing.assert_allclose(sd, inside.x[rows].astype(np.float64).std(axis=0))


@pytest.mark.usefixtures("small_memory")
def test_values_that_are_not_finite_are_found_in_every_part(tmp_path: Path) -> None:
    held = arrays()
    held["x_train"][250, 2, 3] = np.nan
    held["x_test"][50, 0, :2] = np.inf
    np.savez(tmp_path / "d.npz", **held)
    with pytest.raises(
        StudyError, match="3 of 12,000 feature values are NaN, infinite or too large, the first in row 251"
    ):
        sources.load(Data(source="d.npz"), tmp_path)


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_train": np.zeros((300, 30))}, "x_train holds float64; only uint8 and float32"),
        ({"x_train": np.asfortranarray(np.zeros((300, 30), np.float32))}, "x_train holds float32; .* row by row"),
        ({"y_train": np.zeros(3)}, "one row of features a label"),
    ],
)
def test_what_cannot_be_read_in_parts_is_said(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "d.npz", **{**arrays(), **change})
    with pytest.raises(StudyError, match=message):
        sources.load(Data(source="d.npz"), tmp_path)


def test_the_limit_is_a_part_of_this_machines_memory() -> None:
    assert 2**26 < reading.memory_limit() < 2**44
