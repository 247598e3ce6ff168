"""What is recorded of a run, and when it stops."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ablate.data.sources import Dataset
from ablate.results.record import MOMENTUM, Record
from ablate.settings.metrics import HISTORY_COLUMNS
from ablate.training import trainer
from ablate.training.workshop import Workshop
from tests.conftest import study_of
from tests.training.parity import rounding

FAST = {"underfitting": {"optimizer": {"name": "adam", "learning_rate": 0.01}}}


@pytest.fixture
def train(digits: Dataset, workshop: Workshop) -> Any:
    def run(name: str = "compiled", **sections: Any) -> Record:
        return trainer.train("k", study_of(**sections).base, 1, digits, workshop, trainer=name)  # type: ignore[arg-type]

    return run


def test_every_column_has_an_entry_per_epoch(train: Any) -> None:
    record = train(training={"epochs": 3}, **FAST)
    assert set(record.history) == set(HISTORY_COLUMNS)
    assert {len(values) for values in record.history.values()} == {3}
    assert record.status == "ok"
    assert {(probe.kind, probe.moment) for probe in record.probes} == {
        (kind, moment) for kind in ("weights", "activations") for moment in ("initial", "best", "end")
    }
    gap = np.array(record.history["train_accuracy"]) - np.array(record.history["val_accuracy"])
    np.testing.assert_allclose(record.history["gap"], gap)


def test_train_accuracy_is_taken_in_inference_mode(train: Any) -> None:
    record = train(training={"epochs": 10}, overfitting={"dropout": 0.5}, **FAST)
    assert record.history["train_accuracy"][-1] > record.history["accuracy"][-1] + 0.05


def test_losses_of_the_inference_columns_have_no_penalty(train: Any) -> None:
    plain, penalized = (train(training={"epochs": 1}, overfitting={"l2": l2}) for l2 in (0.0, 10.0))
    assert penalized.history["loss"][0] > 20
    assert penalized.history["train_loss"][0] < 3
    assert plain.history["loss"][0] < 3


def test_without_stopping_the_last_weights_are_kept_and_the_gap_is_the_mean_of_five(train: Any) -> None:
    record = train(training={"epochs": 8}, **FAST)
    assert record.result["stopped_epoch"] == 8
    assert record.result["train_accuracy"] == record.history["train_accuracy"][-1]
    assert record.result["gap"] == pytest.approx(np.mean(record.history["gap"][-5:]))
    assert record.result["best_epoch"] == int(np.argmin(record.history["val_loss"])) + 1


def test_restored_weights_are_those_of_the_best_epoch(train: Any) -> None:
    rule = {"early_stopping": {"monitor": "val_loss", "patience": 3}}
    record = train(
        training={"epochs": 200},
        underfitting={"optimizer": {"name": "adam", "learning_rate": 0.05}},
        overfitting=rule,
    )
    best = int(record.result["best_epoch"])
    assert best == int(np.argmin(record.history["val_loss"])) + 1
    assert record.result["stopped_epoch"] == best + 3 < 200
    assert record.result["gap"] == record.history["gap"][best - 1]
    assert record.result["val_accuracy"] == record.history["val_accuracy"][best - 1]
    by_moment = {
        moment: next(p for p in record.probes if (p.layer, p.kind, p.moment) == ("output", "weights", moment))
        for moment in ("best", "end")
    }
    assert by_moment["best"].sd != by_moment["end"].sd


def test_the_kept_weights_are_what_the_test_score_is_of(train: Any) -> None:
    """Under validation = "test" the validation column of the kept epoch is the test score itself."""
    record = train(
        data={"validation": "test"},
        training={"epochs": 60},
        underfitting={"optimizer": {"name": "adam", "learning_rate": 0.05}},
        overfitting={"early_stopping": {"monitor": "val_accuracy", "patience": 5}},
    )
    best = int(record.result["best_epoch"])
    assert best < record.result["stopped_epoch"]
    assert record.result["test_accuracy"] == pytest.approx(record.history["val_accuracy"][best - 1], abs=1e-6)
    assert record.result["test_loss"] == pytest.approx(record.history["val_loss"][best - 1], rel=rounding(steps=10))


@pytest.mark.parametrize("name", ["compiled", "fit"])
def test_a_run_stops_when_its_gap_crosses_the_limit(train: Any, name: str) -> None:
    record = train(
        name,
        data={"train_size": 60},
        training={"epochs": 60},
        underfitting={"optimizer": {"name": "adam", "learning_rate": 0.05}},
        overfitting={"early_stopping": {"stop_at_gap": 0.1, "restore_best_weights": False}},
    )
    stopped = int(record.result["stopped_epoch"])
    assert 2 <= stopped < 60
    gaps = record.history["gap"]
    assert gaps[-2] < 0.1 <= gaps[-1]
    crossings = [epoch for epoch in range(1, stopped) if gaps[epoch - 1] < 0.1 <= gaps[epoch]]
    assert crossings == [stopped - 1]


def test_a_run_stops_when_the_accuracies_are_equal(train: Any) -> None:
    record = train(
        data={"train_size": 20, "validation": 0.5},
        training={"epochs": 300},
        underfitting={"init": "zeros"},
        overfitting={"early_stopping": {"stop_when_equal": True}},
    )
    assert record.history["accuracy"][-1] == pytest.approx(record.history["val_accuracy"][-1])
    before = zip(record.history["accuracy"][:-1], record.history["val_accuracy"][:-1], strict=True)
    assert all(not math.isclose(running, held_out, rel_tol=1e-6) for running, held_out in before)


@pytest.mark.parametrize("name", ["compiled", "fit"])
def test_a_loss_that_is_not_finite_ends_a_run_and_keeps_its_history(train: Any, name: str) -> None:
    record = train(
        name,
        training={"epochs": 50},
        model={"activation": "linear"},
        underfitting={"optimizer": {"name": "sgd", "learning_rate": 1e6}},
    )
    assert record.status == "diverged"
    assert record.result["stopped_epoch"] < 50
    assert not math.isfinite(record.history["loss"][-1])
    assert Record.from_json(replace(record, key="0" * 64).to_json()).status == "diverged"


def test_zeros_never_learn(train: Any) -> None:
    record = train(training={"epochs": 5}, underfitting={"init": "zeros"})
    assert record.result["test_accuracy"] < 0.15


def test_progress_is_reported_after_every_epoch_and_can_end_the_run(digits: Dataset, workshop: Workshop) -> None:
    seen: list[int] = []

    def tick(epochs: int) -> None:
        seen.append(epochs)
        if epochs == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.train("k", study_of(training={"epochs": 5}).base, 1, digits, workshop, tick=tick)
    assert seen == [1, 2, 3]


@pytest.mark.parametrize("momentum", [None, 0.99])
def test_a_record_says_how_long_its_batch_norm_remembers(digits: Dataset, workshop: Workshop, momentum: Any) -> None:
    settings = study_of(training={"epochs": 1}, underfitting={"batch_norm": momentum is not None}).base
    record = trainer.train("k", settings, 1, digits, workshop)
    assert record.environment.get(MOMENTUM) == momentum
