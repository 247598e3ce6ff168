"""`import ablate`: a version and a few names, each imported when it is first used."""

import ast
import importlib
import re
import subprocess
import sys

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


def test_dir_and_help_show_what_is_imported_on_first_use() -> None:
    """In a fresh process, where nothing was used before."""
    code = "import ablate, pydoc; print(dir(ablate)); print(pydoc.plain(pydoc.render_doc(ablate)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    listed, _, described = done.stdout.partition("\n")
    assert set(ablate.__all__) <= set(ast.literal_eval(listed))
    for name in ("run", "load", "open_results", "compare"):
        assert f"    {name}(" in described
    assert "Train the runs of a study that are not there yet" in described
