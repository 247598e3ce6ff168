"""Functions of notebooks as modules: what they name comes with them, or it is an error in words."""

import ast
import linecache
import runpy
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
    (tmp_path / "written.py").write_text(module_text(defined(source), tmp_path), encoding="utf-8")
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
def test_what_cannot_be_written_is_an_error_in_words(source: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(AblateError, match=message):
        module_text(defined(source), tmp_path)


def test_a_function_without_source_is_an_error_in_words(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("def make():\n    return 1\n", namespace)
    with pytest.raises(AblateError, match="the source of make cannot be read"):
        module_text(namespace["make"], tmp_path)


def test_values_that_only_look_plain_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AblateError, match="uses rate, a float, which cannot be written"):
        module_text(defined("rate = float('nan')\ndef make():\n    return rate\n"), tmp_path)


def run_as_script(source: str, tmp_path: Path, ending: str = "") -> dict[str, Any]:
    """The names of a script that was run, whose last lines write its function `make` to `written.py`."""
    script = tmp_path / "script.py"
    last = "written = module_text(make, Path(__file__).parent)\n"
    imports = "from pathlib import Path\nfrom ablate.usercode.transplant import module_text\n"
    script.write_text(f"{imports}{source}{ending}{last}", encoding="utf-8")
    return runpy.run_path(str(script), run_name="__main__")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("UNITS = 4\ndef make(units=UNITS):\n    return units\nUNITS = 64\n", "default units of make is 4, .*'UNITS'"),
        ("UNITS = 4\ndef make(*, a, units=UNITS):\n    return a\nUNITS = 64\n", "default units of make is 4"),
        (
            "UNITS = [4]\ndef make(u=UNITS[0]):\n    return u\nUNITS[0] = 64\n",
            r"default u of make is 4, .*'UNITS\[0\]'",
        ),
        ("RATE = 1\ndef make(rate=RATE):\n    return rate\nRATE = 1.0\n", "default rate of make is 1, "),
        ("def make(units=4):\n    return units\nmake.__defaults__ = (64,)\n", "default units of make is 64, .*'4'"),
        ("def make(units):\n    return units\nmake.__defaults__ = (64,)\n", "default units of make is 64, .*nothing"),
        ("import random\ndef make(u=random.random()):\n    return u\n", r"'random.random\(\)', which may give another"),
        (
            "UNITS = 4\ndef inner(units=UNITS):\n    return units\ndef make():\n    return inner()\nUNITS = 64\n",
            "default units of inner is 4",
        ),
    ],
)
def test_a_default_of_another_value_is_an_error(source: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(AblateError, match=message):
        module_text(defined(source), tmp_path)


def test_defaults_that_come_out_again_are_written(tmp_path: Path) -> None:
    source = """
import math
UNITS = 4
def half(x):
    return x / 2
def make(a, b=UNITS, /, c=2 * UNITS + 1, *, d, e=half, f=(UNITS, "x"), g=math.pi):
    return a, b, c, d, e(3), f, g > 3
"""
    assert answer(source, tmp_path, "make(1, d=2)") == "(1, 4, 9, 2, 1.5, (4, 'x'), True)"


@pytest.mark.parametrize(
    "edited",
    [
        "def other():\n    return 4\n\n\ndef make():\n    return 4\n",  # another function stands there now
        "def make():\n    return 64\n",
        "def make(units=1):\n    return 4\n",
        "def make():\n    return (lambda: 4)()\n",
    ],
)
def test_a_file_that_changed_is_an_error(edited: str, tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text("def make():\n    return 4\n", encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    assert "return 4" in module_text(namespace["make"], tmp_path)
    file.write_text(f"{edited}\n", encoding="utf-8")
    with pytest.raises(AblateError, match="the file changed since it was imported"):
        module_text(namespace["make"], tmp_path)


def test_a_function_that_is_indented_keeps_its_documentation(tmp_path: Path) -> None:
    source = """
if True:
    def make():
        '''One line.

        Another.
        '''
        return 4
"""
    assert answer(source, tmp_path) == "4"
    lines = source.replace("return 4", "return '''a\\n        b'''")
    with pytest.raises(AblateError, match="make holds a text of several lines"):
        module_text(defined(lines.replace("\\n", "\n")), tmp_path)


def test_cells_are_compiled_a_statement_at_a_time(tmp_path: Path) -> None:
    source = "import math\ndef make():\n    return math.floor(4.5)\n"
    file = "<a cell>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for statement in ast.parse(source).body:
        exec(compile(ast.Module([statement], []), file, "exec"), namespace)
    assert "math.floor(4.5)" in module_text(namespace["make"], tmp_path)


LAYER = """
import keras
UNITS = 4
class Base(keras.layers.Layer):
    pass
class Scale(Base):
    units: int = UNITS
    both = (units, "x")
    def __init__(self, rate=UNITS, **others):
        '''Of a layer.

        In two parts.
        '''
        super().__init__(**others)
        self.rate = rate
    @property
    def more(self):
        return self.units
    @staticmethod
    def plain():
        return 1
    def call(self, x):
        return x * self.units
def make():
    return Scale
"""


def test_a_class_comes_along(tmp_path: Path) -> None:
    text = run_as_script(LAYER, tmp_path)["written"]
    assert text.count("class Scale") == text.count("class Base") == text.count("UNITS = 4") == 1


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        ("Scale.units = 64\n", r"Scale\.units is 64, and its source says 'UNITS'"),
        ("UNITS = 64\n", "Scale"),
        ("Scale.extra = 64\n", r"Scale\.extra is 64, and its source says nothing"),
        ("Scale.call = lambda self, x: x\n", r"the source of Scale\.call is not"),
        ("Scale.plain = staticmethod(lambda: 2)\n", r"the source of Scale\.plain is not"),
        ("Scale.more = property(lambda self: 2)\n", r"the source of Scale\.more is not"),
        ("Scale.__init__.__defaults__ = (64,)\n", r"default rate of Scale\.__init__ is 64"),
        ("del Scale.both\n", r"Scale\.both was replaced or removed"),
        ("class Base(keras.layers.Dense):\n    pass\n", "a class that Scale is derived from was replaced"),
    ],
)
def test_a_class_that_was_changed_is_an_error(ending: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(AblateError, match=message):
        run_as_script(LAYER, tmp_path, ending)


def test_a_class_that_is_defined_twice_is_the_one_that_is_used_or_an_error(tmp_path: Path) -> None:
    source = """
class Sizes:
    def units(self):
        return 4
class Sizes:
    def units(self):
        return 64
def make():
    return Sizes().units()
"""
    try:
        text = run_as_script(source, tmp_path)["written"]
    except AblateError as error:
        assert "the source of Sizes is not that of the Sizes" in str(error)  # noqa: PT017 - up to Python 3.12
    else:
        assert "64" in text


def test_dataclasses_and_enumerations_come_along(tmp_path: Path) -> None:
    source = """
import dataclasses
import enum
@dataclasses.dataclass(frozen=True)
class Sizes:
    units: int = 4
    more: list = dataclasses.field(default_factory=list)
class Kind(enum.Enum):
    SMALL = 1
    LARGE = "large"
    def both(self):
        return self, 1
def make():
    return Sizes().units, Kind.LARGE.value
"""
    text = run_as_script(source, tmp_path)["written"]
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "written.py", "exec"), names)
    assert names["make"]() == (4, "large")
