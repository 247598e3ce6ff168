"""One run, and everything that its trainers need for it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ablate.data.dataset import Dataset
from ablate.data.splits import Rows, Split
from ablate.results.record import TrainerName
from ablate.settings.run import RunSettings
from ablate.training import data as run_data
from ablate.training.blueprint import Blueprint
from ablate.training.data import Scaling, Tensors
from ablate.training.program import structure_key

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        key: of the run.
        settings: of its treatment.
        seed: its replicate's.
        dataset: its data, as networks take it.
        data: the same as tensors.
        rows: its split.
        scaling: of the features, and of a number that is learned.
        tick: called with the number of epochs done after each; what it raises ends the run.
        keep: given the kept weights.
        start: the weights to start from, instead of freshly drawn ones.
        blueprint: of the user's model, unless it is one of hidden layers.
        measured: why its structure is trained as it is, where that was measured.
        class_weights: how much the examples of each class count in the loss, shape (classes,); `None`: all alike.
    """

    key: str
    settings: RunSettings
    seed: int
    dataset: Dataset
    data: Tensors
    rows: Split
    scaling: Scaling
    tick: Callable[[int], None]
    keep: Callable[[Mapping[str, Array]], None] | None
    start: Mapping[str, Array] | None
    blueprint: Blueprint | None
    measured: str = ""
    class_weights: npt.NDArray[np.float64] | None = None

    def order(self, epoch: int) -> Rows:
        """The training rows in the order of an epoch's batches."""
        return run_data.batch_order(self.rows.train, self.seed, epoch)

    def program_key(self, trainer: TrainerName) -> str:
        """Equal for runs that share a compiled program."""
        return f"{trainer} {structure_key(self.settings, self.dataset, self.rows)}"

    @property
    def positive(self) -> int:
        """The index of the class that scores of two classes are about."""
        return self.dataset.positive(self.settings.data.positive)

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.rows.train) // self.settings.training.batch_size)

    def batches(self) -> Iterator[tuple[tf.Tensor, ...]]:
        """The batches of the compiled epoch, in the same order, one epoch after the other; with weights if it has any.

        Weights are not left to `fit`, which takes no class weights of what brings batches one by one.
        """
        weights = None if self.class_weights is None else tf.constant(self.class_weights, self.scaling.shift.dtype)
        size = self.settings.training.batch_size
        for epoch in range(self.settings.training.epochs):
            order = self.order(epoch)
            for start in range(0, len(order), size):
                features, labels = self.data.take(order[start : start + size])
                own = () if weights is None else (tf.gather(weights, labels),)
                yield self.scaling(features), self.scaling.target(labels), *own
