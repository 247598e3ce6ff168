"""A data set as tensors, and the split of one seed as rows of it: nothing is copied per run."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from sklearn.model_selection import train_test_split

from ablate.errors import Problem, StudyError
from ablate.study.settings import Data
from ablate.study.sources import Dataset
from ablate.training.seeds import Stream, derive

LARGEST_TRAIN_SAMPLE = 10_000
PROBE_ROWS = 1_000

Rows = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Split:
    """Which rows of the data set a run uses for what.

    Attributes:
        train: rows to train on.
        validation: held-out rows scored after every epoch; the test set under `validation = "test"`.
        test: rows scored once, with the kept weights.
        train_sample: rows of `train` scored after every epoch, at most 10,000.
        probe: rows of `train` whose activations are looked at, at most 1,000.
    """

    train: Rows
    validation: Rows
    test: Rows
    train_sample: Rows
    probe: Rows


@dataclass(frozen=True)
class Tensors:
    """A data set in TensorFlow's memory, shared by all runs of a process.

    Attributes:
        x: features as stored, shape (n, features), uint8 or float32.
        y: class indices, shape (n,), int32.
    """

    x: tf.Tensor
    y: tf.Tensor


@dataclass(frozen=True)
class Scaling:
    """What features go through before the first layer: `(x - shift) * factor`, each of shape (features,)."""

    shift: tf.Tensor
    factor: tf.Tensor

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Scaled features, shape (n, features), float32."""
        return (tf.cast(x, tf.float32) - self.shift) * self.factor


def split(dataset: Dataset, data: Data, seed: int) -> Split:
    """Divide a data set for one seed; the same for every treatment of a replicate.

    Raises:
        StudyError: the training part is too small for what `[data]` asks.
    """
    train = dataset.train
    if data.train_size is not None and data.train_size < len(train):
        train, _ = _stratified(dataset, train, data.train_size, derive(seed, Stream.SUBSET), "train_size")
    if data.validation == "test":
        validation = dataset.test
    else:
        rest = len(train) - max(1, round(len(train) * data.validation))
        train, validation = _stratified(dataset, train, rest, derive(seed, Stream.SPLIT), "validation")
    sampler = np.random.default_rng(derive(seed, Stream.SAMPLE))
    sample = np.sort(sampler.permutation(train)[:LARGEST_TRAIN_SAMPLE])
    return Split(train, validation, dataset.test, sample, np.sort(sampler.permutation(train)[:PROBE_ROWS]))


def _stratified(dataset: Dataset, rows: Rows, size: int, seed: int, key: str) -> tuple[Rows, Rows]:
    try:
        parts = train_test_split(rows, train_size=size, stratify=dataset.y[rows], random_state=seed)
    except ValueError as error:
        raise StudyError("data", [Problem(f"data.{key}", f"no stratified split: {error}")]) from None
    kept, other = (np.sort(part) for part in parts)
    return kept, other


def tensors(dataset: Dataset) -> Tensors:
    """The arrays of a data set as tensors."""
    return Tensors(tf.constant(dataset.x), tf.constant(dataset.y))


def scaling(dataset: Dataset, train: Rows) -> Scaling:
    """How the features of a run are scaled; standardization looks at its training rows alone."""
    features = dataset.x.shape[1]
    shift: npt.NDArray[Any] = np.zeros(features, np.float32)
    factor: npt.NDArray[Any] = np.full(features, 1 / dataset.divisor, np.float32)
    if dataset.scale == "standard":
        values = dataset.x[train].astype(np.float64)
        sd = values.std(axis=0)
        shift = values.mean(axis=0).astype(np.float32)
        factor = np.where(sd > 0, 1 / np.where(sd > 0, sd, 1), 0).astype(np.float32)
    return Scaling(tf.constant(shift), tf.constant(factor))


def batch_order(train: Rows, seed: int, epoch: int) -> Rows:
    """The order in which an epoch (from 0) visits the training rows; the same for every treatment of a replicate."""
    return np.random.default_rng(derive(seed, Stream.ORDER, epoch)).permutation(train)
