"""The catalogue of remedies: every row is complete, neutral by default, and has its place."""

import pytest
from pydantic import TypeAdapter

from ablate.settings.levels import plain
from ablate.settings.remedies import ACT_ON_ANY_MODEL, FAMILIES, PIECES, REMEDIES, Remedy
from tests.conftest import study_of


@pytest.mark.parametrize("remedy", REMEDIES.values(), ids=lambda remedy: remedy.name)
def test_a_row_is_complete_and_its_default_is_a_level(remedy: Remedy) -> None:
    assert plain(TypeAdapter(remedy.level).validate_python(remedy.default)) == remedy.default
    assert remedy.family in FAMILIES
    assert remedy.title
    assert remedy.explanation.endswith(".")
    assert REMEDIES[remedy.name] is remedy


def test_a_study_that_names_no_remedy_has_every_one_at_its_default() -> None:
    base = study_of().base.remedies
    assert {name: plain(getattr(base, name)) for name in REMEDIES} == {
        name: remedy.default for name, remedy in REMEDIES.items()
    }


def test_the_pieces_of_a_layer_are_what_does_not_act_on_any_model() -> None:
    assert set(PIECES) == {"init", "batch_norm", "dropout", "l2", "l1", "max_norm"}
    assert REMEDIES.keys() >= ACT_ON_ANY_MODEL
