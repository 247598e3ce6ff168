"""What may come from elsewhere: kinds of cells, and a word for everything else."""

import math
from typing import Any

import pytest

from ablate.results import received
from ablate.results.received import NUMBER, TEXT, missing_or, whole


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (whole(0, 3), [0, 3], [-1, 4, 1.0, True, "1", None]),
        (NUMBER, [0, -1.5, 1.7e308], [math.nan, math.inf, -math.inf, True, "1", None, 10**400]),
        (TEXT, ["", "é 🙂"], ["\ud800", 1, None, ["a"]]),
        (missing_or(whole(0, 3)), [None, 2], [4, math.nan]),
    ],
    ids=["whole", "number", "text", "missing or whole"],
)
def test_a_kind_holds_what_its_words_say(kind: Any, good: list[Any], bad: list[Any]) -> None:
    assert all(kind.holds(cell) for cell in good)
    assert not any(kind.holds(cell) for cell in bad)


def test_the_words_of_a_kind_say_what_is_allowed() -> None:
    assert whole(0, 3).words == "a whole number from 0 to 3"
    assert missing_or(whole(0, 3)).words == "a whole number from 0 to 3 or null"


def test_the_version_of_a_format_is_a_number_from_1() -> None:
    assert received.version({"format": 3}) == 3
    for document in ({}, {"format": 0}, {"format": True}, [3]):
        with pytest.raises(ValueError, match="should be"):
            received.version(document)


def test_a_table_of_histories_leads_into_that_of_runs() -> None:
    columns = ["row", "epoch", "val_loss"]
    received.histories({"columns": columns, "rows": [[0, 1, 0.5], [2, 7, None]]}, columns, 3)
    with pytest.raises(ValueError, match=r"row 1 of histories, row, should be a whole number from 0 to 2, not 3"):
        received.histories({"columns": columns, "rows": [[3, 1, 0.5]]}, columns, 3)
    with pytest.raises(ValueError, match="row 2 of histories should be a list of 3 cells"):
        received.histories({"columns": columns, "rows": [[0, 1, 0.5], [0, 1]]}, columns, 3)
