"""Callbacks: what is kept of every epoch, which epoch is the best, and when a run stops."""

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from ablate.data.sources import Dataset
from ablate.results.record import KEPT_EPOCH, Record, TrainerName
from ablate.settings.levels import Cosine, EarlyStopping, Plateau, Step
from ablate.settings.metrics import HISTORY_COLUMNS
from ablate.settings.run import RunSettings
from ablate.training import callbacks, trainer
from ablate.training import model as plain_model
from ablate.training.callbacks import History, Snapshots, StopAtGap, StopWhenEqual, has_batch_hooks, own_callbacks
from ablate.training.networks import layers, surgery
from ablate.training.workshop import Workshop
from ablate.usercode import code
from tests.conftest import study_of
from tests.training.test_fallbacks import USER_CODE, Counter

LOGS = {name: 0.5 for name in HISTORY_COLUMNS if name not in ("gap", "seconds")}


def run(callback: keras.callbacks.Callback, *epochs: dict[str, float]) -> list[bool]:
    """Whether a callback has stopped the training, after each of some epochs."""
    model = SimpleNamespace(stop_training=False, optimizer=None)
    callback._model = model
    stopped = []
    for epoch, logs in enumerate(epochs):
        callback.on_epoch_begin(epoch, {})
        callback.on_epoch_end(epoch, {**LOGS, **logs})
        stopped.append(model.stop_training)
    callback.on_train_end({})
    return stopped


def test_the_history_has_every_column_with_an_entry_an_epoch() -> None:
    history = History()
    run(history, {"train_accuracy": 0.9, "val_accuracy": 0.7}, {"train_accuracy": 0.8, "val_accuracy": 0.9})
    assert {name: len(column) for name, column in history.columns.items()} == dict.fromkeys(HISTORY_COLUMNS, 2)
    assert history.columns["gap"] == pytest.approx([0.2, -0.1])
    assert all(seconds >= 0 for seconds in history.columns["seconds"])
    assert not history.diverged


