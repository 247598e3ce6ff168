"""What callbacks do between epochs comes to the same under every trainer."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pytest

from ablate.results.record import KEPT_EPOCH, Record, TrainerName
from ablate.study.settings import RunSettings
from ablate.study.sources import Dataset
from ablate.training import layers, surgery, trainer
from ablate.training import model as plain_model
from ablate.training.trainer import Workshop
from tests.conftest import study_of

RATE, SEED = 0.3, 2


class Changing(keras.callbacks.Callback):
    """Sets the learning rate in the two ways and hooks that users take for it."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch:
            self.model.optimizer.learning_rate.assign(self.model.optimizer.learning_rate * 0.7)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            self.model.optimizer.learning_rate = 0.02


def rates() -> Sequence[keras.callbacks.Callback]:
    return [Changing(), keras.callbacks.ReduceLROnPlateau(monitor="val_loss", patience=0, min_delta=0.05)]


def with_masks_of_the_compiled_epoch(build: Callable[..., keras.Model], mask_seed: int) -> Callable[..., keras.Model]:
    """Makes the model of `fit` with the dropout of the compiled epoch in the place of Keras' own."""

    def made(settings: RunSettings, *arguments: Any) -> keras.Model:
        plain = build(settings, *arguments)
        model = surgery.prepare(plain, None, None)
        layers.put_weights(model, layers.weights_by_layer(plain))
        for name, dropout in surgery.dropouts(model).items():
            dropout.restart(RATE, plain_model.dropout_seed(mask_seed, int(name.rpartition("_")[2])))
        plain_model.compile_model(model, settings)
        return model

    return made


def test_with_dropout_and_a_changing_rate_fit_differs_by_its_masks_and_by_nothing_else(
    digits: Dataset, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    remedies: Any = {"underfitting": {"optimizer": "adam"}, "overfitting": {"dropout": RATE}}
    settings = study_of(model={"hidden": [16, 8]}, training={"epochs": 4}, **remedies).base

    def run(name: TrainerName) -> Record:
        return trainer.train("k", settings, SEED, digits, workshop, trainer=name, callbacks=rates)

    compiled = run("compiled")
    build = plain_model.build
    losses = {}
    for mask_seed in (SEED, SEED + 1):
        monkeypatch.setattr(plain_model, "build", with_masks_of_the_compiled_epoch(build, mask_seed))
        record = run("fit")
        losses[mask_seed] = [*record.history["loss"], *record.history["val_loss"], record.result["test_loss"]]
    wanted = [*compiled.history["loss"], *compiled.history["val_loss"], compiled.result["test_loss"]]
    np.testing.assert_allclose(losses[SEED], wanted, rtol=1e-5)
    assert not np.allclose(losses[SEED + 1], wanted, rtol=1e-3)


RULES: list[dict[str, Any]] = [
    {"monitor": "val_accuracy", "patience": 2, "baseline": 0.93},  # is beaten late
    {"monitor": "val_loss", "patience": 3, "baseline": 1e-9},  # is never beaten
    {"monitor": "val_loss", "patience": 1, "start_from_epoch": 6},
    {"monitor": "val_loss", "patience": 1, "start_from_epoch": 50},  # the run is over before
    {"monitor": "val_loss", "patience": 2, "start_from_epoch": 4, "restore_best_weights": False},
]


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_baseline_and_start_of_early_stopping_are_keras_own(
    digits: Dataset, workshop: Workshop, rules: dict[str, Any]
) -> None:
    """The remedy, beside Keras' callback as a user would write it, whose weights are found by what they are."""
    common: Any = {
        "model": {"hidden": [8]},
        "training": {"epochs": 14},
        "underfitting": {"optimizer": {"name": "adam", "learning_rate": 0.05}},
    }
    mode = "max" if "accuracy" in rules["monitor"] else "min"
    asked = {"restore_best_weights": True, **rules, "mode": mode}

    def run(callbacks: Callable[[], Sequence[keras.callbacks.Callback]], **sections: Any) -> Record:
        settings = study_of(**common, **sections).base
        return trainer.train("k", settings, SEED, digits, workshop, callbacks=callbacks)

    by_keras = run(lambda: [keras.callbacks.EarlyStopping(**asked)])
    remedy = run(list, overfitting={"early_stopping": rules})
    assert remedy.result["stopped_epoch"] == by_keras.result["stopped_epoch"]
    assert remedy.weights == by_keras.weights
    kept = remedy.environment[KEPT_EPOCH]
    assert kept == by_keras.environment[KEPT_EPOCH]
    assert remedy.result["val_loss"] == remedy.history["val_loss"][kept - 1]
    if asked["restore_best_weights"]:
        assert remedy.result["best_epoch"] == kept
    assert kept > min(rules.get("start_from_epoch", 0), remedy.result["stopped_epoch"] - 1)
