"""The compiled epoch: Keras' own `train_step` in one XLA loop over arrays in memory, shared by many runs.

`model.fit` spends most of a small network's time between the steps. Here an epoch is one call: a batch order goes
in, the epoch's metrics come out. What differs between runs of one structure (weights, seed, rates, L2 strength,
learning rate) lives in variables that `Program.load` assigns, so a structure is compiled once per process.
"""

import json
import time
from collections.abc import Callable

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ablate.study.levels import plain
from ablate.study.settings import RunSettings
from ablate.study.sources import Dataset
from ablate.study.splits import Split
from ablate.training import model as plain_model
from ablate.training import surgery
from ablate.training.data import Scaling, Tensors
from ablate.training.evaluation import score_batch

EVALUATION_BATCH = 1024
EPOCH_COLUMNS = ("loss", "accuracy", "train_loss", "train_accuracy", "val_loss", "val_accuracy")


def structure(settings: RunSettings) -> RunSettings:
    """The settings of a treatment with everything blanked that a compiled program reads from variables.

    Treatments with the same structure, data and split sizes share a program.
    """
    layers = len(settings.model.hidden)
    at_input = "dropout" in settings.model.input_block
    placeholder = 0.5  # any rate but 0: it gives every dropout piece of the block a layer
    optimizer = {key: value for key, value in plain(settings.remedies.optimizer).items() if key != "learning_rate"}
    norm_input, norms = settings.by_layer("batch_norm")
    raw = settings.model_dump(exclude_none=True)
    raw["training"] = {"epochs": 1, "batch_size": settings.training.batch_size}
    raw["remedies"] = {
        "init": {"name": "zeros"},
        "batch_norm": [norm_input, *norms] if "batch_norm" in settings.model.input_block else norms,
        "optimizer": optimizer,
        "dropout": [placeholder] * (layers + at_input),
        "l2": 1.0,
        "early_stopping": False,
    }
    return RunSettings.model_validate(raw)


def structure_key(settings: RunSettings, dataset: Dataset, rows: Split) -> str:
    """A name for the program that a run uses; it depends on nothing but the run's own settings and data."""
    shape = structure(settings)
    payload = {
        "model": shape.model.model_dump(),
        "batch_size": shape.training.batch_size,
        "batch_norm": shape.remedies.batch_norm,
        "optimizer": plain(shape.remedies.optimizer),
        "data": [str(dataset.x.dtype), *dataset.x.shape, len(dataset.classes)],
        "rows": [len(rows.train), len(rows.validation), len(rows.train_sample)],
    }
    return json.dumps(payload, sort_keys=True)


