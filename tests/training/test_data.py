"""Splits: stratified, drawn anew per seed, the same for every treatment; the test set never moves."""

import numpy as np
import pytest

from ablate.data.sources import Dataset
from ablate.data.splits import split
from ablate.errors import StudyError
from ablate.settings.run import Data
from ablate.training import data as run_data


def test_a_split_uses_every_training_row_once_and_never_a_test_row(digits: Dataset) -> None:
    rows = split(digits, Data(source="digits"), 1)
    assert sorted([*rows.train, *rows.validation]) == digits.train.tolist()
    assert rows.test.tolist() == digits.test.tolist()
    assert len(rows.validation) == round(0.2 * len(digits.train))
    assert set(rows.probe) <= set(rows.train)
    assert rows.train_sample.tolist() == rows.train.tolist()


def test_classes_keep_their_shares(digits: Dataset) -> None:
    rows = split(digits, Data(source="digits"), 1)
    shares = [np.bincount(digits.y[part]) / len(part) for part in (rows.train, rows.validation, rows.test)]
    assert np.abs(shares[0] - shares[1]).max() < 0.01
    assert np.abs(shares[0] - shares[2]).max() < 0.01


def test_a_seed_draws_its_own_split_and_always_the_same(digits: Dataset) -> None:
    data = Data(source="digits")
    first, again, other = (split(digits, data, seed).validation.tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_subset_is_drawn_from_the_training_part_before_the_split(digits: Dataset) -> None:
    rows = split(digits, Data(source="digits", train_size=100, validation=0.5), 1)
    assert (len(rows.train), len(rows.validation)) == (50, 50)
    assert np.bincount(digits.y[np.concatenate([rows.train, rows.validation])]).tolist() == [10] * 10


def test_validating_on_the_test_set_leaves_all_training_rows(digits: Dataset) -> None:
    rows = split(digits, Data(source="digits", validation="test"), 1)
    assert rows.train.tolist() == digits.train.tolist()
    assert rows.validation.tolist() == digits.test.tolist()


def test_a_part_too_small_for_its_classes_is_an_error(digits: Dataset) -> None:
    with pytest.raises(StudyError, match=r"data\.train_size"):
        split(digits, Data(source="digits", train_size=5), 1)


def test_standardization_looks_at_training_rows_alone(digits: Dataset) -> None:
    table = Dataset(digits.x, digits.y, digits.classes, digits.train, digits.test, "standard")
    rows = split(table, Data(source="digits"), 1)
    scaled = run_data.scaling(table, rows.train)(table.x).numpy().astype(np.float64)  # whose means are exact enough
    varied = digits.x[rows.train].std(axis=0) > 0
    np.testing.assert_allclose(scaled[rows.train].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled[rows.train].std(axis=0)[varied], 1, rtol=1e-5)
    assert np.abs(scaled[rows.test].mean(axis=0)).max() > 1e-3


def test_every_epoch_has_its_own_order_of_the_same_rows(digits: Dataset) -> None:
    first, second = (run_data.batch_order(digits.train, 1, epoch) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == digits.train.tolist()
    assert first.tolist() != second.tolist()
    assert first.tolist() == run_data.batch_order(digits.train, 1, 0).tolist()
