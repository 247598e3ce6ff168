"""A data set as tensors that all runs of a process share; splits are rows of it, and nothing is copied per run."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ablate.data import ondisk
from ablate.data.dataset import ALIGNMENT, Dataset
from ablate.data.ondisk import OnDisk
from ablate.data.readers import Features
from ablate.data.splits import Rows
from ablate.settings.seeds import Stream, derive
from ablate.training.networks import layers


@dataclass(frozen=True)
class Tensors:
    """A data set in TensorFlow's memory, shared by all runs of a process.

    Attributes:
        x: features as stored, shape (n, features), uint8 or float32; those that are too large stay on disk.
        y: class indices, shape (n,), int32; or the numbers that are learned, float64, in their own unit.
    """

    x: tf.Tensor | OnDisk
    y: tf.Tensor

    def take(self, rows: Rows) -> tuple[tf.Tensor, tf.Tensor]:
        """Features and labels of some rows."""
        x = tf.constant(self.x[rows]) if isinstance(self.x, OnDisk) else tf.gather(self.x, rows)
        return x, tf.gather(self.y, rows)


@dataclass(frozen=True)
class Standard:
    """What the target of a regression goes through before a network learns it, and its predictions on the way back.

    Attributes:
        mean, sd: of the run's training rows, in the target's own unit; 0 and 1 for class indices, which stay.
    """

    mean: float = 0.0
    sd: float = 1.0

    def __call__(self, y: tf.Tensor) -> tf.Tensor:
        """The target as a network learns it, in the type of weights; class indices stay as they are."""
        return tf.cast((y - self.mean) / self.sd, layers.variable_dtype()) if y.dtype == tf.float64 else y

    def restored(self, predicted: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """What a network predicts, in the target's own unit."""
        return np.asarray(predicted, dtype=np.float64) * self.sd + self.mean


@dataclass(frozen=True)
class Scaling:
    """What features go through before the first layer, and the target of a regression before it is learned.

    Attributes:
        shift: subtracted first; shape (features,).
        factor: multiplied with what is left, likewise.
        shape: of one example, as the network takes it.
        words: what is done, in words.
        pivots: what was taken away from the features before, in float64; see `Dataset.pivots`.
        target: of a regression.
    """

    shift: tf.Tensor
    factor: tf.Tensor
    shape: tuple[int, ...]
    words: str = ""
    pivots: npt.NDArray[np.float64] | None = None
    target: Standard = Standard()

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Scaled features, shape (n, *shape), in the type of `shift`."""
        scaled = (tf.cast(x, self.shift.dtype) - self.shift) * self.factor
        return tf.reshape(scaled, (-1, *self.shape)) if len(self.shape) > 1 else scaled


def standard(dataset: Dataset, train: Rows) -> Standard:
    """The mean and standard deviation of the target in the training rows of a run, computed in float64."""
    if dataset.task == "classification":
        return Standard()
    values = dataset.y[train]
    return Standard(float(values.mean()), float(values.std()) or 1.0)


def tensors(dataset: Dataset) -> Tensors:
    """The arrays of a data set as tensors; the features share the memory of the data set if it is aligned."""
    if isinstance(dataset.x, OnDisk):
        return Tensors(dataset.x, tf.constant(dataset.y))
    aligned = dataset.x.ctypes.data % ALIGNMENT == 0  # TensorFlow aborts on shared memory that is not
    x = tf.experimental.dlpack.from_dlpack(dataset.x.__dlpack__()) if aligned else tf.constant(dataset.x)
    return Tensors(x, tf.constant(dataset.y))


def scaling(dataset: Dataset, train: Rows, shape: tuple[int, ...] | None = None) -> Scaling:
    """How a run is scaled, features in the type of weights; standardization looks at its training rows alone.

    Args:
        dataset: the data.
        train: rows of the training part.
        shape: of one example, as the network takes it; a row of numbers by default.
    """
    features, dtype = dataset.x.shape[1], layers.variable_dtype()
    shift: npt.NDArray[Any] = np.zeros(features, dtype)
    factor: npt.NDArray[Any] = np.full(features, 1 / dataset.divisor, dtype)
    standardized = _standardized(dataset)
    if standardized.any():
        mean, sd = _mean_and_sd(dataset.x, train)
        shift = np.where(standardized, mean.astype(dtype), shift)
        inverse = np.where(sd > 0, 1 / np.where(sd > 0, sd, 1), 0).astype(dtype)
        factor = np.where(standardized, inverse, factor)
    shift, factor, shape = tf.constant(shift), tf.constant(factor), shape or (features,)
    return Scaling(shift, factor, shape, dataset.scaling, dataset.pivots, standard(dataset, train))


def _standardized(dataset: Dataset) -> npt.NDArray[np.bool_]:
    """Which features are brought to mean 0 and deviation 1: all or none, but what is 0 or 1 stays so.

    A feature with a pivot is always standardized: without its offset it is not what it was in the data anyway.
    """
    found = np.full(dataset.x.shape[1], dataset.scale == "standard")
    if dataset.pivots is not None:
        found |= dataset.pivots != 0
    return found if dataset.binary is None else found & ~dataset.binary


def _mean_and_sd(x: Features, rows: Rows) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    if isinstance(x, OnDisk):
        return ondisk.mean_and_sd(x, rows)
    values = x[rows].astype(np.float64)
    return values.mean(axis=0), values.std(axis=0)


def batch_order(train: Rows, seed: int, epoch: int) -> Rows:
    """The order in which an epoch (from 0) visits the training rows; the same for every treatment of a replicate."""
    return np.random.default_rng(derive(seed, Stream.ORDER, epoch)).permutation(train)