class Program:
    """A model and its compiled epoch, to be loaded with one run after another.

    Args:
        settings: any treatment of the structure.
        features: numbers per example.
        classes: units of the output.

    Attributes:
        model: the Keras model that is trained; its dropout and L2 read variables.
        compile_seconds: time of the first epoch, which XLA spends compiling; 0 before.
    """

    def __init__(self, settings: RunSettings, features: int, classes: int) -> None:
        shape = structure(settings)
        self._l2 = tf.Variable(0.0, dtype=tf.float32, name="l2")
        self.model = surgery.prepare(plain_model.build(shape, features, classes, seed=0), self._l2)
        plain_model.compile_model(self.model, shape, jit_compile=False)
        self._batch_size = shape.training.batch_size
        self._dropouts = surgery.dropouts(self.model)
        plain_model.materialize(self.model)
        self._initial = [(variable, variable.numpy()) for variable in self._state()]
        self._function = tf.function(self._run_epoch, jit_compile=True, autograph=False)
        self._epoch: Callable[..., tf.Tensor] | None = None
        self.compile_seconds = 0.0

    def _state(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.model.optimizer.variables, *self.model.metrics_variables]

    def load(self, settings: RunSettings, seed: int) -> None:
        """Put a run's initial state in place: nothing of an earlier run remains.

        Args:
            settings: a treatment of this program's structure.
            seed: the replicate's seed.
        """
        for variable, value in self._initial:
            variable.assign(value)
        for name, initializer in plain_model.initializers(settings, seed).items():
            if name in {layer.name for layer in self.model.layers}:
                kernel = self.model.get_layer(name).kernel
                kernel.assign(initializer(kernel.shape))
        at_input, rates = settings.by_layer("dropout")
        for number, rate in enumerate([at_input, *rates]):
            layer = self._dropouts.get(f"dropout_{number or 'input'}")
            if layer is not None:
                layer.restart(rate, plain_model.dropout_seed(seed, number))
        self._l2.assign(settings.remedies.l2)
        self.model.optimizer.learning_rate.assign(plain_model.learning_rate(settings))

    def epoch(self, data: Tensors, scaling: Scaling, rows: Split, order: npt.NDArray[np.int32]) -> dict[str, float]:
        """Train one epoch and score the result.

        Args:
            data: the data set.
            scaling: of the features.
            rows: the run's split; its sizes are those the program was compiled for.
            order: the training rows in the order of their batches.

        Returns:
            `EPOCH_COLUMNS`: Keras' running loss (with penalty) and accuracy, then both in inference mode and
            without penalty for the training sample and the validation rows.
        """
        started = time.perf_counter()
        arguments = (
            data.x,
            data.y,
            scaling.shift,
            scaling.factor,
            tf.constant(order),
            tf.constant(rows.train_sample),
            tf.constant(rows.validation),
        )
        if self._epoch is None:  # the one trace, kept: looking it up at every call costs a third of a small epoch
            self._epoch = self._function.get_concrete_function(*arguments)
        columns = self._epoch(*arguments).numpy()
        if not self.compile_seconds:
            self.compile_seconds = time.perf_counter() - started
        return dict(zip(EPOCH_COLUMNS, columns.tolist(), strict=True))

    def _run_epoch(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        shift: tf.Tensor,
        factor: tf.Tensor,
        order: tf.Tensor,
        train_sample: tf.Tensor,
        validation: tf.Tensor,
    ) -> tf.Tensor:
        scale = Scaling(shift, factor)

        def batch(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return scale(tf.gather(x, rows)), tf.gather(y, rows)

        for variable in self.model.metrics_variables:
            variable.assign(tf.zeros(variable.shape, variable.dtype))
        _fold(order, self._batch_size, lambda rows: (self.model.train_step(batch(rows)), ())[1])
        running = self.model.get_metrics_result()
        scores = [running["loss"], running["accuracy"]]
        for rows in (train_sample, validation):
            totals = _fold(
                rows, EVALUATION_BATCH, lambda part: score_batch(self.model, *batch(part)), tf.zeros(()), tf.zeros(())
            )
            scores += [total / rows.shape[0] for total in totals]
        return tf.stack([tf.cast(score, tf.float32) for score in scores])


def _fold(
    rows: tf.Tensor, size: int, step: Callable[[tf.Tensor], tuple[tf.Tensor, ...]], *totals: tf.Tensor
) -> tuple[tf.Tensor, ...]:
    """Add up what a step returns over batches of rows, in order; the last batch may be smaller.

    Shapes are static: XLA compiles the step once for the full batches and once for a smaller rest.
    """
    full, rest = divmod(rows.shape[0], size)

    def add(position: tf.Tensor, *so_far: tf.Tensor) -> tuple[tf.Tensor, ...]:
        found = step(tf.slice(rows, [position * size], [size]))
        return position + 1, *(total + part for total, part in zip(so_far, found, strict=True))

    if full:
        _, *sums = tf.while_loop(lambda position, *_: position < full, add, (tf.constant(0), *totals))
        totals = tuple(sums)
    if rest:
        totals = tuple(total + part for total, part in zip(totals, step(rows[full * size :]), strict=True))
    return totals
