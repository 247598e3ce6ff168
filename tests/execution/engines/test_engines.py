"""The protocol of engines: the local engine keeps it to the letter."""

import inspect

import pytest

from ablate.execution.engines import Engine
from ablate.execution.engines.local import Lanes

METHODS = sorted(name for name in vars(Engine) if not name.startswith("_") or name == "__len__")


@pytest.mark.parametrize("name", METHODS)
def test_the_local_engine_has_what_the_protocol_names(name: str):
    asked, there = inspect.getattr_static(Engine, name), inspect.getattr_static(Lanes, name)
    assert type(asked) is type(there)
    if callable(asked):
        assert list(inspect.signature(asked).parameters) == list(inspect.signature(there).parameters)


def test_the_protocol_names_something():
    assert {"submit", "outcome", "close", "__len__"} <= set(METHODS)
