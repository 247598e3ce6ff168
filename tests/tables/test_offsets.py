"""Columns whose offset is large beside their differences: what float32 would merge is told apart, in every source."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ablate.data import sources, splits
from ablate.data.sources import Dataset
from ablate.settings.run import Data
from ablate.tables import offsets

ROWS = 400
COLUMNS = {
    "unix seconds": 1.7e9 + np.arange(ROWS) % 97,
    "unix seconds as integers": (1_700_000_000 + np.arange(ROWS) % 97).astype(np.int64),
    "unix milliseconds": 1.7e12 + np.arange(ROWS) * 13.0 % 1009,
    "Julian dates": 2_460_000.5 + (np.arange(ROWS) * 7 % 101) / 1440,
    "map coordinates": 126.9780 + (np.arange(ROWS) * 7 % 89) * 1e-6,
    "long numbers": 8_801_010_000_000 + np.arange(ROWS, dtype=np.int64) * 11 % 103,
    "negative": -1.7e9 - np.arange(ROWS) % 97,
    "times, some of them zero": np.where(np.arange(ROWS) % 10, 1.7e9 + np.arange(ROWS) % 97, 0.0),
    "one value nearly always": np.where(np.arange(ROWS) % 10, 1.7e9, 1.7e9 + 30),
}


def as_source(kind: str, values: np.ndarray, folder: Path, **keys: Any) -> Dataset:
    """The data set of a column, and one of noise, from a source of a kind."""
    noise, y = np.random.default_rng(0).random(len(values)), np.arange(len(values)) // 3 % 2
    x = np.stack([values, noise.astype(values.dtype)], axis=1)
    if kind == "csv":
        pd.DataFrame({"t": values, "noise": noise, "y": y}).to_csv(folder / "t.csv", index=False)
        return sources.load(Data(source="t.csv", label="y", **keys), folder)
    if kind == "npz":
        np.savez(folder / "t.npz", x_train=x, y_train=y)
        return sources.load(Data(source="t.npz", **keys), folder)
    np.save(folder / "x.npy", x)
    (folder / "gives_times.py").write_text(
        "import numpy as np\n\ndef data():\n"
        f"    return np.load({str(folder / 'x.npy')!r}), np.arange({len(x)}) // 3 % 2\n"
    )
    return sources.load(Data(source="gives_times:data", **keys), folder)


@pytest.mark.parametrize("kind", ["csv", "npz"])
@pytest.mark.parametrize("name", COLUMNS)
def test_no_two_values_become_one(name: str, kind: str, tmp_path: Path) -> None:
    values = COLUMNS[name]
    assert len(np.unique(values.astype(np.float32))) < len(np.unique(values)), "or the test tests nothing"
    dataset = as_source(kind, values, tmp_path)
    assert dataset.pivots is not None
    assert len(np.unique(dataset.x[:, 0])) == len(np.unique(values))
    np.testing.assert_array_equal(dataset.x[:, 0], (values - dataset.pivots[0]).astype(np.float32))


def test_what_a_function_returns_is_read_as_well(tmp_path: Path) -> None:
    values = COLUMNS["unix seconds"]
    dataset = as_source("function", values, tmp_path)
    assert len(np.unique(dataset.x[:, 0])) == 97


def test_the_pivot_is_of_the_training_part(tmp_path: Path) -> None:
    values = COLUMNS["Julian dates"].copy()
    before = as_source("csv", values, tmp_path)
    values[before.test] += 1e7
    after = as_source("csv", values, tmp_path)
    np.testing.assert_array_equal(before.test, after.test)
    np.testing.assert_array_equal(before.pivots, after.pivots)
    np.testing.assert_array_equal(before.x[before.train], after.x[before.train])


@pytest.mark.parametrize(
    "values",
    [
        np.arange(ROWS) + 2000.0,
        np.arange(ROWS) * 0.1,
        np.linspace(-1, 1, ROWS),
        1013.25 + np.sin(np.arange(ROWS)),
        np.exp(np.linspace(0, 20, ROWS)) / 3,
        16_000_000.0 + np.arange(ROWS) % 3,
        np.full(ROWS, 1 / 3),
        np.full(ROWS, 1.7e9),
        np.where(np.arange(ROWS) % 3, 0, 1.7e9 + np.arange(ROWS)),
    ],
)
def test_columns_that_float32_holds_well_are_left_as_they_are(values: np.ndarray) -> None:
    """So data that was read right before has the keys it had."""
    kept = offsets.keep(values, np.arange(ROWS))
    assert kept.pivot == 0
    np.testing.assert_array_equal(kept.values, values.astype(np.float32))


def test_float32_is_left_as_it_is(tmp_path: Path) -> None:
    x = (1.7e9 + 1000.0 * np.arange(ROWS)[:, None]).astype(np.float32)
    np.savez(tmp_path / "t.npz", x_train=x, y_train=np.arange(ROWS) % 2)
    dataset = sources.load(Data(source="t.npz"), tmp_path)
    assert dataset.pivots is None
    np.testing.assert_array_equal(dataset.x, x)


def test_under_scale_none_the_loss_is_said_and_the_way_out(tmp_path: Path) -> None:
    """A network that is to see features as they are gets them as float32."""
    dataset = as_source("npz", COLUMNS["unix seconds"], tmp_path, scale="none")
    assert dataset.pivots is None
    assert dataset.notes[0] == (
        "column 1: 97 different values become 2 in float32, the type that networks calculate in; "
        'data.scale = "standard" takes their offset away before'
    )


def test_values_that_merge_all_the_same_are_named(tmp_path: Path) -> None:
    """Two groups of times, decades apart: whatever is taken away, one of them is far from it."""
    values = np.where(np.arange(ROWS) % 2, 0.0, 1.7e9) + np.arange(ROWS) // 2 * 1.0
    dataset = as_source("csv", values, tmp_path)
    assert dataset.notes[0].startswith("column t: 320 different values become ")


def test_integers_beyond_float64_are_named(tmp_path: Path) -> None:
    values = 2**60 + np.arange(ROWS, dtype=np.int64) % 61
    dataset = as_source("csv", values, tmp_path)
    assert dataset.notes[0].startswith("column t: 61 different values become 1 in float32")


def test_scaled_features_are_those_of_scikit_learn_in_float64(tmp_path: Path) -> None:
    from sklearn.preprocessing import StandardScaler

    from ablate.training import data as run_data

    for kind in ("csv", "npz"):
        for name, values in COLUMNS.items():
            if name == "times, some of them zero":
                continue  # of two kinds of values: nothing is scaled well by one mean and deviation
            dataset = as_source(kind, values, tmp_path)
            train = splits.split(dataset, Data(source="t.csv"), 1).train
            exact = values - values.min()
            expected = StandardScaler().fit(exact[train, None]).transform(exact[:, None])[:, 0]
            found = run_data.scaling(dataset, train)(dataset.x).numpy()[:, 0]
            # the differences, their mean and their product are rounded to float32: a few units in the last place each
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5, err_msg=f"{kind} {name}")
