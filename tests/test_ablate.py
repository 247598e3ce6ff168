"""`import ablate`: a version and a few names, each imported when it is first used."""

import importlib
import re

import pytest

import ablate


def test_the_names_are_those_of_the_library() -> None:
    from ablate import api, errors

    assert ablate.load is api.load
    assert ablate.run is api.run
    assert ablate.compare is api.compare
    assert ablate.open_results is api.open_results
    assert ablate.Results is api.Results
    assert ablate.AblateError is errors.AblateError


def test_every_name_that_is_announced_is_there() -> None:
    assert all(hasattr(ablate, name) for name in ablate.__all__)
    for name, home in ablate._HOMES.items():
        assert name in ablate.__all__
        assert hasattr(importlib.import_module(home), name)


def test_another_name_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match="module 'ablate' has no attribute 'train'"):
        _ = ablate.train


def test_the_version_is_one_that_installers_can_order() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?(\.dev\d+)?", ablate.__version__)
