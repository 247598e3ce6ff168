"""Functions of notebooks as modules: what they name comes with them, or it is an error in words."""

import linecache
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ablate.errors import AblateError
from ablate.usercode.transplant import module_text


def defined(source: str, name: str = "make") -> Any:
    """A function of `__main__`, as a cell of a notebook defines it."""
    file = f"<cell {hash(source)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, file, "exec"), namespace)
    return namespace[name]


def answer(source: str, tmp_path: Path, call: str = "make()") -> str:
    """What another process gets from the written module."""
    (tmp_path / "written.py").write_text(module_text(defined(source)), encoding="utf-8")
    code = f"import sys; sys.path.insert(0, '.'); from written import make; print({call})"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_imports_functions_and_constants_come_along(tmp_path: Path) -> None:
    source = """
import math
import os.path as paths
from fractions import Fraction as F
UNITS = (4, 8)
OTHER = 5
def half(x):
    return F(x, 2) + OFFSET
OFFSET = 1
def unused():
    return NOTHING
def make(scale=UNITS[0]):
    total = [half(each) for each in UNITS]
    return scale, math.floor(sum(total)), paths.join("a", "b")
"""
    assert answer(source, tmp_path) == f"(4, 8, '{'a/b'}')"
    assert "OTHER" not in (tmp_path / "written.py").read_text()


def test_a_local_name_is_not_taken_for_a_global_one(tmp_path: Path) -> None:
    source = "frame = object()\ndef make(frame=2):\n    return frame\n"
    assert answer(source, tmp_path) == "2"


def test_functions_that_call_each_other_are_written_once(tmp_path: Path) -> None:
    source = """
def even(n):
    return True if n == 0 else odd(n - 1)
def odd(n):
    return False if n == 0 else even(n - 1)
def make():
    return even(10), odd(10)
"""
    assert answer(source, tmp_path) == "(True, False)"
    assert (tmp_path / "written.py").read_text().count("def even") == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("table = object()\ndef make():\n    return table\n", "uses table, a object, which cannot be written"),
        ("def make():\n    return nowhere\n", "uses nowhere, which is not defined"),
        ("make = lambda: 1\n", "lambda"),
        (
            "def outer():\n    def make():\n        return 1\n    return make\nmake = outer()\n",
            "inside another function",
        ),
    ],
)
def test_what_cannot_be_written_is_an_error_in_words(source: str, message: str) -> None:
    with pytest.raises(AblateError, match=message):
        module_text(defined(source))


def test_a_function_without_source_is_an_error_in_words() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("def make():\n    return 1\n", namespace)
    with pytest.raises(AblateError, match="the source of make cannot be read"):
        module_text(namespace["make"])


def test_values_that_only_look_plain_are_refused() -> None:
    with pytest.raises(AblateError, match="uses rate, a float, which cannot be written"):
        module_text(defined("rate = float('nan')\ndef make():\n    return rate\n"))
