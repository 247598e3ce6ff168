"""Targets: what is a class and what a number, what no network can learn, and bins that keep both ends of a scale."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ablate.data import sources, splits
from ablate.errors import StudyError
from ablate.settings.run import Data
from ablate.tables import targets

ROWS = 200


def numbers(seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(50, 12, ROWS)


def table(folder: Path, target: Any, **keys: Any) -> tuple[sources.Dataset, Data]:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.random(ROWS).round(4), "b": rng.random(ROWS).round(4), "price": target})
    frame.to_csv(folder / "t.csv", index=False)
    data = Data(source="t.csv", label="price", **keys)
    return sources.load(data, folder), data


def npz(folder: Path, y: Any, **keys: Any) -> sources.Dataset:
    x = np.random.default_rng(1).random((len(y), 3)).astype(np.float32)
    np.savez(folder / "d.npz", x_train=x, y_train=y)
    return sources.load(Data(source="d.npz", **keys), folder)


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        (np.linspace(0, 1, 21), "regression"),
        (np.linspace(0, 1, 20), "classification"),  # a few: nobody guesses, see below
        (np.arange(30.0), "regression"),  # 25.0 is in a single row
        (np.repeat(np.arange(30.0), 3), "classification"),  # as ever: classes written with a point
        (np.arange(30), "classification"),
        (np.repeat([True, False], 20), "classification"),
        (np.array([f"{n / 7:.3f}x" for n in range(40)]), "classification"),
    ],
)
def test_a_number_to_predict_is_told_from_a_class(labels: Any, task: str) -> None:
    assert targets.detect(labels) == task


def test_a_table_with_a_number_to_predict_is_a_regression_in_its_own_unit(tmp_path: Path) -> None:
    target = numbers()
    dataset, _ = table(tmp_path, target)
    assert (dataset.task, dataset.classes, dataset.outputs) == ("regression", (), 1)
    assert dataset.y.dtype == np.float64
    np.testing.assert_array_equal(dataset.y, target)
    assert f"mean {target.mean():.6g}, standard deviation {target.std():.6g}" in dataset.summary[1]
    assert "200 different values" in dataset.summary[1]


def test_a_decimal_comma_is_one_in_the_target_too(tmp_path: Path) -> None:
    target = numbers().round(2)
    rows = "".join(f"{n};{str(value).replace('.', ',')}\n" for n, value in enumerate(target))
    (tmp_path / "t.csv").write_text(f"a;price\n{rows}", encoding="utf-8")
    dataset = sources.load(Data(source="t.csv", label="price"), tmp_path)
    np.testing.assert_array_equal(dataset.y, target)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8])
def test_arrays_of_any_number_type_keep_their_values(tmp_path: Path, dtype: type) -> None:
    target = numbers().astype(dtype)
    dataset = npz(tmp_path, target, task="regression")
    np.testing.assert_array_equal(dataset.y, target.astype(np.float64))


def test_a_scale_of_a_thousand_millions_keeps_its_ones(tmp_path: Path) -> None:
    target = 1e9 + np.arange(ROWS) % 37 + 0.5
    np.testing.assert_array_equal(npz(tmp_path, target).y, target)


def test_many_whole_numbers_stay_classes_and_that_is_said(tmp_path: Path) -> None:
    ages = np.repeat(np.arange(20, 60), 5)
    found = npz(tmp_path, ages)
    assert (found.task, len(found.classes)) == ("classification", 40)
    assert any("40 different whole numbers" in note and 'task = "regression"' in note for note in found.notes)
    assert not npz(tmp_path, ages, task="classification").notes
    assert not npz(tmp_path, np.repeat(np.arange(10), 20)).notes


def test_whole_numbers_too_rare_for_classes_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r'has \d rows.*say data\.task = "regression"'):
        npz(tmp_path, np.r_[np.repeat(np.arange(20, 60), 4), [77]])
    assert npz(tmp_path, np.r_[np.repeat(np.arange(20, 60), 4), [77]], task="regression").task == "regression"


def test_a_few_numbers_with_fractions_are_asked_about(tmp_path: Path) -> None:
    quality = np.repeat([1.0, 1.5, 2.0, 2.5], 25)
    with pytest.raises(StudyError, match=r'4 different numbers with fractions.*"classification" or data\.task = "regr'):
        npz(tmp_path, quality)
    assert npz(tmp_path, quality, task="classification").classes == ("1.0", "1.5", "2.0", "2.5")
    assert npz(tmp_path, quality, task="regression").task == "regression"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e26])
def test_numbers_that_none_can_learn_are_counted_and_placed(tmp_path: Path, bad: float) -> None:
    target = numbers()
    target[[6, 90]] = bad
    with pytest.raises(StudyError, match=r"2 of 200 values to learn are NaN, infinite or beyond 1e\+25, .* row 7 "):
        npz(tmp_path, target)


def test_a_missing_target_is_a_missing_label(tmp_path: Path) -> None:
    target = numbers()
    target[4] = np.nan
    with pytest.raises(StudyError, match=r"1 row has no label, the first row 5"):
        table(tmp_path, target)
    dataset, _ = table(tmp_path, target, missing="drop")
    assert (len(dataset.y), dataset.task) == (ROWS - 1, "regression")


def test_a_target_that_never_changes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r'data\.label = "price": is 5 in every row'):
        table(tmp_path, np.full(ROWS, 5.0), task="regression")


def test_thousands_signs_are_named(tmp_path: Path) -> None:
    target = [f"{value * 1000:,.1f}" for value in numbers()]
    with pytest.raises(
        StudyError, match=r"200 rows hold no number, the first is '[\d,.]+' in row 1; write numbers wit"
    ):
        table(tmp_path, target)
    with pytest.raises(StudyError, match=r"write numbers without a sign for thousands"):
        table(tmp_path, target, task="regression")


def test_a_word_among_numbers_is_found(tmp_path: Path) -> None:
    target = [f"{value:.2f}" for value in numbers()]
    target[11] = "unknown"
    with pytest.raises(StudyError, match=r"1 row holds no number, the first is 'unknown' in row 12"):
        table(tmp_path, target)


def test_classes_are_no_numbers(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"rows hold no number, the first is 'x'"):
        table(tmp_path, np.repeat(["x", "y"], ROWS // 2), task="regression")
    with pytest.raises(StudyError, match=r"holds bool, and a regression learns numbers"):
        npz(tmp_path, np.repeat([True, False], 20), task="regression")


def test_several_numbers_an_example_are_not_supported(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"shape \(30, 2\).*several numbers\) are not supported"):
        npz(tmp_path, np.random.default_rng(0).random((30, 2)))


def test_every_part_of_a_split_has_every_tenth_of_the_target(tmp_path: Path) -> None:
    skewed = np.exp(np.random.default_rng(3).normal(0, 2, ROWS))
    dataset, data = table(tmp_path, skewed)
    for seed in (1, 2, 3):
        rows = splits.split(dataset, data, seed)
        for part, of in ((rows.validation, dataset.train), (rows.test, np.arange(ROWS))):
            tenths = np.searchsorted(np.quantile(dataset.y[of], np.arange(0.1, 1, 0.1)), dataset.y[part])
            counts = np.bincount(tenths, minlength=10)
            assert abs(counts - len(part) / 10).max() <= 1, counts
    first, second = (splits.split(dataset, data, seed).validation for seed in (1, 2))
    assert set(first) != set(second)


@pytest.mark.parametrize(
    "y",
    [
        np.r_[np.zeros(100), 5.0],
        np.r_[np.zeros(19), 1.0, np.full(81, 2.0)],
        np.r_[1.0, np.zeros(100)],
        np.array([1.0, 2.0]),
        np.array([1.0, 2.0, 3.0]),
        np.repeat([0.0, 1.0], 50),
        np.random.default_rng(0).poisson(2, 500).astype(np.float64),
    ],
)
def test_ties_stay_together_and_no_bin_has_a_single_row(y: Any) -> None:
    bins = targets.strata(y, most=10)
    assert np.bincount(bins)[np.unique(bins)].min() >= 2
    for value in np.unique(y):
        assert len(set(bins[y == value])) == 1
    order = np.argsort(y, kind="stable")
    assert (np.diff(bins[order]) >= 0).all()
    assert len(np.unique(bins)) <= 10


def test_bins_of_many_different_numbers_are_of_one_size() -> None:
    counts = np.bincount(targets.strata(numbers(), most=10))
    assert counts.tolist() == [20] * 10
    assert np.bincount(targets.strata(numbers(), most=3)).tolist() == [67, 67, 66]


def test_groups_and_time_part_numbers_as_they_part_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.random(ROWS), "who": rng.integers(0, 20, ROWS), "price": numbers()})
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(ROWS), "D")
    frame.to_csv(tmp_path / "t.csv", index=False)
    by_group = Data(source="t.csv", label="price", groups="who", drop=["day"])
    rows = splits.split(sources.load(by_group, tmp_path), by_group, 1)
    who = frame["who"].to_numpy()
    assert not set(who[rows.train]) & set(who[rows.validation])
    assert not set(who[rows.train]) & set(who[rows.test])
    by_time = Data(source="t.csv", label="price", time="day")
    rows = splits.split(sources.load(by_time, tmp_path), by_time, 1)
    assert rows.train.max() < rows.validation.min() <= rows.validation.max() < rows.test.min()


def test_a_column_that_gives_the_number_away_is_named(tmp_path: Path) -> None:
    target = numbers()
    frame = pd.DataFrame({"a": np.random.default_rng(1).random(ROWS), "same": target * 1.21, "price": target})
    frame.to_csv(tmp_path / "t.csv", index=False)
    dataset = sources.load(Data(source="t.csv", label="price"), tmp_path)
    assert len(dataset.leaks) == 1
    assert "column same alone tells the target" in dataset.leaks[0]
