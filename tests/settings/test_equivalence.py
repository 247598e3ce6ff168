"""Which settings count as one: those that can only train identically, and no others."""

from typing import Any

import pytest

from ablate.settings.equivalence import essence
from ablate.settings.run import RunSettings
from tests.conftest import study_of

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
    ({"underfitting": {"normalization": "batch"}}, {"underfitting": {"batch_norm": True}}),
    ({"underfitting": {"normalization": {"name": "batch", "momentum": 0.99}}}, {"underfitting": {"batch_norm": True}}),
    ({"underfitting": {"gradient_clip": 2.0}}, optimizer({"name": "sgd", "global_clipnorm": 2.0})),
    (
        {"underfitting": {"gradient_clip": 2.0, "optimizer": {"name": "sgd", "clipvalue": 1.0}}},
        optimizer({"name": "sgd", "clipvalue": 1.0}),
    ),
    ({"overfitting": {"dropout": {"rate": 0.1, "schedule": "late", "epochs": 2}}}, {}),
    ({"overfitting": {"dropout": {"rate": 0.1, "schedule": "early", "epochs": 2}}}, {"overfitting": {"dropout": 0.1}}),
]


DIFFERENT: list[tuple[Sections, Sections]] = [
    (optimizer({"name": "sgd", "momentum": 0.9}), optimizer({"name": "sgd", "momentum": 0.9, "nesterov": True})),
    (stopping(patience=1), stopping(patience=1, monitor="gap")),
    (schedule(name="step", every=1), {}),
    (schedule(name="cosine"), {}),
    ({"underfitting": {"normalization": {"name": "batch", "momentum": 0.9}}}, {"underfitting": {"batch_norm": True}}),
    ({"overfitting": {"dropout": {"rate": 0.1, "schedule": "early", "epochs": 1}}}, {"overfitting": {"dropout": 0.1}}),
    ({"overfitting": {"dropout": {"rate": 0.1, "schedule": "late", "epochs": 1}}}, {}),
    ({"underfitting": {"normalization": "layer"}}, {"underfitting": {"normalization": "group"}}),
    ({"underfitting": {"gradient_clip": 2.0}}, {"underfitting": {"gradient_clip": {"clipnorm": 2.0}}}),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_may_train_differently_has_another_essence(one: Sections, other: Sections) -> None:
    assert essence(study_of(**one).base) != essence(study_of(**other).base)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_can_only_train_identically_has_the_same_essence(one: Sections, other: Sections) -> None:
    first, second = study_of(**one).base, study_of(**other).base
    assert first != second
    assert essence(first) == essence(second)


def test_the_pieces_that_a_builder_is_handed_are_left_as_they_are() -> None:
    """What it does with them is its own affair."""
    written = study_of(overfitting={"dropout": 0.3}).base.model_dump(exclude_none=True)
    found = essence(RunSettings.model_validate({**written, "model": {"builder": "mine:make"}}))
    assert (found["remedies"]["dropout"], found["remedies"]["batch_norm"]) == (0.3, False)


def test_the_weight_decay_of_the_optimizer_overrules_the_remedy() -> None:
    level = {"name": "sgd", "weight_decay": 0.1}
    both = study_of(underfitting={"optimizer": level}, overfitting={"weight_decay": 0.5}).base
    assert essence(both) == essence(study_of(underfitting={"optimizer": level}).base)


LAST: dict[str, Any] = {"restore_best_weights": False}


def of(rules: Any) -> Any:
    return essence(study_of(training={"epochs": 10}, overfitting={"early_stopping": rules}).base)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({"patience": 3, "start_from_epoch": 0}, {"patience": 3}, True),
        ({"patience": 3, "start_from_epoch": 1}, {"patience": 3}, False),
        ({"patience": 3, "baseline": 0.5}, {"patience": 3}, False),
        ({"patience": 12, "baseline": 0.5}, {"patience": 10}, True),
        ({"patience": 12, **LAST}, False, True),
        ({"patience": 12, "start_from_epoch": 4, **LAST}, False, False),  # the recorded best epoch is another
    ],
    ids=str,
)
def test_rules_are_equal_where_they_train_the_same(one: Any, other: Any, equal: bool) -> None:
    assert (of(one) == of(other)) == equal
