"""A function of a notebook or a script as a module of its own, with the imports, functions and constants it uses.

Worker processes cannot import what a notebook defines. So its source is written to a file, with everything that it
names; what cannot be written as code is an error here, not a surprise in a worker.
"""

import ast
import builtins
import inspect
import symtable
import sys
import textwrap
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from ablate.errors import AblateError

_PLAIN = (bool, int, float, complex, str, bytes, type(None), tuple, list, dict, set)


def module_text(function: Callable[..., Any]) -> str:
    """The source of a module that defines a function and all that it names.

    Args:
        function: a plain `def` of `__main__`: of a notebook, an interactive session or the script that runs.

    Raises:
        AblateError: its source cannot be had, or it names something that cannot be written as code.
    """
    parts = _Parts(function.__name__)
    parts.add(function.__name__, function)
    return "\n".join([*sorted(parts.imports), "", *parts.constants, "", *parts.definitions]).strip() + "\n"


class _Parts:
    """The pieces of a module, in the order in which they have to stand."""

    def __init__(self, wanted: str) -> None:
        self.imports: set[str] = set()
        self.constants: list[str] = []
        self.definitions: list[str] = []
        self._wanted = wanted
        self._seen: set[str] = set()

    def add(self, name: str, value: Any) -> None:
        """Add what defines a name, once."""
        if name in self._seen:
            return
        self._seen.add(name)
        if isinstance(value, ModuleType):
            self.imports.add(_import_of(value, name))
        elif isinstance(value, FunctionType | type) and value.__module__ == "__main__":
            self._define(name, value)
        elif _is_importable(value):
            self.imports.add(_from_import(value, name))
        elif _is_plain(value):
            self.constants.append(f"{name} = {value!r}")
        else:
            kind = type(value).__name__
            raise AblateError(
                f"{self._wanted} uses {name}, a {kind}, which cannot be written to a file; make it inside the "
                f"function, or put the function into a module: model='module:{self._wanted}'"
            )

    def _define(self, name: str, value: Any) -> None:
        source = _source(value, self._wanted)
        if value.__name__ != name:
            raise AblateError(f"{name} is another name of {value.__name__}; use {value.__name__} in {self._wanted}")
        namespace = value.__globals__ if isinstance(value, FunctionType) else vars(sys.modules["__main__"])
        for other in _named(source):
            if other in namespace:
                self.add(other, namespace[other])
            elif not hasattr(builtins, other) and other != name:
                raise AblateError(f"{name} uses {other}, which is not defined")
        self.definitions.append(f"\n{source}")


def _source(value: Any, wanted: str) -> str:
    """The source of a function or class, to stand at the beginning of a line."""
    if isinstance(value, FunctionType) and (value.__closure__ or "<locals>" in value.__qualname__):
        raise AblateError(f"{value.__name__} is defined inside another function; define it at the top level")
    try:
        source = textwrap.dedent(inspect.getsource(value))
        (definition,) = ast.parse(source).body
    except (OSError, TypeError, SyntaxError, ValueError) as error:
        raise AblateError(
            f"the source of {value.__name__} cannot be read ({error}); put {wanted} into a module: "
            f"model='module:{wanted}'"
        ) from None
    if not isinstance(definition, ast.FunctionDef | ast.ClassDef):
        raise AblateError(f"{wanted} is defined by a lambda or in the middle of a line; write it as a 'def'")
    return source


def _named(source: str) -> list[str]:
    """The names that a piece of source takes from outside of itself, in alphabetical order."""
    found: set[str] = set()

    def look(table: symtable.SymbolTable) -> None:
        top = table.get_type() == "module"
        found.update(
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (symbol.is_global() or (top and not symbol.is_assigned()))
        )
        for child in table.get_children():
            look(child)

    look(symtable.symtable(source, "<notebook>", "exec"))
    return sorted(found)


def _is_importable(value: Any) -> bool:
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return (
        isinstance(module, str)
        and isinstance(name, str)
        and module != "__main__"
        and getattr(sys.modules.get(module), name, None) is value
    )


def _from_import(value: Any, name: str) -> str:
    own = value.__qualname__
    return f"from {value.__module__} import {own}" + (f" as {name}" if own != name else "")


def _import_of(module: ModuleType, name: str) -> str:
    if module.__name__ == "__main__":
        raise AblateError(f"{name} is the notebook or script itself, which workers cannot import")
    return f"import {module.__name__}" + (f" as {name}" if module.__name__ != name else "")


def _is_plain(value: Any) -> bool:
    """Whether a value's `repr` is code that makes an equal value."""
    if type(value) not in _PLAIN:
        return False
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, RecursionError):
        return False
