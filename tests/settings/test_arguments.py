"""Arguments of a builder: values that TOML, JSON and Python write alike, under names that Python takes."""

import datetime as dt
import math
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from ablate.settings.arguments import Arguments

READ = TypeAdapter(Arguments).validate_python


def test_plain_values_are_handed_over_as_they_are() -> None:
    given: dict[str, Any] = {"n": 3, "rate": 0.5, "on": True, "name": "x", "sizes": [1, [2.0]], "table": {"a-b": False}}
    found = READ(given)
    assert found == given
    assert (type(found["n"]), type(found["on"])) == (int, bool)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.nan, "should be a finite number"),
        ([1.0, [math.inf]], "should be a finite number"),
        ({"deep": -math.inf}, "should be a finite number"),
        (dt.date(2026, 1, 1), "should be a number, a text, true, false, or a list or table of them"),
        (None, "should be a number, a text"),
    ],
    ids=str,
)
def test_a_value_that_is_not_written_alike_is_refused(value: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        READ({"argument": value})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a-b", "as Python names an argument"),
        ("class", "as Python names an argument"),
        ("1st", "as Python names an argument"),
        ("input_shape", "is handed to every builder"),
        ("dropout", r"is a remedy; write it under \[overfitting\]"),
        ("batch_norm", r"is a remedy; write it under \[underfitting\]"),
    ],
)
def test_a_name_that_a_builder_cannot_take_is_refused(name: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        READ({name: 1})


def test_a_remedy_that_acts_on_any_model_leaves_its_name_free() -> None:
    assert READ({"optimizer": "mine"}) == {"optimizer": "mine"}
