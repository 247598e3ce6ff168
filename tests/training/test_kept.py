"""All figures of a record are of the weights that the run is left with, whatever a callback did to them."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from ablate.data.sources import Dataset
from ablate.data.splits import split
from ablate.results.record import KEPT_EPOCH, Record, TrainerName
from ablate.settings.run import RunSettings
from ablate.training import data as run_data
from ablate.training import saving, trainer
from ablate.training.workshop import Workshop
from tests.conftest import study_of

SEED = 1
COARSE = {
    "model": {"hidden": [8]},
    "training": {"epochs": 6},
    "underfitting": {"optimizer": {"name": "adam", "learning_rate": 0.05}},
}
SCORED = [f"{side}_{what}" for side in ("train", "val", "test") for what in ("loss", "accuracy")]
Callbacks = Callable[[], list[keras.callbacks.Callback]]


class At(keras.callbacks.Callback):
    """Does something to the model in one hook."""

    def __init__(self, hook: str, do: Callable[[keras.Model, int], None]) -> None:
        super().__init__()
        self._hook, self._do = hook, do

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._hook == "on_epoch_begin":
            self._do(self.model, epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._hook == "on_epoch_end":
            self._do(self.model, epoch)

    def on_train_end(self, logs: Any = None) -> None:
        if self._hook == "on_train_end":
            self._do(self.model, -1)


class Returning(keras.callbacks.Callback):
    """Brings back, in the end, the weights of one epoch, layer by layer; -1: those before the first."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._epoch = epoch

    def _note(self) -> None:
        self._weights = [(layer, layer.get_weights()) for layer in self.model.layers if layer.name.startswith("dense")]

    def on_train_begin(self, logs: Any = None) -> None:
        if self._epoch == -1:
            self._note()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == self._epoch:
            self._note()
            self._weights.append((self.model.layers[-1], self.model.layers[-1].get_weights()))

    def on_train_end(self, logs: Any = None) -> None:
        for layer, weights in self._weights:
            layer.set_weights(weights)


class Averaging(keras.callbacks.SwapEMAWeights):
    """Keras' own, which wants an optimizer that keeps an average."""

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        optimizer = keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.5)
        replace_optimizer(model, optimizer)


def replace_optimizer(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], jit_compile=False)


def prune(model: keras.Model, epoch: int) -> None:
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            layer.kernel.assign(keras.ops.where(keras.ops.abs(layer.kernel) < 0.2, 0.0, layer.kernel))


def break_it(model: keras.Model, epoch: int) -> None:
    kernel = model.layers[-1].kernel
    kernel.assign(kernel * np.nan)


def own_stopping(**rules: Any) -> Callbacks:
    return lambda: [keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True, **rules)]


def trained(
    dataset: Dataset, workshop: Workshop, callbacks: Callbacks, name: TrainerName = "compiled", **more: Any
) -> tuple[Record, RunSettings, Mapping[str, np.ndarray[Any, np.dtype[np.float32]]]]:
    kept: dict[str, Any] = {}
    settings = study_of(**{**COARSE, **more}).base
    record = trainer.train("k", settings, SEED, dataset, workshop, trainer=name, callbacks=callbacks, keep=kept.update)
    return record, settings, kept


def scores_by_scikit_learn(dataset: Dataset, settings: RunSettings, weights: Mapping[str, Any]) -> dict[str, float]:
    """What scikit-learn says of the predictions of a plain Keras network with the kept weights, by part of the data."""
    rows = split(dataset, settings.data, SEED)
    network = saving.plain_network(settings, run_data.scaling(dataset, rows.train), len(dataset.classes), weights)
    found = {}
    for side, part in (("train", rows.train_sample), ("val", rows.validation), ("test", rows.test)):
        predicted = network(dataset.x[part], training=False).numpy().astype(np.float64)
        predicted /= predicted.sum(axis=1, keepdims=True)
        found[f"{side}_loss"] = log_loss(dataset.y[part], predicted)
        found[f"{side}_accuracy"] = accuracy_score(dataset.y[part], predicted.argmax(axis=1))
    return found


