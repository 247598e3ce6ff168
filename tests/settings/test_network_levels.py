"""Levels of remedies that a number does not tell all of."""

import pytest

from ablate.settings.levels import label, plain
from ablate.settings.network_levels import dropout_rates
from tests.conftest import study_of


def test_a_number_clips_all_gradients_together() -> None:
    level = study_of(underfitting={"gradient_clip": 2.0}).base.remedies.gradient_clip
    assert plain(level) == {"global_clipnorm": 2.0}
    assert label(level) == "(global_clipnorm=2)"


@pytest.mark.parametrize(
    ("level", "rates"), [(0.2, 0.2), ([0.1, 0.2], [0.1, 0.2]), ({"rate": 0.3, "schedule": "late", "epochs": 2}, 0.3)]
)
def test_the_rates_of_dropout_are_those_while_it_acts(level: object, rates: object) -> None:
    assert dropout_rates(study_of(overfitting={"dropout": [level]}).base.remedies.dropout) == rates
