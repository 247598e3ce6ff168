"""A function of a notebook or a script as a module of its own, with the imports, functions and constants it uses.

Worker processes cannot import what a notebook defines. So its source is written to a file, with everything that it
names; what cannot be written as code is an error here, not a surprise in a worker. So is source that no longer says
what the function does: an edited file, a default or an attribute of a class whose value was computed from another one.
"""

import __future__

import ast
import builtins
import inspect
import os
import symtable
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from enum import EnumType
from importlib.machinery import PathFinder
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ablate.errors import AblateError

_PLAIN = (bool, int, float, complex, str, bytes, type(None), tuple, list, dict, set)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_CALLS = (ast.Call, ast.Lambda, ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
_NOT_REPEATED = (*_COMPREHENSIONS, *_CALLS)  # computed again, these give other objects, or do something
_ANNOTATIONS = __future__.annotations.compiler_flag
_TAKES = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS


def module_text(function: Callable[..., Any], folder: Path) -> str:
    """The source of a module that defines a function and all that it names.

    Args:
        function: a plain `def` of `__main__`: of a notebook, an interactive session or the script that runs.
        folder: where the module will lie; its other modules are found before all others.

    Raises:
        AblateError: its source cannot be had or is not that of the function, or it names something that cannot be
            written as code or imported from there.
    """
    parts = _Parts(function.__name__, folder)
    parts.add(function.__name__, function)
    return "\n".join([*sorted(parts.imports), "", *parts.constants, "", *parts.definitions]).strip() + "\n"


class _Parts:
    """The pieces of a module, in the order in which they have to stand."""

    def __init__(self, wanted: str, folder: Path) -> None:
        self.imports: set[str] = set()
        self.constants: list[str] = []
        self.definitions: list[str] = []
        self._wanted = wanted
        self._folder = folder
        self._seen: set[str] = set()

    def add(self, name: str, value: Any) -> None:
        """Add what defines a name, once."""
        if name in self._seen:
            return
        self._seen.add(name)
        if isinstance(value, ModuleType):
            self.imports.add(_import_of(value, name))
            _check_not_hidden(value.__name__, self._folder)
        elif isinstance(value, FunctionType | type) and value.__module__ == "__main__":
            self._define(name, value)
        elif _is_importable(value):
            self.imports.add(_from_import(value, name))
            _check_not_hidden(value.__module__, self._folder)
        elif _is_plain(value):
            self.constants.append(f"{name} = {value!r}")
        else:
            kind = type(value).__name__
            raise AblateError(
                f"{self._wanted} uses {name}, a {kind}, which cannot be written to a file; make it inside the "
                f"function, or put the function into a module: model='module:{self._wanted}'"
            )

    def _define(self, name: str, value: Any) -> None:
        source, definition = _source(value, self._wanted)
        if value.__name__ != name:
            raise AblateError(f"{name} is another name of {value.__name__}; use {value.__name__} in {self._wanted}")
        namespace = value.__globals__ if isinstance(value, FunctionType) else vars(sys.modules["__main__"])
        _check_unchanged(value, definition, namespace)
        for other in _named(source):
            if other in namespace:
                self.add(other, namespace[other])
            elif not hasattr(builtins, other) and other != name:
                raise AblateError(f"{name} uses {other}, which is not defined")
        self.definitions.append(f"\n{source}")


def _source(value: Any, wanted: str) -> tuple[str, ast.FunctionDef | ast.ClassDef]:
    """The source of a function or class, to stand at the beginning of a line, and what it says."""
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
    return source, definition


def _check_unchanged(value: Any, definition: ast.FunctionDef | ast.ClassDef, namespace: Mapping[str, Any]) -> None:
    """See that source, when it is run again, gives the function or class that is there now."""
    lines, _ = inspect.findsource(value)
    tree = _parsed("".join(lines), value.__name__)
    own = [value] if isinstance(value, FunctionType) else _functions(vars(value))
    first = {each.__code__.co_firstlineno for each in own if each.__code__.co_qualname.startswith(value.__qualname__)}
    excerpt, start = inspect.getsourcelines(value)
    if definition.name != value.__name__ or not first <= set(range(start, start + len(excerpt))):
        raise _changed_file(value.__name__)
    if lost := _texts(definition) - _texts(tree):
        text = repr(min(lost))[:60]
        raise AblateError(f"{value.__name__} holds a text of several lines, {text}; define it without indentation")
    if isinstance(definition, ast.ClassDef):
        _check_class(value, definition, tree, namespace)
    else:
        _check_function(value, value.__qualname__, tree)
        _check_defaults(value, definition, namespace)


def _parsed(text: str, name: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        raise _changed_file(name) from None


def _texts(tree: ast.AST) -> set[str]:
    """The texts in a piece of source, without its documentation, whose indentation does not matter."""
    alone = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    constants = [each for each in ast.walk(tree) if isinstance(each, ast.Constant) and id(each) not in alone]
    return {each.value for each in constants if isinstance(each.value, str)}


def _check_function(function: FunctionType, qualified: str, tree: ast.Module) -> None:
    """See that a function is compiled from a file as the file is now."""
    own = function.__code__
    whole = [tree, *(ast.Module([each], []) for each in tree.body)]  # notebooks compile each statement of a cell alone
    flags = own.co_flags & _ANNOTATIONS
    compiled = (code for each in whole for code in _codes(compile(each, "<source>", "exec", flags, dont_inherit=True)))
    if own.co_qualname != qualified or not any(_is_same_code(own, code) for code in compiled):
        raise _changed_file(qualified)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def _changed_file(name: str) -> AblateError:
    return AblateError(
        f"the source of {name} is not that of the {name} that is defined now: the file changed since it was imported, "
        f"or {name} was replaced; define it again, or start again"
    )


def _is_same_code(one: CodeType, other: CodeType) -> bool:
    """Whether two functions do the same, and stand on the same line."""
    return _shape(one) == _shape(other) and all(map(_is_same_constant, one.co_consts, other.co_consts))


def _shape(code: CodeType) -> tuple[Any, ...]:
    names = (code.co_qualname, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, len(code.co_consts))
    return (code.co_firstlineno, code.co_code, code.co_flags & _TAKES, names, counts)


def _is_same_constant(one: Any, other: Any) -> bool:
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return _is_same_code(one, other)
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return one == other
    return repr(one) == repr(other)


def _check_defaults(function: FunctionType, definition: ast.FunctionDef, namespace: Mapping[str, Any]) -> None:
    """See that the defaults of a function are what its source would compute now."""
    taken = definition.args
    names = [each.arg for each in [*taken.posonlyargs, *taken.args]]
    by_position = dict(zip(reversed(names), reversed(function.__defaults__ or ()), strict=False))
    written = dict(zip(reversed(names), reversed(taken.defaults), strict=False))
    written |= {each.arg: node for each, node in zip(taken.kwonlyargs, taken.kw_defaults, strict=True) if node}
    held = by_position | (function.__kwdefaults__ or {})
    for name in written.keys() | held.keys():
        if name not in written or name not in held or not _computes(written[name], held[name], namespace):
            raise _changed_value(f"the default {name} of {function.__qualname__}", written.get(name), held, name)


def _check_class(value: type, definition: ast.ClassDef, tree: ast.Module, namespace: Mapping[str, Any]) -> None:
    """See that bases, functions and attributes of a class are what its source would make now."""
    held = dict(vars(value))
    if isinstance(value, EnumType):
        held |= {name: value[name].value for name in value.__members__}
    within = {**namespace, **held}
    for node, base in zip(definition.bases, value.__bases__, strict=False):
        if not _computes(node, base, namespace):
            raise _changed_value(f"a class that {value.__name__} is derived from", node, {}, "")
    members = _members(definition)
    for name, member in members.items():
        if isinstance(member, ast.FunctionDef):
            _check_method(value, member, tree, within)
        elif isinstance(member, ast.ClassDef) and isinstance(held.get(name), type):
            _check_class(held[name], member, tree, within)
        elif isinstance(member, ast.expr) and not (
            _computes(member, held[name], within) if name in held else name in held.get("__dataclass_fields__", ())
        ):
            raise _changed_value(f"{value.__name__}.{name}", member, held, name)
    for name in held.keys() - members.keys():
        is_own = name.startswith("_") and name.endswith("_")  # of Python
        if not is_own and (_is_plain(held[name]) or isinstance(held[name], FunctionType)):
            raise _changed_value(f"{value.__name__}.{name}", None, held, name)


def _members(definition: ast.ClassDef) -> dict[str, ast.AST]:
    """What a class statement gives names to: functions, classes, and expressions."""
    found: dict[str, ast.AST] = {}
    for statement in definition.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found[name] = statement
            case ast.Assign(targets=[ast.Name(id=name)], value=node):
                found[name] = node
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as node):
                found[name] = node
            case _:
                pass
    return found


def _check_method(value: type, definition: ast.FunctionDef, tree: ast.Module, within: Mapping[str, Any]) -> None:
    name = definition.name
    functions = list(_functions({name: vars(value).get(name)}))
    if name not in vars(value):
        raise _changed_file(f"{value.__name__}.{name}")
    for each in functions:
        _check_function(each, f"{value.__qualname__}.{name}", tree)
    if len(functions) == 1:
        _check_defaults(functions[0], definition, within)


def _functions(attributes: Mapping[str, Any]) -> Iterator[FunctionType]:
    """The functions of a class, also those in properties and behind decorators that say what they decorate."""
    for each in attributes.values():
        parts: list[Any] = [getattr(each, "__func__", each)]
        if isinstance(each, property):
            parts = [each.fget, each.fset, each.fdel]
        yield from (found for part in parts if isinstance(found := inspect.unwrap(part), FunctionType))


def _computes(node: ast.expr, held: Any, namespace: Mapping[str, Any]) -> bool:
    """Whether an expression, computed now, gives a value that is held since it was computed first."""
    if any(isinstance(each, _NOT_REPEATED) for each in ast.walk(node)):
        return False
    try:
        now = eval(compile(ast.Expression(node), "<source>", "eval"), dict(namespace))  # noqa: S307 - the user's own
    except Exception:  # noqa: BLE001 - whatever the user's objects raise
        return False
    return now is held or (type(now) is type(held) and _is_plain(held) and repr(now) == repr(held))


def _changed_value(what: str, node: ast.expr | None, held: Mapping[str, Any], name: str) -> AblateError:
    value = f"is {held[name]!r}"[:100] if name in held else "was replaced or removed"
    source = f"'{ast.unparse(node)}'"[:100] if node else "nothing"
    return AblateError(
        f"{what} {value}, and its source says {source}, which may give another value when it is run again; define it "
        "again, or compute it inside the function"
    )


def _check_not_hidden(module: str, folder: Path) -> None:
    """See that a folder, which is searched first, holds no other module of the name of an imported one."""
    top = module.partition(".")[0]
    used = getattr(sys.modules.get(top), "__file__", None)
    found = PathFinder.find_spec(top, [str(folder)])
    if used and found and found.origin and not is_same_file(used, found.origin):
        raise AblateError(f"{top} is {used} here, but workers would import {found.origin}; rename one of the two")


def is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two paths lead to one file."""
    return Path(one).resolve() == Path(other).resolve()


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
