"""Remedies beyond the first six: each does what its name says, and leaves nothing behind."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from ablate.data.sources import Dataset
from ablate.results.record import Record
from ablate.settings.levels import SCHEDULES
from ablate.settings.structure import structure
from ablate.training import callbacks, trainer
from ablate.training import model as plain_model
from ablate.training.networks import outputs
from ablate.training.workshop import Workshop
from tests.conftest import study_of
from tests.stranger import Stranger
from tests.training.parity import ROUNDING
from tests.training.test_program import facts, train
from tests.training.test_saving import saved

PLATEAU = {"name": "plateau", "patience": 1, "min_delta": 0.5, "factor": 0.5}  # no epoch improves by so much
LEVELS: list[dict[str, Any]] = [
    {"overfitting": {"l1": 0.01}},
    {"overfitting": {"l1": 0.01, "l2": 0.01}},
    {"overfitting": {"weight_decay": 0.5}},
    {"overfitting": {"max_norm": 0.5}},
    {"overfitting": {"label_smoothing": 0.2}},
    {"underfitting": {"learning_rate_schedule": {"name": "cosine", "warmup": 1}}},
    {"underfitting": {"learning_rate_schedule": {"name": "step", "every": 1}}},
    {"underfitting": {"learning_rate_schedule": PLATEAU}},
    {"underfitting": {"init": "identity"}},
]


def test_every_remedy_makes_a_difference_and_leaves_a_run_after_it_the_same_bit_for_bit(
    digits: Dataset, workshop: Workshop
) -> None:
    baseline = study_of(training={"epochs": 3}).base
    first = train(baseline, digits, workshop)
    others = [study_of(training={"epochs": 3}, **sections).base for sections in LEVELS]
    alone = [facts(train(settings, digits, workshop)) for settings in others]
    assert facts(train(baseline, digits, workshop)) == facts(first)
    assert facts(first) not in alone
    for settings, found in zip(reversed(others), reversed(alone), strict=True):
        assert facts(train(settings, digits, workshop)) == found


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ({"overfitting": {"l1": 0.01}}, {"overfitting": {"l1": 0.1}}, True),
        ({"overfitting": {"l1": 0.01}}, {}, False),
        ({"underfitting": {"learning_rate_schedule": "cosine"}}, {}, True),
        ({"overfitting": {"max_norm": 1.0}}, {"overfitting": {"max_norm": 2.0}}, False),
        ({"overfitting": {"weight_decay": 0.1}}, {}, False),
        ({"overfitting": {"label_smoothing": 0.1}}, {}, False),
    ],
)
def test_only_what_is_compiled_in_needs_a_program_of_its_own(
    one: dict[str, Any], other: dict[str, Any], shared: bool
) -> None:
    assert (structure(study_of(**one).base) == structure(study_of(**other).base)) == shared


def end(record: Record, layer: str = "hidden 1") -> Any:
    return next(p for p in record.probes if (p.layer, p.kind, p.moment) == (layer, "weights", "end"))


def kept_weights(digits: Dataset, workshop: Workshop, **sections: Any) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    settings = study_of(training={"epochs": 10}, **sections).base
    trainer.train("k", settings, 1, digits, workshop, keep=kept.update)
    return kept


def test_max_norm_holds_every_units_incoming_weights_and_spares_the_output(digits: Dataset, workshop: Workshop) -> None:
    held = kept_weights(digits, workshop, overfitting={"max_norm": 0.5})
    free = kept_weights(digits, workshop)
    assert np.linalg.norm(held["dense_1/0"], axis=0).max() == pytest.approx(0.5, rel=1e-4)
    assert np.linalg.norm(free["dense_1/0"], axis=0).max() > 0.6
    assert np.linalg.norm(held["output/0"], axis=0).max() > 0.6


def test_l1_makes_more_weights_vanish_than_l2(digits: Dataset, workshop: Workshop) -> None:
    def small(**penalty: float) -> float:
        kernel = kept_weights(digits, workshop, overfitting=penalty)["dense_1/0"]
        return float((abs(kernel) < 0.01 * abs(kernel).max()).mean())

    assert small(l1=0.01) > 3 * small(l2=0.01)


def test_decoupled_decay_shrinks_what_has_no_gradient(digits: Dataset, workshop: Workshop) -> None:
    """The first pixel of every digit is empty: its weights have no gradient, so nothing but the decay moves them."""
    assert not digits.x[:, 0].any()
    free = kept_weights(digits, workshop)["dense_1/0"][0]
    decayed = kept_weights(digits, workshop, overfitting={"weight_decay": 0.1})["dense_1/0"][0]
    steps = 10 * math.ceil(len(digits.train) * 0.8 / 32)
    np.testing.assert_allclose(decayed, free * (1 - 0.1 * 0.01) ** steps, rtol=2 * steps * ROUNDING)


def test_a_level_of_the_optimizer_that_names_a_decay_wins() -> None:
    level = {"name": "adamw", "weight_decay": 0.3}
    settings = study_of(underfitting={"optimizer": level}, overfitting={"weight_decay": 0.1}).base
    assert plain_model.build(settings, 4, 3, 1).optimizer.weight_decay == 0.3
    settings = study_of(underfitting={"optimizer": "adamw"}, overfitting={"weight_decay": 0.1}).base
    assert plain_model.build(settings, 4, 3, 1).optimizer.weight_decay == 0.1


def test_smoothed_targets_are_those_of_the_formula() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], np.float32)
    targets = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])  # smoothing 0.3 over three classes
    expected = -(targets * np.log(probabilities)).sum(axis=1)
    for labels in ([0, 2], [[0], [2]]):
        found = outputs.SmoothedCrossentropy(0.3).call(np.array(labels), keras.ops.convert_to_tensor(probabilities))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_recorded_losses_are_without_smoothing_but_for_the_running_one(digits: Dataset, workshop: Workshop) -> None:
    settings = study_of(training={"epochs": 20, "learning_rate": 0.1}, overfitting={"label_smoothing": 0.3}).base
    history = trainer.train("k", settings, 1, digits, workshop).history
    assert history["loss"][-1] > history["train_loss"][-1] + 0.3


@pytest.mark.parametrize("sections", LEVELS[:5], ids=["l1", "l1-l2", "weight_decay", "max_norm", "label_smoothing"])
def test_a_saved_network_needs_nothing_of_this_package(
    stranger: Stranger, digits: Dataset, workshop: Workshop, tmp_path: Path, sections: dict[str, Any]
) -> None:
    record, found = saved(stranger, digits, workshop, tmp_path, **sections)
    test_loss = record.result["test_loss"]
    penalties = {name for name in ("l1", "l2") if sections["overfitting"].get(name)}
    assert found.accuracy == pytest.approx(record.result["test_accuracy"])
    assert found.loss > test_loss + 0.01 if penalties else found.loss == pytest.approx(test_loss, rel=1e-4)
    assert "ablate" not in found.modules


class Rates(keras.callbacks.Callback):
    """The optimizer's rate in every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seen.append(float(self.model.optimizer.learning_rate.numpy()))  # a plateau's: after it was found


