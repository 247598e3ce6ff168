"""One run trained twice, for the tests of parity: by the package, and by Keras' own `fit` fed the same batches."""

import functools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import sklearn.metrics
import tensorflow as tf

from ablate.data import sources, splits
from ablate.data.sources import Dataset
from ablate.data.splits import Rows
from ablate.results.record import Probe, TrainerName
from ablate.settings.levels import EarlyStopping
from ablate.settings.run import Data, RunSettings
from ablate.studies import spec
from ablate.training import callbacks, trainer
from ablate.training import data as run_data
from ablate.training import model as plain_model
from ablate.training.networks import layers, surgery
from ablate.training.workshop import Workshop
from tests.conftest import STUDIES

Array = npt.NDArray[Any]
Sections = Mapping[str, Mapping[str, Any]]

SEED = 1
SMALL: Sections = {
    "study": {"name": "parity"},
    "data": {"source": "digits", "train_size": 250},
    "model": {"hidden": [8]},
    "training": {"epochs": 3},
}
ROUNDING = 2.0**-24  # of float32, relative
LONGEST_SUM = (
    256  # numbers that a step adds up one after the other at most: 64 pixels, units, rows of a batch; and back
)

_workshop = Workshop(capacity=8)


@dataclass(frozen=True)
class Trained:
    """What a training comes to: its history, the probabilities of the test set's classes, and what layers look like."""

    history: Mapping[str, list[float]]
    predictions: Array
    probes: tuple[Probe, ...] = ()


def in_float64() -> None:
    """Prepare a process of its own: everything that Keras makes in it is float64."""
    sys.path.append(str(STUDIES))
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")  # of layers, which Keras fixes when it makes the first
    tf.get_logger().setLevel("ERROR")


def rounding(steps: int) -> float:
    """How far apart two float32 programs may be, relatively, that train the same network by plain SGD.

    In a step a number passes through fewer than `LONGEST_SUM` operations, each of which rounds it by at most
    `ROUNDING`, in whatever order a processor does them (Higham 2002, "Accuracy and Stability of Numerical
    Algorithms", section 3.1), and SGD at a small rate does not push neighbours apart. So the roundings of all steps
    add up at most; as a rule they add up as the square root of their number, and the rest is room for sums that are
    smaller than what they are made of. What divides by small numbers, as batch norm and Adam do, enlarges rounding
    without such a bound and is compared in float64. Accuracies have none, either: the smallest difference may decide
    between two classes.
    """
    return 2 * steps * LONGEST_SUM * ROUNDING


def settings_of(sections: Sections) -> RunSettings:
    """A small network on 200 rows, so that the last of its batches has 8 instead of 32; sections change that."""
    names = SMALL.keys() | sections.keys()
    document = {name: {**SMALL.get(name, {}), **sections.get(name, {})} for name in names}
    if "builder" in document["model"]:
        del document["model"]["hidden"]
    return spec.build(document, Path("ablations.toml")).base


@functools.cache
def _dataset(name: str) -> Dataset:
    return sources.load(Data(source=name), Path())


def by_the_package(settings: RunSettings, name: TrainerName = "compiled", workshop: Workshop = _workshop) -> Trained:
    """The run as a study trains it."""
    dataset = _dataset(settings.data.source)
    test = _features(dataset, settings)[dataset.test]
    predictions: list[Array] = []

    class Predict(keras.callbacks.Callback):
        def on_train_end(self, logs: Any = None) -> None:
            examples = test.reshape(-1, *self.model.input_shape[1:])
            predictions.append(self.model(examples, training=False).numpy())

    record = trainer.train(
        "k", settings, SEED, dataset, workshop, trainer=name, callbacks=lambda: [Predict()], folder=STUDIES
    )
    assert record.trainer == name
    return Trained(record.history, predictions[0], record.probes)


