"""Rules of early stopping that cannot make a difference are none."""

from typing import Any

import pytest

from ablate.study.equivalence import essence
from tests.conftest import study_of

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