@pytest.mark.parametrize(
    ("name", "level", "expected"),
    [
        ("fit", {**PLATEAU, "patience": 2, "min_delta": 9.0}, [0.4, 0.4, 0.2, 0.2, 0.1, 0.1]),
        ("compiled", False, [0.4] * 6),
        ("compiled", "cosine", [0.4 * (1 + math.cos(math.pi * epoch / 6)) / 2 for epoch in range(6)]),
        ("compiled", {"name": "cosine", "warmup": 3, "final": 0.5}, [0.1, 0.2, 0.3, 0.4, 0.35, 0.25]),
        ("compiled", {"name": "cosine", "warmup": 9}, [0.04, 0.08, 0.12, 0.16, 0.2, 0.24]),
        ("compiled", {"name": "step", "every": 2, "factor": 0.5}, [0.4, 0.4, 0.2, 0.2, 0.1, 0.1]),
        ("compiled", {**PLATEAU, "patience": 2, "min_delta": 9.0}, [0.4, 0.4, 0.2, 0.2, 0.1, 0.1]),
    ],
)
def test_a_schedule_sets_the_rate_of_every_epoch(
    digits: Dataset, workshop: Workshop, name: Any, level: Any, expected: list[float]
) -> None:
    rates = Rates()
    settings = study_of(
        training={"epochs": 6, "learning_rate": 0.4}, underfitting={"learning_rate_schedule": level}
    ).base
    trainer.train("k", settings, 1, digits, workshop, trainer=name, callbacks=lambda: [rates])
    np.testing.assert_allclose(rates.seen, expected, rtol=1e-5)


def test_every_schedule_has_callbacks() -> None:
    for level in SCHEDULES:
        settings = study_of(underfitting={"learning_rate_schedule": level}).base
        assert len(callbacks.schedule(settings.remedies.learning_rate_schedule, 0.1, 5)) == 1