@pytest.mark.parametrize("column", ["loss", "train_loss", "val_loss"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_run(column: str, value: float) -> None:
    history = History()
    assert run(history, {}, {column: value}) == [False, True]
    assert history.diverged


def snapshots(monitor: str, values: list[float], min_delta: float = 0.0) -> Snapshots:
    reads = iter(range(100))
    found = Snapshots(lambda: [next(reads)], monitor, min_delta)
    run(found, *({monitor: value} for value in values))
    return found


@pytest.mark.parametrize(
    ("monitor", "values", "min_delta", "best"),
    [
        ("val_loss", [3.0, 1.0, 2.0], 0.0, 1),
        ("val_accuracy", [0.3, 0.9, 0.5], 0.0, 1),
        ("gap", [0.3, 0.1, 0.2], 0.0, 1),
        ("val_loss", [1.0, 1.0, 1.0], 0.0, 0),
        ("val_loss", [1.0, 0.95, 0.8], 0.1, 2),
        ("val_loss", [math.nan, 2.0, 3.0], 0.0, 1),
        ("val_loss", [2.0, math.nan, 1.0], 0.0, 2),
        ("val_loss", [math.nan, math.nan], 0.0, 0),
    ],
    ids=str,
)
def test_the_best_epoch_is_that_of_keras(monitor: str, values: list[float], min_delta: float, best: int) -> None:
    found = snapshots(monitor, values, min_delta)
    assert found.best_epoch == best


def test_weights_are_read_when_they_are_best_and_at_the_end() -> None:
    found = snapshots("val_loss", [3.0, 1.0, 2.0])
    assert (found.best, found.end) == ([1], [2])


@pytest.mark.parametrize(
    ("gaps", "stopped"),
    [
        ([0.0, 0.05, 0.1], [False, False, True]),
        ([0.2, 0.3], [False, False]),
        ([0.2, 0.0, 0.1], [False, False, True]),
        ([0.0, 0.09], [False, False]),
    ],
    ids=str,
)
def test_a_gap_stops_a_run_when_it_is_crossed_from_below(gaps: list[float], stopped: list[bool]) -> None:
    assert run(StopAtGap(0.1), *({"gap": gap} for gap in gaps)) == stopped


def test_equal_accuracies_stop_a_run() -> None:
    apart, equal = {"accuracy": 0.8, "val_accuracy": 0.81}, {"accuracy": 0.8, "val_accuracy": 0.8 + 1e-8}
    assert run(StopWhenEqual(), apart, equal) == [False, True]


def rates(level: Any, epochs: int, rate: float = 0.4) -> list[float]:
    """What a schedule sets before every epoch."""
    (callback,) = callbacks.schedule(level, rate, epochs)
    return [callback.schedule(epoch, math.nan) for epoch in range(epochs)]


def test_a_step_is_taken_every_so_many_epochs() -> None:
    assert rates(Step(name="step", every=2, factor=0.5), 5) == pytest.approx([0.4, 0.4, 0.2, 0.2, 0.1])


def test_a_cosine_begins_at_the_rate_and_ends_one_step_before_its_end() -> None:
    found = rates(Cosine(name="cosine"), 4)
    assert found == pytest.approx([0.2 * (1 + math.cos(math.pi * epoch / 4)) for epoch in range(4)])
    ending = rates(Cosine(name="cosine", final=0.25), 1000)
    assert (ending[0], ending[-1]) == (pytest.approx(0.4), pytest.approx(0.1, rel=1e-4))


def test_a_warm_up_rises_in_equal_steps_to_the_rate() -> None:
    assert rates(Cosine(name="cosine", warmup=3), 7)[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_a_plateau_is_that_of_keras_and_no_schedule_is_none() -> None:
    (found,) = callbacks.schedule(Plateau(name="plateau", monitor="val_accuracy", patience=3, factor=0.2), 0.4, 9)
    assert isinstance(found, keras.callbacks.ReduceLROnPlateau)
    assert (found.monitor, found.mode, found.patience, found.factor) == ("val_accuracy", "max", 3, 0.2)
    assert callbacks.schedule(False, 0.4, 9) == []


def test_all_rules_of_early_stopping_apply() -> None:
    level = EarlyStopping(patience=2, monitor="val_accuracy", stop_at_gap=0.1, stop_when_equal=True)
    rules = callbacks.stopping(level, 9)
    assert [type(rule).__name__ for rule in rules] == ["EarlyStopping", "StopAtGap", "StopWhenEqual"]
    assert (rules[0].patience, rules[0].mode, rules[0].restore_best_weights) == (2, "max", True)
    assert callbacks.stopping(False, 9) == []


def test_without_a_patience_no_run_is_stopped_by_it() -> None:
    assert callbacks.stopping(EarlyStopping(stop_at_gap=0.1), 9)[0].patience == 9


@pytest.mark.parametrize(
    ("callback", "expected"),
    [
        (keras.callbacks.CSVLogger("log.csv"), False),
        (keras.callbacks.ReduceLROnPlateau(), False),
        (keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None), False),
        (keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None), True),
        (keras.callbacks.TerminateOnNaN(), True),
        (keras.callbacks.ModelCheckpoint("model.keras"), True),
        (Counter(), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_hooks_for_batches_are_found(callback: keras.callbacks.Callback, expected: bool) -> None:
    assert has_batch_hooks(callback) is expected


def test_functions_may_return_one_callback_or_several() -> None:
    code.open_folder(USER_CODE.parent)
    made = own_callbacks(["user_code:one", "user_code:two", "user_code:one"])
    assert [type(each).__name__ for each in made] == ["Callback", "Callback", "CSVLogger", "Callback"]
    assert made[0] is not made[3]
    with pytest.raises(TypeError, match="user_code:none_at_all returned dict, not a Keras callback"):
        own_callbacks(["user_code:none_at_all"])


RATE, SEED = 0.3, 2


class Changing(keras.callbacks.Callback):
    """Sets the learning rate in the two ways and hooks that users take for it."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch:
            self.model.optimizer.learning_rate.assign(self.model.optimizer.learning_rate * 0.7)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            self.model.optimizer.learning_rate = 0.02


def changing_rates() -> Sequence[keras.callbacks.Callback]:
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
        return trainer.train("k", settings, SEED, digits, workshop, trainer=name, callbacks=changing_rates)

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
