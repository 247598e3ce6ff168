"""Modules of the user's in this process: forgotten after a run, and seen to have changed what they keep."""

import functools
import hashlib
import pickle
import sys
import sysconfig
import types
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

_LIBRARIES = tuple(
    dict.fromkeys(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
)


def imported(known: set[str]) -> dict[str, ModuleType]:
    """Modules by name that are there now and belong to no library.

    Args:
        known: names of modules that were there before any code of the user's ran; they are left out.
    """
    return {name: module for name, module in list(sys.modules.items()) if name not in known and _is_users(name, module)}


def _is_users(name: str, module: ModuleType | None) -> bool:
    root = name.partition(".")[0]
    if root == "ablate":
        return False
    places = [getattr(module, "__file__", None) or "", *map(str, getattr(module, "__path__", ()))]
    return any(place and not place.startswith(_LIBRARIES) and not _is_installed(place, root) for place in places)


def _is_installed(place: str, root: str) -> bool:
    """Whether a module lies where packages are installed: by an installer, or by the system."""
    parts = Path(place).parts
    if "site-packages" in parts or "dist-packages" in parts:
        return True
    names = (root, f"{root}.py")
    return any(_has_packages(Path(*parts[:count])) for count, name in enumerate(parts) if name in names and count)


@functools.cache
def _has_packages(folder: Path) -> bool:
    """Whether an installer put packages into a folder: it leaves a description of each."""
    return next(folder.glob("*.dist-info"), None) is not None


def put(known: set[str], wanted: Mapping[str, ModuleType]) -> None:
    """Let exactly some of the user's modules be imported; others will be imported anew."""
    for name in imported(known).keys() - wanted.keys():
        del sys.modules[name]
    sys.modules.update(wanted)


def digest(modules: Mapping[str, ModuleType]) -> str:
    """SHA-256 over everything that modules keep: globals, attributes of classes, default arguments, closures."""
    sink = _Sink()
    contents = {name: _data(vars(module)) for name, module in sorted(modules.items())}
    _Writer(sink, set(modules)).dump(contents)
    return sink.digest.hexdigest()


def _data(names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in names.items() if not (name.startswith("__") and name.endswith("__"))}


class _Sink:
    """A file that is digested and never kept."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return len(data)


class _Writer(pickle.Pickler):
    """Writes values as bytes to be digested, and never to be read: also those that cannot be pickled."""

    def __init__(self, sink: _Sink, modules: set[str]) -> None:
        super().__init__(sink, protocol=5)
        self._modules = modules
        self._seen: dict[int, Any] = {}

    def reducer_override(self, value: Any) -> Any:
        """What is written for a value: its type's name and what it holds, or where it was seen before."""
        if isinstance(value, type) and value.__module__ == "builtins":
            return NotImplemented
        holds = self._holds(value)
        if holds is None:
            with suppress(Exception):  # locks, files, compiled functions: whatever cannot be pickled
                return value.__reduce_ex__(4)
            holds = _data(getattr(value, "__dict__", {}))
        place = len(self._seen)
        if id(value) in self._seen:
            return str, (f"seen {self._seen[id(value)][0]}",)
        self._seen[id(value)] = place, value
        kind = value if isinstance(value, type | types.FunctionType) else type(value)
        return tuple, ((f"{kind.__module__}.{kind.__qualname__}", holds),)

    def _holds(self, value: Any) -> Any:
        """What is digested of values whose own way of being pickled would leave things out; `None` for all others."""
        match value:
            case ModuleType():
                return value.__name__
            case type():
                return _data(vars(value)) if value.__module__ in self._modules else ""
            case types.FunctionType() if value.__module__ not in self._modules:
                return ""
            case types.FunctionType():
                cells = [_content(cell) for cell in value.__closure__ or ()]
                return value.__defaults__, value.__kwdefaults__, vars(value), cells
            case types.GeneratorType() if value.gi_frame:
                return value.gi_frame.f_lasti, dict(value.gi_frame.f_locals)
            case keras.layers.Layer():
                return [weight.numpy() for weight in value.weights]
            case keras.Variable() | tf.Variable() | tf.Tensor():
                return np.asarray(value)
            case staticmethod() | classmethod():
                return value.__func__
            case _:
                return None


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing was put in yet
        return None