class Scores(keras.callbacks.Callback):
    """The columns in inference mode, by numpy."""

    def __init__(self, x: Array, y: Array, parts: Mapping[str, Rows]) -> None:
        super().__init__()
        self._parts = {name: (x[rows], y[rows]) for name, rows in parts.items()}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for name, (x, y) in self._parts.items():
            predicted = self.model(x, training=False).numpy()
            logs[f"{name}_loss"] = float(-np.log(predicted[np.arange(len(y)), y]).mean())
            logs[f"{name}_accuracy"] = float((predicted.argmax(axis=1) == y).mean())


class Errors(keras.callbacks.Callback):
    """The columns of a regression in the unit of its target, by numpy and scikit-learn."""

    def __init__(self, x: Array, y: Array, parts: Mapping[str, Rows], loss: str | None) -> None:
        super().__init__()
        self._parts = {name: (x[rows], y[rows]) for name, rows in parts.items()}
        self._mean, self._sd, self._loss = y[parts["train"]].mean(), y[parts["train"]].std(), loss

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        sd = self._sd
        logs["loss"] *= sd if self._loss == "mae" else sd**2
        for name, (x, y) in self._parts.items():
            predicted = self.model(x, training=False).numpy()[:, 0] * sd + self._mean
            off = np.abs(predicted - y)
            losses = {"mse": off**2, "mae": off, "huber": np.where(off <= sd, off**2 / 2, sd * off - sd**2 / 2)}
            logs[f"{name}_loss"] = float(losses[self._loss or ""].mean())
            logs[f"{name}_mae"] = sklearn.metrics.mean_absolute_error(y, predicted)
            logs[f"{name}_rmse"] = sklearn.metrics.root_mean_squared_error(y, predicted)
            logs[f"{name}_r2"] = sklearn.metrics.r2_score(y, predicted)


