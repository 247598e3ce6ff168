"""What names of the libraries refer to: seen where code of the user's replaced a function or a method, and put back."""

import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

Owner = ModuleType | type
Names = Mapping[str, Any]
Bound = Mapping[tuple[Owner, str], Any]  # by module or class, and name in it

MISSING = object()  # what a name refers to that is not there
_LIBRARIES = ("ablate", "builtins", "functools", "itertools", "keras", "math", "numpy", "os", "random", "time")
_OF_TENSORFLOW = ("_api.v2", "python.data.ops", "python.eager", "python.framework", "python.ops", "python.types")
_COPIES = ("keras._tf_keras", "tensorflow._api.v2.compat")  # the same functions once more
_MADE_BY_PYTHON = {"__annotations__", "__slotnames__", "__warningregistry__", "__abstractmethods__", "__doc__"}


class Rebindings:
    """The names in modules and classes of the libraries, as they were when this was made.

    Names are compared with what they referred to then, by identity, which takes a few hundredths of a second. What
    is changed inside a list or dictionary is seen in Keras' own modules alone.
    """

    def __init__(self) -> None:
        modules = [module for name, module in list(sys.modules.items()) if _is_watched(name)]
        classes = {
            value
            for module in modules
            for value in vars(module).values()
            if isinstance(value, type) and _is_watched(value.__module__) and not value.__module__.endswith("_pb2")
        }
        self._modules: dict[Owner, Names] = {module: dict(vars(module)) for module in modules}
        self._classes: dict[Owner, Names] = {found: dict(vars(found)) for found in classes}
        self._tables: dict[tuple[Owner, str], tuple[Any, Any]] = {
            (module, name): (value, value.copy())
            for module in modules
            if module.__name__.startswith("keras.")
            for name, value in vars(module).items()
            if type(value) in (dict, list, set) and not name.startswith("__")
        }

    def changed(self) -> Bound:
        """What names refer to now that referred to something else then, or that were not there."""
        found: dict[tuple[Owner, str], Any] = {}
        for module, before in self._modules.items():
            if not _is_equal(vars(module), before):
                found.update(_differences(module, before))
        for owner, before in self._classes.items():
            now = vars(owner)
            if len(now) != len(before) or any(now.get(name, MISSING) is not value for name, value in before.items()):
                found.update(_differences(owner, before))
        for (module, name), (table, before) in self._tables.items():
            if not _is_equal(table, before):
                found[module, name] = table.copy()
        return found

    def put(self, wanted: Bound) -> None:
        """Let names refer to what they referred to in the beginning, but for some.

        Args:
            wanted: what `changed` found at a time, or nothing.
        """
        now = self.changed()
        for owner, name in now.keys() | wanted.keys():
            if (owner, name) in self._tables:
                table, before = self._tables[owner, name]
                _refill(table, wanted.get((owner, name), before))
            elif (owner, name) in wanted:
                _bind(owner, name, wanted[owner, name])
            else:
                _bind(owner, name, ({**self._modules, **self._classes}[owner]).get(name, MISSING))


def _is_watched(module: str) -> bool:
    if module.startswith(_COPIES):
        return False
    root, _, rest = module.partition(".")
    return root in _LIBRARIES or (root == "tensorflow" and (not rest or rest.startswith(_OF_TENSORFLOW)))


def _differences(owner: Owner, before: Mapping[str, Any]) -> Iterator[tuple[tuple[Owner, str], Any]]:
    now = vars(owner)
    for name in {*now, *before} - _MADE_BY_PYTHON:
        value = now.get(name, MISSING)
        is_import = name not in before and isinstance(value, ModuleType)
        if value is not before.get(name, MISSING) and not is_import:
            yield (owner, name), value


def _is_equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)  # looks at identity first, so that little is really compared
    except Exception:  # noqa: BLE001 - arrays, or whatever a value of the user's does when it is compared
        return False


def _bind(owner: Owner, name: str, value: Any) -> None:
    if value is not MISSING:
        setattr(owner, name, value)
    elif name in vars(owner):
        delattr(owner, name)


def _refill(table: Any, content: Any) -> None:
    table.clear()
    if isinstance(table, list):
        table.extend(content)
    else:
        table.update(content)
