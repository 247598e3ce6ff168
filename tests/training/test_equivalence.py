"""What is taken to train identically does, bit for bit."""

import inspect
from typing import Any

import pytest

from ablate.study.equivalence import KERAS_DEFAULTS, essence
from ablate.study.levels import INITIALIZERS, OPTIMIZERS
from ablate.study.sources import Dataset
from ablate.training import model as plain_model
from ablate.training.trainer import Workshop
from tests.conftest import study_of
from tests.training.test_program import facts, train

Sections = dict[str, dict[str, Any]]


def optimizer(level: Any) -> Sections:
    return {"underfitting": {"optimizer": level}}


def schedule(**level: Any) -> Sections:
    return {"underfitting": {"learning_rate_schedule": level}}


def stopping(**level: Any) -> Sections:
    return {"overfitting": {"early_stopping": level}}


SAME: list[tuple[Sections, Sections]] = [
    (optimizer("sgd"), optimizer({"name": "sgd", "momentum": 0.0, "nesterov": True})),
    (optimizer("adam"), optimizer({"name": "adam", "beta_1": 0.9, "learning_rate": 0.001})),
    (optimizer({"name": "sgd", "weight_decay": 0.1}), {"overfitting": {"weight_decay": 0.1}}),
    (optimizer({"name": "sgd", "learning_rate": 0.3}), {"training": {"learning_rate": 0.3}}),
    (stopping(patience=2), stopping(patience=99)),
    (stopping(patience=2, restore_best_weights=False), {}),
    (schedule(name="step", every=2), {}),
    (schedule(name="plateau", patience=2), {}),
    ({"model": {"block": ["dense", "activation", "dropout"]}}, {}),
    ({"model": {"input_block": ["batch_norm"]}}, {}),
    ({"underfitting": {"init": {"name": "orthogonal", "gain": 1.0}}}, {"underfitting": {"init": "orthogonal"}}),
]
DIFFERENT: list[tuple[Sections, Sections]] = [
    (optimizer({"name": "sgd", "momentum": 0.9}), optimizer({"name": "sgd", "momentum": 0.9, "nesterov": True})),
    (stopping(patience=1), stopping(patience=1, monitor="gap")),
    (schedule(name="step", every=1), {}),
    (schedule(name="cosine"), {}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_essences_train_identically(digits: Dataset, workshop: Workshop, one: Sections, other: Sections) -> None:
    first, second = study_of(**one).base, study_of(**other).base
    assert first != second
    assert essence(first) == essence(second)
    assert facts(train(first, digits, workshop)) == facts(train(second, digits, workshop))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_may_train_differently_has_another_essence(one: Sections, other: Sections) -> None:
    assert essence(study_of(**one).base) != essence(study_of(**other).base)


@pytest.mark.parametrize("name", KERAS_DEFAULTS)
def test_the_defaults_are_those_of_keras(name: str) -> None:
    factor = "optimizer" if name in OPTIMIZERS else "init"
    model = plain_model.build(study_of(underfitting={factor: name}).base, 4, 3, 1)
    made = model.optimizer if name in OPTIMIZERS else model.get_layer("dense_1").kernel_initializer
    parameters = inspect.signature(type(made)).parameters
    known = (OPTIMIZERS if name in OPTIMIZERS else INITIALIZERS)[name]
    defaults = {key: parameters[key].default for key in known if parameters[key].default is not None}
    assert KERAS_DEFAULTS[name] == defaults
