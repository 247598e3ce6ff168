"""Examples of the test set that are in the training part as well: what a network knows by heart looks like learning."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ablate.data import ondisk
from ablate.data.dataset import Dataset
from ablate.data.readers import Features

_BLOCK = 2**22  # bytes of rows that are looked at together; some of that size are in memory at once
_SEED = 0
_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd; the golden ratio's fraction of 2^64
_HALF = np.uint64(32)

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Shared:
    """How much of a test set is in the training part, feature by feature the same.

    Attributes:
        rows: of the test set that the training part has as well.
        other_label: those of them that the training part has with other labels, or other numbers to predict, alone.
        of: rows of the test set.
    """

    rows: int
    other_label: int
    of: int


def shared_rows(dataset: Dataset) -> Shared:
    """Count the rows of the test set that are in the training part too; 8 bytes a row are kept meanwhile."""
    hashes = np.concatenate([_hashes(block) for block in _blocks(dataset.x)])
    train, test = hashes[dataset.train], hashes[dataset.test]
    order = np.argsort(train, kind="stable")
    place = np.minimum(np.searchsorted(train, test, sorter=order), len(train) - 1)
    twins = dataset.train[order[place]]
    alike = np.flatnonzero(hashes[twins] == test)
    alike = alike[_equal(dataset.x, dataset.test[alike], twins[alike])]
    labels = dataset.y.view(np.uint64) if dataset.y.dtype.kind == "f" else dataset.y.astype(np.uint64)
    labelled = _mixed(hashes + labels)
    same_label = np.isin(labelled[dataset.test[alike]], labelled[dataset.train])
    return Shared(len(alike), int(np.sum(~same_label)), len(dataset.test))


def _blocks(x: Features) -> Iterator[npt.NDArray[Any]]:
    for chunk in ondisk.chunks(x):
        step = max(1, _BLOCK // max(1, chunk[:1].nbytes))
        for start in range(0, len(chunk), step):
            yield chunk[start : start + step]


def _hashes(rows: npt.NDArray[Any]) -> Hashes:
    """A 64-bit number for every row: equal for equal values, and different for others but for a chance of 2^-64."""
    values = np.ascontiguousarray(rows + rows.dtype.type(0))  # 0 and -0 are equal
    if values.dtype.kind == "f":
        values[np.isnan(values)] = np.nan  # what is missing in a table, in one of its spellings
    width = values.shape[1] * values.itemsize
    words = np.zeros((len(values), -(-width // 8) * 8), np.uint8)
    words[:, :width] = values.view(np.uint8).reshape(len(values), width)
    numbers = words.view(np.uint64)
    weights = np.random.default_rng(_SEED).integers(0, 2**64, (2, numbers.shape[1]), np.uint64)
    return _mixed((_mixed(numbers ^ weights[0]) * (weights[1] | np.uint64(1))).sum(axis=1, dtype=np.uint64))


def _mixed(numbers: Hashes) -> Hashes:
    """Numbers in which every bit depends on those below and above it."""
    numbers = (numbers ^ (numbers >> _HALF)) * _MIX
    return numbers ^ (numbers >> _HALF)


def _equal(x: Features, first: npt.NDArray[np.int32], second: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Whether rows are equal, pair by pair; what is missing in both is."""
    step = max(1, _BLOCK // max(1, x.shape[1] * x.dtype.itemsize))
    found = np.zeros(len(first), np.bool_)
    for start in range(0, len(first), step):
        one, other = x[first[start : start + step]], x[second[start : start + step]]
        found[start : start + step] = np.all((one == other) | ((one != one) & (other != other)), axis=1)  # noqa: PLR0124
    return found