def by_plain_fit(settings: RunSettings) -> Trained:
    """The run by `model.fit` without XLA. Features and scores are numpy's; dropouts draw the package's masks."""
    dataset = _dataset(settings.data.source)
    rows = splits.split(dataset, settings.data, SEED)
    x, y = _features(dataset, settings), dataset.y
    parts = {"train": rows.train, "val": rows.validation}
    scores = Errors(x, y, parts, settings.loss) if settings.is_regression else Scores(x, y, parts)
    if settings.is_regression:
        y = ((y - y[rows.train].mean()) / y[rows.train].std()).astype(x.dtype)
    model = _with_our_masks(plain_model.build(settings, x.shape[1], len(dataset.classes) or 1, SEED), settings)
    plain_model.compile_model(model, settings, jit_compile=False)
    epochs, remedies = settings.training.epochs, settings.remedies
    fitted = model.fit(
        _batches(x, y, rows.train, settings),
        epochs=epochs,
        steps_per_epoch=-(-len(rows.train) // settings.training.batch_size),
        shuffle=False,
        verbose=0,
        class_weight=_class_weight(settings, dataset),
        callbacks=[
            scores,
            *callbacks.schedule(remedies.learning_rate_schedule, plain_model.learning_rate(settings), epochs),
            *_stopping(remedies.early_stopping),
        ],
    )
    return Trained(fitted.history, model(x[dataset.test], training=False).numpy())


def _features(dataset: Dataset, settings: RunSettings) -> Array:
    x = dataset.x.astype(np.float64)
    if dataset.scale == "standard":
        train = x[splits.split(dataset, settings.data, SEED).train]
        x = (x - train.mean(axis=0)) / train.std(axis=0)
    return (x / dataset.divisor).astype(keras.config.floatx())


def _class_weight(settings: RunSettings, dataset: Dataset) -> dict[int, float] | None:
    """A table of weights as `fit` takes it, which wants all classes."""
    level = settings.training.class_weight
    if not isinstance(level, dict):
        return None
    return {index: level.get(name, 1.0) for index, name in enumerate(dataset.classes)}


def _batches(x: Array, y: Array, train: Rows, settings: RunSettings) -> tf.data.Dataset:
    """The batches of all epochs, one epoch after the other."""
    orders = [run_data.batch_order(train, SEED, epoch) for epoch in range(settings.training.epochs)]
    epochs = [tf.data.Dataset.from_tensor_slices((x[order], y[order])) for order in orders]
    batches = [epoch.batch(settings.training.batch_size) for epoch in epochs]
    return functools.reduce(tf.data.Dataset.concatenate, batches)


def _with_our_masks(model: keras.Model, settings: RunSettings) -> keras.Model:
    copy = surgery.prepare(model, None, None)
    layers.put_weights(copy, layers.weights_by_layer(model))
    for number, layer in enumerate(surgery.dropouts(copy).values(), 1):
        layer.restart(settings.remedies.dropout, plain_model.dropout_seed(SEED, number))
    return copy


def _stopping(level: EarlyStopping | bool) -> list[keras.callbacks.Callback]:
    if not isinstance(level, EarlyStopping):
        return []
    mode = "max" if "accuracy" in level.monitor or "r2" in level.monitor else "min"
    rules = {"monitor": level.monitor, "patience": level.patience, "mode": mode}
    return [keras.callbacks.EarlyStopping(**rules, restore_best_weights=True)]


def apart(ours: Trained, theirs: Trained) -> float:
    """The largest relative difference of a number of two trainings; infinite if one has more epochs."""
    names = ours.history.keys() - {"gap", "seconds"}
    assert names <= theirs.history.keys()
    pairs: list[tuple[Any, Any]] = [(ours.history[name], theirs.history[name]) for name in names]
    pairs.append((ours.predictions, theirs.predictions))
    if theirs.probes:
        pairs.append(([probe.sd for probe in ours.probes], [probe.sd for probe in theirs.probes]))
    return max(_relative(np.asarray(one), np.asarray(other)) for one, other in pairs)


def _relative(one: Array, other: Array) -> float:
    if one.shape != other.shape:
        return np.inf
    different = one != other
    return float(np.max(np.abs(one - other)[different] / np.abs(other)[different], initial=0.0))


def distance(sections: Sections, name: TrainerName = "compiled", mistake: str = "") -> float:
    """How far a run of the package, made with a mistake if one is named, is from the same run by plain `fit`."""
    settings = settings_of(sections)
    with pytest.MonkeyPatch.context() as patch:
        if mistake:
            MISTAKES[mistake](patch)
        ours = by_the_package(settings, name, Workshop() if mistake else _workshop)
    return apart(ours, by_plain_fit(settings))


def distance_between(sections: Sections, one: TrainerName, other: TrainerName) -> float:
    """How far two trainers of the package are from each other, in what they say of the layers too."""
    settings = settings_of(sections)
    return apart(by_the_package(settings, one), by_the_package(settings, other))


def _two_rows_change_places(patch: pytest.MonkeyPatch) -> None:
    def order(train: Rows, seed: int, epoch: int) -> Rows:
        rows = in_order(train, seed, epoch)
        rows[[0, -1]] = rows[[-1, 0]]
        return rows

    in_order = run_data.batch_order
    patch.setattr(run_data, "batch_order", order)


def _another_rate_in_the_last_batch(patch: pytest.MonkeyPatch) -> None:
    def train_step(model: keras.Model, batch: tuple[tf.Tensor, tf.Tensor]) -> Any:
        rate = tf.convert_to_tensor(model.optimizer.learning_rate)
        if batch[1].shape[0] == 8:
            model.optimizer.learning_rate.assign(rate * 1.001)
        logs = step(model, batch)
        model.optimizer.learning_rate.assign(rate)
        return logs

    step = keras.Model.train_step
    patch.setattr(keras.Model, "train_step", train_step)


def _no_bias_correction(patch: pytest.MonkeyPatch) -> None:
    def build(optimizer: keras.optimizers.Adam, variables: Any) -> None:
        build_as_ever(optimizer, variables)
        optimizer.iterations.assign(10**6)  # after so many the correction is 1

    build_as_ever = keras.optimizers.Adam.build
    patch.setattr(keras.optimizers.Adam, "build", build)


MISTAKES: Mapping[str, Callable[[pytest.MonkeyPatch], None]] = {
    "two rows change places": _two_rows_change_places,
    "another rate in the last batch": _another_rate_in_the_last_batch,
    "no bias correction": _no_bias_correction,
}
