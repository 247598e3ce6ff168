"""Modules of the user's: told from libraries, forgotten after a run, and seen to keep something else."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from ablate.training.isolation import user_modules

MODULE = """
import threading

import keras
import numpy as np

count = 0
table = {}
array = np.zeros(3)
lock = threading.Lock()


class Keeper:
    seen = 0


def default(value, found=[]):
    found.append(value)


def counter():
    number = 0

    def up():
        nonlocal number
        number += 1

    return up


def numbers():
    yield from range(9)


up, running, layer = counter(), numbers(), keras.layers.Dense(1)
layer.build((None, 1))
"""


@pytest.fixture
def known() -> set[str]:
    return set(sys.modules)


@pytest.fixture
def kept(tmp_path: Path, known: set[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "of_the_user.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("of_the_user")
    sys.modules.pop("of_the_user", None)


def test_a_module_of_the_user_is_told_from_a_library(kept: ModuleType, known: set[str]) -> None:
    importlib.import_module("this" if "this" not in sys.modules else "antigravity")
    assert user_modules.imported(known) == {"of_the_user": kept}
    assert user_modules.imported({*known, "of_the_user"}) == {}


@pytest.mark.parametrize(("beside", "is_library"), [("", False), ("other", False), ("pack-1.0.dist-info", True)])
def test_what_an_installer_put_anywhere_is_a_library(
    tmp_path: Path, known: set[str], monkeypatch: pytest.MonkeyPatch, beside: str, is_library: bool
) -> None:
    (tmp_path / "pack" / "inner").mkdir(parents=True)
    (tmp_path / "pack" / "__init__.py").touch()
    (tmp_path / "pack" / "inner" / "__init__.py").touch()
    (tmp_path / (beside or "pack")).mkdir(exist_ok=True)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("pack.inner")
    try:
        assert (user_modules.imported(known) == {}) is is_library
    finally:
        user_modules.put(known, {})
        for name in ("pack.inner", "pack"):
            sys.modules.pop(name, None)


def test_modules_are_forgotten_and_brought_back(kept: ModuleType, known: set[str]) -> None:
    user_modules.put(known, {})
    assert "of_the_user" not in sys.modules
    user_modules.put(known, {"of_the_user": kept})
    assert sys.modules["of_the_user"] is kept


CHANGES: dict[str, Callable[[ModuleType], object]] = {
    "number": lambda module: setattr(module, "count", 1),
    "table": lambda module: module.table.update(a=1),
    "array": lambda module: module.array.fill(1),
    "class": lambda module: setattr(module.Keeper, "seen", 1),
    "default": lambda module: module.default(1),
    "closure": lambda module: module.up(),
    "generator": lambda module: next(module.running),
    "layer": lambda module: module.layer.kernel.assign(module.layer.kernel + 1.0),
    "function": lambda module: setattr(module.default, "calls", 1),
    "new name": lambda module: setattr(module, "mine", None),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_module_keeps_has_a_digest(kept: ModuleType, change: str) -> None:
    modules = {"of_the_user": kept}
    before = user_modules.digest(modules)
    assert user_modules.digest(modules) == before
    CHANGES[change](kept)
    assert user_modules.digest(modules) != before
