"""Arguments that a study hands to the user's builder of a model: named TOML values, checked before anything is run."""

import keyword
import math
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, JsonValue
from pydantic_core import PydanticCustomError

from ablate.settings.remedies import PIECES, REMEDIES

ARGUMENTS = "model.arguments"  # whose entries are fields of the study file as well
GIVEN = ("input_shape", "classes")  # what every builder is called with


def _plain(value: Any) -> Any:
    """A value that TOML, JSON and Python write alike: no dates, no NaN, no infinity."""
    match value:
        case bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case float():
            raise PydanticCustomError("finite_number", "should be a finite number")
        case list():
            return [_plain(entry) for entry in value]
        case dict():
            return {key: _plain(entry) for key, entry in value.items()}
        case _:
            raise PydanticCustomError("argument", "should be a number, a text, true, false, or a list or table of them")


Argument = Annotated[JsonValue, BeforeValidator(_plain)]


def _name(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise PydanticCustomError("argument", "should be named as Python names an argument")
    if name in GIVEN:
        raise PydanticCustomError("argument", "is handed to every builder; remove the key")
    if name in PIECES:
        family = REMEDIES[name].family
        raise PydanticCustomError("argument", "is a remedy; write it under [{family}]", {"family": family})
    return name


ArgumentName = Annotated[str, AfterValidator(_name)]
Arguments = dict[ArgumentName, Argument]
