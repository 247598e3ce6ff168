"""The compiled epoch: Keras' own `train_step` in one XLA loop over arrays in memory, shared by many runs.

`model.fit` spends most of a small network's time between the steps. Here an epoch is one call: a batch order goes
in, the epoch's metrics come out. What differs between runs of one structure (weights, seed, rates, the strength of
penalties, learning rate) lives in variables that `Program.load` assigns, so a structure is compiled once per process.
"""

import hashlib
import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.python.framework import ops

from ablate.data.dataset import Dataset
from ablate.data.splits import Rows, Split
from ablate.results.identity import sees_shapes
from ablate.settings.run import RunSettings
from ablate.settings.structure import structure
from ablate.training import model as plain_model
from ablate.training.blueprint import Blueprint
from ablate.training.data import Scaling, Tensors
from ablate.training.networks import convolutions, layers, pieces, surgery
from ablate.training.networks.initializers import initializers
from ablate.training.networks.traced import Traced
from ablate.training.scores.evaluation import score_batch

EVALUATION_BATCH = 1024  # at most
SMALL_EVALUATION_BATCH = 64  # of images, so that their patches fit into a processor's cache
TRAIN_SIDE, VALIDATION_SIDE, NO_SIDE = range(3)
Predictions = Mapping[str, npt.NDArray[Any]]
EPOCH_COLUMNS = ("loss", "accuracy", "train_loss", "train_accuracy", "val_loss", "val_accuracy")


def structure_key(settings: RunSettings, dataset: Dataset, rows: Split) -> str:
    """A name for the program that a run uses; it depends on nothing but the run's own settings and data."""
    shape = structure(settings)
    payload = {
        "model": shape.model.model_dump(),
        "batch_size": shape.training.batch_size,
        "remedies": shape.remedies.model_dump(exclude_none=True),
        "data": [str(dataset.x.dtype), *dataset.x.shape, len(dataset.classes)],
        "rows": [len(rows.train), len(rows.validation), len(rows.train_sample)],
        **({"predicts": True} if settings.measured.metrics else {}),
        **({"loss": settings.loss} if settings.loss else {}),
        **({"weighted": True} if settings.training.class_weight is not False else {}),
        **({"example": dataset.shape} if sees_shapes(settings) else {}),
    }
    return json.dumps(payload, sort_keys=True)


class UnsupportedError(Exception):
    """A program's epoch cannot be made this way; says why in words."""


class AlteredError(UnsupportedError):
    """A callback changed what the program, which runs share, is traced from."""

    def __init__(self) -> None:
        super().__init__("a callback changed the model, its optimizer or a setting of Keras")


