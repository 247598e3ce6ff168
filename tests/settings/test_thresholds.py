"""`[diagnosis]`: limits that are shares stay shares, and what is not written keeps its default."""

import pytest

from ablate.errors import StudyError
from ablate.settings.thresholds import DEFAULTS, Thresholds
from tests.conftest import study_of


def test_what_a_study_does_not_write_keeps_its_default() -> None:
    found = study_of(diagnosis={"gap": 0.1}).thresholds
    assert found == DEFAULTS.model_copy(update={"gap": 0.1})
    assert study_of().thresholds == DEFAULTS


@pytest.mark.parametrize("name", sorted(Thresholds.model_fields.keys() - {"loss_rise"}))
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_share_lies_between_none_and_all(name: str, value: float) -> None:
    with pytest.raises(StudyError, match=rf"diagnosis\.{name}"):
        study_of(diagnosis={name: value})


def test_a_loss_may_rise_by_more_than_itself_and_nothing_fades_to_nothing() -> None:
    assert study_of(diagnosis={"loss_rise": 2.0}).thresholds.loss_rise == 2.0
    with pytest.raises(StudyError, match=r"diagnosis\.fading"):
        study_of(diagnosis={"fading": 0.0})