HOOKS: dict[str, tuple[Callbacks, bool]] = {  # with whether the kept weights are those of an epoch
    "restore": (own_stopping(), True),
    "restore-other": (own_stopping(monitor="train_accuracy", mode="max"), True),
    "return": (lambda: [Returning(2)], True),
    "initial": (lambda: [Returning(-1)], False),
    "prune-end": (lambda: [At("on_train_end", prune)], False),
    "prune-epochs": (lambda: [At("on_epoch_end", prune)], False),
    "prune-begin": (lambda: [At("on_epoch_begin", prune)], True),
    "average": (lambda: [Averaging()], False),
    "nothing": (lambda: [keras.callbacks.Callback()], True),
}
BY_FIT = ("restore", "prune-end", "average")


@pytest.mark.parametrize(
    ("hook", "name"), [*((hook, "compiled") for hook in HOOKS), *((hook, "fit") for hook in BY_FIT)]
)
def test_every_figure_is_of_the_kept_weights(digits: Dataset, workshop: Workshop, hook: str, name: TrainerName) -> None:
    callbacks, of_an_epoch = HOOKS[hook]
    record, settings, weights = trained(digits, workshop, callbacks, name)
    found = scores_by_scikit_learn(digits, settings, weights)
    assert {key: record.result[key] for key in SCORED} == pytest.approx(found, rel=1e-5, abs=1e-6)
    epoch = record.environment[KEPT_EPOCH]
    assert (epoch is not None) == of_an_epoch
    if epoch is None:
        assert record.result["gap"] == record.result["train_accuracy"] - record.result["val_accuracy"]
        assert np.isnan(record.result["loss"])
    else:
        row = {key: values[epoch - 1] for key, values in record.history.items() if key not in ("seconds", "gap")}
        assert row.items() <= record.result.items()


def test_an_early_stopping_of_the_users_own_is_recorded_as_the_remedy_is(digits: Dataset, workshop: Workshop) -> None:
    own, *_ = trained(digits, workshop, own_stopping())
    remedy, *_ = trained(digits, workshop, list, overfitting={"early_stopping": {"patience": 2}})
    best = int(own.result["best_epoch"])
    assert best < own.result["stopped_epoch"]
    assert own.result == remedy.result
    assert own.weights == remedy.weights
    assert own.environment[KEPT_EPOCH] == remedy.environment[KEPT_EPOCH] == best
    assert own.result["gap"] == own.history["gap"][best - 1]
    assert {probe.moment for probe in own.probes} == {"initial", "best", "end"}
    by_moment = {probe.moment: {**asdict(probe), "moment": ""} for probe in own.probes if probe.layer == "output"}
    assert by_moment["end"] == by_moment["best"]  # the kept weights; the remedy's record has the last epoch's there


def test_the_end_is_looked_at_with_the_kept_weights(digits: Dataset, workshop: Workshop) -> None:
    record, _, weights = trained(digits, workshop, lambda: [At("on_train_end", prune)])
    kernels = [probe for probe in record.probes if (probe.layer, probe.kind) == ("hidden 1", "weights")]
    zeros = {probe.moment: probe.zeros for probe in kernels}
    assert zeros["end"] == np.mean(weights["dense_1/0"] == 0) > 0.1
    assert zeros["best"] == 0


def test_weights_that_a_callback_breaks_make_a_diverged_run(digits: Dataset, workshop: Workshop) -> None:
    record, *_ = trained(digits, workshop, lambda: [At("on_train_end", break_it)])
    assert record.status == "diverged"
    assert np.isfinite(record.history["val_loss"]).all()


def test_of_epochs_with_equal_weights_the_last_is_kept_or_the_best_where_that_is_restored(
    digits: Dataset, workshop: Workshop
) -> None:
    still: dict[str, Any] = {"training": {"epochs": 4, "learning_rate": 1e-30}, "underfitting": {}}
    last, *_ = trained(digits, workshop, lambda: [keras.callbacks.Callback()], **still)
    best, *_ = trained(digits, workshop, list, **still, overfitting={"early_stopping": {"patience": 9}})
    assert (last.environment[KEPT_EPOCH], best.environment[KEPT_EPOCH]) == (4, 1)