class Program:
    """A model and its compiled epoch, to be loaded with one run after another.

    Args:
        name: of the structure; see `structure_key`.
        settings: any treatment of the structure.
        features: numbers per example.
        units: of the output.
        xla: compile the epoch with XLA; else TensorFlow executes it as an ordinary graph.
        blueprint: of the user's model, where the structure has one.
        image: see `model.build`.

    Raises:
        UnsupportedError: the model is known not to be worth compiling.

    Attributes:
        model: the Keras model that is trained; its dropout and penalties read variables.
        compile_seconds: time of first epochs, which is spent compiling; 0 before.
    """

    def __init__(
        self,
        name: str,
        settings: RunSettings,
        features: int,
        units: int,
        *,
        xla: bool = True,
        blueprint: Blueprint | None = None,
        image: tuple[int, ...] = (),
    ) -> None:
        self._name = name
        self._by_products = xla and blueprint is not None and blueprint.convolves
        self._blueprint = blueprint
        self._shape = blueprint.shape if blueprint else image or (features,)
        shape = structure(settings)
        self._l1 = tf.Variable(0.0, dtype=layers.variable_dtype(), name="l1")
        self._l2 = tf.Variable(0.0, dtype=layers.variable_dtype(), name="l2")
        self._weights: tf.Variable | None = None
        if shape.training.class_weight is not False:
            self._weights = tf.Variable(np.ones(units), dtype=layers.variable_dtype(), name="class_weights")
        penalties = (None, None) if blueprint else (self._l1, self._l2)  # a builder's may each have their own strength
        self.model = surgery.prepare(plain_model.build(shape, features, units, 0, blueprint, image), *penalties)
        plain_model.compile_model(self.model, shape, jit_compile=False)
        self._batch_size = shape.training.batch_size
        self._scored = SMALL_EVALUATION_BATCH if blueprint and blueprint.convolves else EVALUATION_BATCH
        self._logits = shape.model.logits
        self._predicts = bool(shape.measured.metrics)
        self._only_predicts = shape.is_regression  # and all its scores are computed from that
        self._running = shape.measured.running
        self._dropouts = surgery.dropouts(self.model)
        plain_model.materialize(self.model, self._shape)
        self._initial = [(variable, variable.numpy()) for variable in self._state()]
        self._traced = Traced(self.model)
        self._function = tf.function(self._run_epoch, jit_compile=xla, autograph=False)
        self._epoch: Callable[..., tf.Tensor] | None = None
        self._counts = (0, 0)
        self._inputs: tuple[tf.Tensor, ...] = ()
        self.compile_seconds = 0.0

    @property
    def is_altered(self) -> bool:
        """Whether a callback replaced something in the model that its epoch has taken over or would take over."""
        return not self._traced.is_as_before()

    def _state(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.model.optimizer.variables, *self.model.metrics_variables]

    def load(
        self,
        settings: RunSettings,
        seed: int,
        data: Tensors,
        scaling: Scaling,
        rows: Split,
        class_weights: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """Put a run's initial state in place: nothing of an earlier run remains.

        Args:
            settings: a treatment of this program's structure.
            seed: the replicate's seed.
            data: the data set.
            scaling: of the features.
            rows: the run's split; its sizes are those the program was compiled for.
            class_weights: how much the examples of each class count, where the structure has such weights.
        """
        for variable, value in self._initial:
            variable.assign(value)
        if self._blueprint is not None:
            self._begin(self._blueprint.fresh(seed))
        else:
            self._begin_stack(settings, seed)
        self.model.optimizer.learning_rate.assign(plain_model.learning_rate(settings))
        if self._weights is not None:
            self._weights.assign(class_weights)
        held_out, sides = _evaluation_rows(rows, self._scored)
        self._counts = len(rows.train_sample), len(rows.validation)
        self._inputs = (data.x, scaling.target(data.y), scaling.shift, scaling.factor, held_out, sides)

    def _begin(self, fresh: keras.Model) -> None:
        """Take over the state of a model of the same layers: its weights, and the seeds of everything random."""
        begun = dict(layers.walk(fresh))
        for name, layer in layers.walk(self.model):
            if name in self._dropouts:
                self._dropouts[name].restart(begun[name].rate, begun[name].seed)
                continue
            for variable, other in zip(layer.variables, begun[name].variables, strict=True):
                variable.assign(other)

    def _begin_stack(self, settings: RunSettings, seed: int) -> None:
        """Draw the initial weights of hidden layers, and set their rates and strengths."""
        for name, initializer in initializers(settings, seed).items():
            if name in {layer.name for layer in self.model.layers}:
                kernel = self.model.get_layer(name).kernel
                kernel.assign(initializer(kernel.shape))
        at_input, rates = settings.by_layer("dropout")
        for number, rate in enumerate([at_input, *rates]):
            layer = self._dropouts.get(f"dropout_{number or 'input'}")
            if layer is not None:
                layer.restart(rate, plain_model.dropout_seed(seed, number))
        remedies = settings.remedies
        for piece in pieces.at_the_input(remedies.augmentation, remedies.input_noise, self._shape):
            begun, own = piece.seeded(seed), self.model.get_layer(piece.suffix)
            for variable, other in zip(own.variables, begun.variables, strict=True):
                variable.assign(other)
        self._l1.assign(settings.remedies.l1)
        self._l2.assign(settings.remedies.l2)

    def epoch(self, order: Rows) -> tuple[dict[str, float], Predictions]:
        """Train one epoch of the loaded run and score the result.

        Args:
            order: the training rows in the order of their batches.

        Returns:
            `EPOCH_COLUMNS`: Keras' running loss (with penalty) and accuracy, then both in inference mode and
            without penalty for the training sample and the validation rows; in a regression the running loss alone.
            Then what the network predicts for these, by `train` and `val`, where its runs are scored by more.

        Raises:
            UnsupportedError: at the first epoch: this model cannot be compiled; nothing was trained.
        """
        arguments = (*self._inputs, tf.constant(order))
        columns, *predictions = (self._epoch or self._compile)(*arguments)
        names = self._running if self._only_predicts else EPOCH_COLUMNS
        return dict(zip(names, columns.numpy().tolist(), strict=True)), self._by_side(predictions)

    def _by_side(self, predictions: list[tf.Tensor]) -> Predictions:
        """The predictions for the training sample and for the validation rows, where the program lets them out."""
        if not predictions:
            return {}
        every, (trained, held_out) = predictions[0].numpy(), self._counts
        return {"train": every[:trained], "val": every[trained : trained + held_out]}

    def _compile(self, *arguments: tf.Tensor) -> list[tf.Tensor]:
        """The first epoch, which traces and compiles the program; XLA compiles before it executes anything."""
        started = time.perf_counter()
        try:
            with _named_after(self._name), convolutions.as_products() if self._by_products else nullcontext():
                traced = self._function.get_concrete_function(*arguments)
            found: list[tf.Tensor] = traced(*arguments)
        except Exception as error:
            raise UnsupportedError(_reason(error)) from error
        self._epoch = traced  # kept: looking it up at every call costs a third of a small epoch
        self.compile_seconds += time.perf_counter() - started
        return found

    def _run_epoch(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        shift: tf.Tensor,
        factor: tf.Tensor,
        scored: tf.Tensor,
        sides: tf.Tensor,
        order: tf.Tensor,
    ) -> list[tf.Tensor]:
        scale, dtype = Scaling(shift, factor, self._shape), layers.variable_dtype()

        def batch(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return scale(tf.gather(x, rows)), tf.gather(y, rows)

        def step(rows: tf.Tensor) -> tuple[()]:
            features, labels = batch(rows)
            weights = () if self._weights is None else (tf.gather(self._weights, labels),)
            self.model.train_step((features, labels, *weights))
            return ()

        def score(rows: tf.Tensor, side: tf.Tensor) -> tuple[tf.Tensor, ...]:
            if self._only_predicts:
                return (self.model(batch(rows)[0], training=False),)
            losses, hits, predicted = score_batch(self.model, *batch(rows), logits=self._logits)
            sums = (
                tf.reduce_sum(tf.where(side == number, values, 0.0))
                for number in (TRAIN_SIDE, VALIDATION_SIDE)
                for values in (losses, hits)
            )
            return (*sums, predicted) if self._predicts else tuple(sums)

        for variable in self.model.metrics_variables:
            variable.assign(tf.zeros(variable.shape, variable.dtype))
        _fold(self._batch_size, step, (order,))
        running = self.model.get_metrics_result()
        batches = _batches(sides.shape[0], self._scored)
        answers = [tf.TensorArray(dtype, batches)] if self._predicts else []
        sums = 0 if self._only_predicts else 4
        found = _fold(sides.shape[0] // batches, score, (scored, sides), *[tf.zeros((), dtype)] * sums, *answers)
        totals, predictions = found[:sums], [_flat(array.stack()) for array in found[sums:]]
        counts = [tf.reduce_sum(tf.cast(sides == side, dtype)) for side in (TRAIN_SIDE, VALIDATION_SIDE)]
        scores = [total / counts[place // 2] for place, total in enumerate(totals)]
        columns = [*(running[name] for name in self._running), *scores]
        return [tf.stack([tf.cast(column, dtype) for column in columns]), *predictions]


_traced: Counter[str] = Counter()


@contextmanager
def _named_after(program: str) -> Iterator[None]:
    """Number the functions that TensorFlow makes here by the program, not by what the process made before.

    Their names go into the key of XLA's persistent cache, which would know a program again only where the same ones
    came before it. The counter is internal to TensorFlow (2.21); without it programs are merely compiled anew.
    """
    if not hasattr(ops, "uid"):
        yield
        return
    _traced[program] += 1  # a second copy in one process must not share names with the first
    digest = hashlib.sha256(f"{program} {_traced[program]}".encode()).hexdigest()
    counter, ops.uid = ops.uid, itertools.count(int(digest[:12], 16)).__next__
    try:
        yield
    finally:
        ops.uid = counter


def _reason(error: Exception) -> str:
    """What TensorFlow says is wrong, in a few words: its messages go on for pages."""
    unsupported = re.search(r"on XLA_CPU_JIT: (\w+)", str(error))
    if unsupported:
        return f"XLA has no operation {unsupported[1]}"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _flat(batches: tf.Tensor) -> tf.Tensor:
    """What came of equal batches, row after row."""
    return tf.reshape(batches, (batches.shape[0] * batches.shape[1], *batches.shape[2:]))


def _batches(rows: int, most: int) -> int:
    return -(-rows // most)


def _evaluation_rows(rows: Split, most: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Training sample and validation rows in one sequence, and which of the two each is.

    It is filled up to equal batches, so that XLA compiles the scoring of one batch, and of one only.
    """
    scored = np.concatenate([rows.train_sample, rows.validation])
    sides = np.repeat([TRAIN_SIDE, VALIDATION_SIDE], [len(rows.train_sample), len(rows.validation)])
    missing = -len(scored) % _batches(len(scored), most)
    scored = np.pad(scored, (0, missing))
    sides = np.pad(sides, (0, missing), constant_values=NO_SIDE)
    return tf.constant(scored, tf.int32), tf.constant(sides, tf.int32)


def _fold(
    size: int, step: Callable[..., tuple[tf.Tensor, ...]], rows: tuple[tf.Tensor, ...], *totals: Any
) -> tuple[Any, ...]:
    """Add up what a step returns over batches of rows, in order; the last batch may be smaller.

    Shapes are static: XLA compiles the step once for the full batches and once for a smaller rest.

    Args:
        size: rows in a batch.
        step: from one batch of every tensor in `rows` to summands.
        rows: tensors of equal length.
        totals: where the sums begin; an array of tensors keeps what the step returns of every batch.
    """
    full, rest = divmod(rows[0].shape[0], size)

    def add(position: tf.Tensor, *so_far: Any) -> tuple[Any, ...]:
        found = step(*(tf.slice(each, [position * size], [size]) for each in rows))
        return position + 1, *(_joined(total, part, position) for total, part in zip(so_far, found, strict=True))

    if full:
        _, *sums = tf.while_loop(lambda position, *_: position < full, add, (tf.constant(0), *totals))
        totals = tuple(sums)
    if rest:
        found = step(*(each[full * size :] for each in rows))
        totals = tuple(_joined(total, part, full) for total, part in zip(totals, found, strict=True))
    return totals


def _joined(total: Any, part: tf.Tensor, position: Any) -> Any:
    """What came of the batches before and what comes of the one at a position: added up, or put beside each other."""
    return total.write(position, part) if isinstance(total, tf.TensorArray) else total + part
