"""Code of the user's that a study names (`"module:function"`): found, checked and digested without running it."""

import ast
import contextlib
import hashlib
import importlib
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

from ablate.errors import Problem, StudyError, suggest

ELSEWHERE = "name the study file that it was run from by --config, or copy study.toml to where its modules are"
_OF_RESULTS = ("study.toml", "identity.json")  # in every folder of results, from before anything is trained
_UNREADABLE = (OSError, SyntaxError, ValueError, RecursionError, MemoryError)  # the last two of nesting without end


def is_results_folder(folder: Path) -> bool:
    """Whether a folder holds a study's results, which anybody may have filled: no code is taken from there."""
    return all(os.path.lexists(folder / name) for name in _OF_RESULTS)


def digest(reference: str, folder: Path, key: str) -> str:
    """SHA-256 over a function's module and the modules of the study's folder that it imports; see `files`."""
    return digest_of(files(reference, folder, key))


def digest_of(sources: Iterable[Path]) -> str:
    """SHA-256 over source files, in whatever order."""
    total = hashlib.sha256()
    for content in sorted(hashlib.sha256(each.read_bytes()).digest() for each in sources):
        total.update(content)
    return total.hexdigest()


def files(reference: str, folder: Path, key: str) -> set[Path]:
    """The source files of a function's module and of the modules of the study's folder that it imports.

    Args:
        reference: `package.module:function`.
        folder: of the study; it is searched first.
        key: path of the study file's key that names it, for errors.

    Raises:
        StudyError: there is no such module or function, or it is not valid Python.
    """
    module, _, name = reference.partition(":")
    try:
        file = _file(module, folder)
        _check_defined(file, name)
        return {file, *_imported(module, folder)}
    except _CodeError as error:
        raise StudyError("code", [Problem(key, str(error), f'"{reference}"')]) from None
    except _UNREADABLE as error:
        raise StudyError(
            "code", [Problem(key, f"cannot be read: {str(error) or type(error).__name__}", f'"{reference}"')]
        ) from None


@dataclass(frozen=True)
class Signature:
    """What a function can be called with, by its source.

    Attributes:
        file: where it is defined.
        names: arguments that can be given by name.
        required: those of them that have no default.
        any_name: whether it takes arguments of any other name as well.
    """

    file: Path
    names: tuple[str, ...]
    required: tuple[str, ...]
    any_name: bool


def signature(reference: str, folder: Path, key: str) -> Signature:
    """The parameters of a function of the user's, read without running its module.

    Args:
        reference: `package.module:function`.
        folder: of the study.
        key: path of the study file's key that names it, for errors.

    Raises:
        StudyError: there is no such function, or it cannot be called by names alone.
    """
    module, _, name = reference.partition(":")
    try:
        file = _file(module, folder)
        return _signature(file, name)
    except _CodeError as error:
        raise StudyError("code", [Problem(key, str(error), f'"{reference}"')]) from None
    except _UNREADABLE as error:
        raise StudyError(
            "code", [Problem(key, f"cannot be read: {str(error) or type(error).__name__}", f'"{reference}"')]
        ) from None


def _signature(file: Path, name: str) -> Signature:
    body = ast.parse(file.read_bytes(), filename=str(file)).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == name]
    if not functions:
        raise _CodeError(f"should be defined in {file} itself, as 'def {name}(...)': its parameters are read there")
    taken = functions[-1].args
    if taken.posonlyargs:
        raise _CodeError(f"takes '{taken.posonlyargs[0].arg}' by position only; it is called by names")
    names = [each.arg for each in taken.args]
    required = names[: len(names) - len(taken.defaults)]
    required += [each.arg for each, default in zip(taken.kwonlyargs, taken.kw_defaults, strict=True) if default is None]
    names += [each.arg for each in taken.kwonlyargs]
    return Signature(file, tuple(names), tuple(required), taken.kwarg is not None)


def _imported(module: str, folder: Path) -> set[Path]:
    """Source files of a module of the folder and of what it imports from there; none if it lies elsewhere."""
    finder = ModuleFinder(path=[str(folder)])
    with contextlib.suppress(ImportError):
        finder.import_hook(module)
    paths = (getattr(found, "__file__", None) for found in finder.modules.values())  # none for namespaces
    return {Path(path) for path in paths if path}


def open_folder(folder: Path) -> None:
    """Let `load` find the modules of a study's folder, before any others."""
    if str(folder) not in sys.path and not is_results_folder(folder):
        sys.path.insert(0, str(folder))


def load(reference: str) -> Callable[..., Any]:
    """Import a function. Runs the user's code.

    Raises:
        AttributeError: the module has no such name.
        ImportError: the module cannot be imported.
    """
    module, _, name = reference.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


class _CodeError(Exception):
    """What is wrong with a reference; `digest` adds the key and the value."""


def _file(module: str, folder: Path) -> Path:
    """Where a module's source lies; parent packages are looked through, not imported."""
    if is_results_folder(folder):
        raise _CodeError(f"no code is taken from {folder}, a folder of results; {ELSEWHERE}")
    path: list[str] | None = [str(folder), *sys.path]
    spec: ModuleSpec | None = None
    for part in module.split("."):
        spec = PathFinder.find_spec(part, path)
        if spec is None:
            raise _CodeError(f"there is no module '{module}' in {folder}, nor among the installed ones")
        path = spec.submodule_search_locations
        if path is None and part != module.rpartition(".")[2]:
            raise _CodeError(f"'{part}' in '{module}' is a module, not a package")
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise _CodeError(f"'{module}' is not a Python source file")
    return Path(spec.origin)


def _check_defined(file: Path, name: str) -> None:
    """See that a module defines a name somewhere at its top, unless a star import may bring it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes(), filename=str(file))):
        match node:
            case ast.ImportFrom(names=aliases) if any(alias.name == "*" for alias in aliases):
                return
            case ast.FunctionDef(name=found) | ast.ClassDef(name=found) | ast.Name(id=found, ctx=ast.Store()):
                names.add(found)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name for alias in aliases)
            case _:
                pass
    if name not in names:
        raise _CodeError(f"{file} defines no '{name}'{suggest(name, sorted(names))}")
