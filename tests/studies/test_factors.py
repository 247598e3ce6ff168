"""Factors: what is varied, by itself or linked, as columns and labels."""

import pytest

from ablate.studies.factors import Factor, link, without_repetitions
from tests.conftest import study_of

INIT = Factor("init", ("remedies", "init"), "underfitting", ({"name": "zeros"}, {"name": "he_normal"}))
ACTIVATION = Factor("model.activation", ("model", "activation"), None, ("relu", "tanh"))
NORM = Factor("batch_norm", ("remedies", "batch_norm"), "underfitting", (False, True))


def test_a_repeated_level_counts_once() -> None:
    study = study_of(overfitting={"dropout": [0.0, 0, 0.5, 0.5]}, underfitting={"optimizer": ["sgd", {"name": "sgd"}]})
    assert [(factor.name, factor.labels) for factor in study.factors] == [("dropout", ("0", "0.5"))]


def test_linked_factors_move_together_as_one() -> None:
    found = link([INIT, ACTIVATION])
    assert found.name == "init+model.activation"
    assert found.levels == (({"name": "zeros"}, "relu"), ({"name": "he_normal"}, "tanh"))
    assert found.labels == ("zeros+relu", "he_normal+tanh")
    assert found.parts == (INIT, ACTIVATION)
    assert found.columns == {
        "init": ("zeros", "he_normal"),
        "model.activation": ("relu", "tanh"),
        "init+model.activation": ("zeros+relu", "he_normal+tanh"),
    }


def test_a_group_has_a_family_where_its_members_share_one() -> None:
    assert link([INIT, NORM]).family == "underfitting"
    assert link([INIT, ACTIVATION]).family is None


def test_members_need_as_many_levels_each() -> None:
    with pytest.raises(ValueError, match="shorter"):
        link([INIT, Factor("dropout", ("remedies", "dropout"), "overfitting", (0.0,))])


def test_a_factor_by_itself_is_its_only_part_and_column() -> None:
    assert NORM.parts == (NORM,)
    assert NORM.columns == {"batch_norm": ("false", "true")}


def test_true_and_one_are_different_levels() -> None:
    factor = Factor("model.arguments.on", ("model", "arguments", "on"), None, (1, True, 1.0, True))
    assert without_repetitions(factor).levels == (1, True)
    assert [type(level) for level in without_repetitions(factor).levels] == [int, bool]


def test_a_group_loses_a_level_only_where_all_its_members_repeat_theirs() -> None:
    rate = Factor("dropout", ("remedies", "dropout"), "overfitting", (0.0, 0.0, 0.0))
    norm = Factor("batch_norm", ("remedies", "batch_norm"), "underfitting", (False, True, False))
    kept = without_repetitions(link([rate, norm]))
    assert kept.levels == ((0.0, False), (0.0, True))
    assert [part.levels for part in kept.parts] == [(0.0, 0.0), (False, True)]
