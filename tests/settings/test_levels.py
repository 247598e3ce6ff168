"""Levels: what a remedy takes, how it is refused, and how it is written in every table."""

from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from ablate.errors import StudyError
from ablate.settings import levels, network_levels
from ablate.settings.levels import LONGEST_LABEL, label, plain
from tests.conftest import study_of


def level(kind: Any, value: Any) -> Any:
    """A value as the type of a level reads it."""
    return TypeAdapter(kind).validate_python(value, strict=True)


def test_labels_are_the_same_everywhere() -> None:
    study = study_of(
        underfitting={"init": ["he_normal", "zeros"], "batch_norm": [False, True]},
        overfitting={
            "dropout": [0.0, 0.2, [0.2, 0]],
            "early_stopping": [False, {"monitor": "val_loss", "patience": 10}],
        },
    )
    assert [factor.labels for factor in study.factors] == [
        ("he_normal", "zeros"),
        ("false", "true"),
        ("0", "0.2", "[0.2,0]"),
        ("false", "(monitor=val_loss,patience=10)"),
    ]
    optimizers = study_of(underfitting={"optimizer": ["sgd", {"name": "sgd", "momentum": 0.9}]})
    assert optimizers.factors[0].labels == ("sgd", "sgd(momentum=0.9)")


def test_two_ways_to_clip_are_one_too_many() -> None:
    with pytest.raises(StudyError, match="takes one of clipnorm"):
        study_of(underfitting={"optimizer": {"name": "sgd", "clipnorm": 1, "clipvalue": 1}})


def test_labels_are_safe_to_print_and_told_apart() -> None:
    assert label("a\x1b[31m\n") == "a\\x1b[31m\\n"
    one, other = label("p" * 300 + "1"), label("p" * 300 + "2")
    assert len(one) <= LONGEST_LABEL
    assert one != other


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (1.0, "1"),
        (1e-05, "1e-05"),
        (1e16, "1e+16"),
        ({"name": "adam", "beta_1": 0.8}, "adam(beta_1=0.8)"),
        ([[1, 2], [0.5]], "[[1,2],[0.5]]"),
    ],
    ids=str,
)
def test_a_label_is_short_and_says_all(value: Any, text: str) -> None:
    assert label(value) == text


def test_a_name_and_a_table_with_that_name_are_the_same_level() -> None:
    assert level(levels.OptimizerLevel, "adam") == level(levels.OptimizerLevel, {"name": "adam"})
    assert plain(level(levels.OptimizerLevel, "adam")) == {"name": "adam"}


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (levels.OptimizerLevel, "adma", "unknown optimizer"),
        (levels.OptimizerLevel, 3, "should be the name of an optimizer or a table with a 'name'"),
        (levels.ScheduleLevel, {"every": 3}, "should be the name of a schedule or a table with a 'name'"),
        (levels.OptimizerLevel, {"name": "sgd", "beta_1": 0.9}, "Extra inputs"),
        (levels.OptimizerLevel, {"name": "adam", "beta_1": 1.0}, "less than 1"),
        (levels.OptimizerLevel, {"name": "adam", "learning_rate": 0.0}, "greater than 0"),
        (levels.OptimizerLevel, {"name": "adam", "amsgrad": 1}, "valid boolean"),
        (levels.InitLevel, {"name": "variance_scaling", "mode": "fan"}, "fan_in"),
        (network_levels.DropoutLevel, 1.0, "less than 1"),
        (network_levels.DropoutLevel, [0.1, 1.0], "less than 1"),
        (network_levels.DropoutLevel, [], "at least 1"),
        (network_levels.DropoutLevel, {"rate": 0.1, "schedule": "early"}, "Field required"),
        (network_levels.DropoutLevel, {"rate": 0.0, "schedule": "late", "epochs": 3}, "greater than 0"),
        (network_levels.DropoutLevel, {"rate": 0.1, "schedule": "middle", "epochs": 3}, "'early' or 'late'"),
        (network_levels.GradientClipLevel, {"clipnorm": 1.0, "clipvalue": 1.0}, "takes one of clipnorm, global_clip"),
        (network_levels.GradientClipLevel, {}, "takes one of clipnorm, global_clip"),
        (network_levels.GradientClipLevel, 0.0, "greater than 0"),
        (network_levels.GradientClipLevel, True, "False"),
        (network_levels.AugmentationLevel, {"fill": "wrap"}, "changes nothing: set flip"),
        (network_levels.AugmentationLevel, {"flip": "diagonal"}, "'horizontal', 'vertical'"),
        (network_levels.AugmentationLevel, {"zoom": 1.0}, "less than 1"),
        (network_levels.NormalizationLevel, "instance", "'none', 'batch', 'layer' or 'group'"),
        (network_levels.NormalizationLevel, {"name": "group", "groups": 0}, "greater than or equal to 1"),
        (levels.BatchNormLevel, 1, "valid boolean"),
        (levels.MaxNormLevel, True, "False"),
        (levels.MaxNormLevel, 0.0, "greater than 0"),
        (levels.EarlyStoppingLevel, {"monitor": "gap"}, "names no rule"),
        (levels.EarlyStoppingLevel, {"patience": 3, "monitor": "test_loss"}, "unknown metric"),
    ],
)
def test_what_is_no_level_is_refused(kind: Any, value: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        level(kind, value)


@pytest.mark.parametrize("kind", [levels.EarlyStoppingLevel, levels.MaxNormLevel, levels.ScheduleLevel])
def test_what_can_be_off_is_off_by_false(kind: Any) -> None:
    assert level(kind, False) is False


def test_a_level_is_written_as_it_was_given() -> None:
    """Defaults that nobody wrote stay out of labels and of the study that is kept."""
    rules = level(levels.EarlyStoppingLevel, {"patience": 3})
    assert isinstance(rules, BaseModel)
    assert rules.monitor == "val_loss"
    assert plain(rules) == {"patience": 3}
    assert plain(0.5) == 0.5
