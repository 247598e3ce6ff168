"""A data set: its digest, how it is scaled in words, and what a run's training rows make of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ablate.data import sources
from ablate.data.dataset import ALIGNMENT, Dataset, aligned, empty
from ablate.settings.run import Data

ROWS = 60


def table(folder: Path, **keys: str) -> Dataset:
    """Unix times, an age with a gap, and a town."""
    rows = np.arange(ROWS)
    age = np.where(rows == 3, np.nan, rows * 7 % 50)
    frame = pd.DataFrame({"time": 1.7e9 + rows * 7 % 31, "age": age, "town": [*"xyz"] * 20, "kind": [*"aabb"] * 15})
    frame.to_csv(folder / "t.csv", index=False)
    return sources.load(Data(**{"source": "t.csv", "label": "kind", "missing": "median", **keys}), folder)


def test_the_digest_is_of_the_content() -> None:
    once, again = (sources.load(Data(source="iris"), Path()) for _ in range(2))
    assert once.digest == again.digest
    assert once.digest != sources.load(Data(source="iris", test=0.3), Path()).digest
    assert once.digest != sources.load(Data(source="iris", scale="none"), Path()).digest


@pytest.mark.parametrize(("kind", "shape"), [("u1", (3, 5)), ("f4", (7, 1)), ("f8", (2, 2, 2))])
def test_arrays_begin_where_tensorflow_takes_them(kind: str, shape: tuple[int, ...]) -> None:
    x = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    np.testing.assert_array_equal(aligned(x), x)
    for array in (aligned(x), empty(shape, x.dtype)):
        assert (array.ctypes.data % ALIGNMENT, array.dtype, array.shape) == (0, x.dtype, shape)


def test_the_rows_of_a_run_make_numbers_of_a_table(tmp_path: Path) -> None:
    dataset = table(tmp_path)
    assert (dataset.x.shape[1], dataset.features, dataset.shape) == (3, 7, (7,))
    encoded = dataset.encoded(dataset.mapping(dataset.train))
    assert encoded.x.shape == (ROWS, 7)
    assert np.isfinite(encoded.x).all()
    assert encoded.recipe is None
    assert encoded.binary is not None
    assert encoded.pivots is not None
    assert np.flatnonzero(encoded.pivots).tolist() == [0]
    assert np.flatnonzero(~encoded.binary).tolist() == [0, 1]
    assert encoded.features == dataset.features
    assert encoded.digest != dataset.digest


def test_numbers_are_taken_as_they_are(tmp_path: Path) -> None:
    iris = sources.load(Data(source="iris"), tmp_path)
    assert iris.mapping(iris.train) is None
    assert iris.encoded(None) is iris


def test_how_features_are_scaled_is_said_of_all_of_them(tmp_path: Path) -> None:
    auto = ' (scale = "auto", float32 features)'
    assert table(tmp_path).scaling == f"standardized, but for what is 0 or 1{auto}"
    assert table(tmp_path, scale="none").scaling == "as they are, but for what is 0 or 1"
    times = np.stack([1.7e9 + np.arange(ROWS) % 31, np.arange(ROWS) % 7], axis=1)
    np.savez(tmp_path / "t.npz", x_train=times, y_train=np.arange(ROWS) % 2)
    said = sources.load(Data(source="t.npz"), tmp_path).scaling
    assert said == f"as they are, but for 1 with large offsets, which are standardized{auto}"


def test_what_was_read_is_said_in_three_lines(tmp_path: Path) -> None:
    lines = table(tmp_path).summary
    features = "2 columns of numbers (1 with missing values), 1 of categories (town: 3): 7 inputs of the network"
    assert lines[0].endswith(features)
    assert lines[1] == "2 classes: a (30), b (30)"
    assert lines[2].startswith("left out: nothing; 1 note")
