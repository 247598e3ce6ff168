"""TOML in and out: reading a study file, applying `--set` overrides, writing the resolved study."""

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomli_w

from ablate import reading
from ablate.errors import Problem, StudyError
from ablate.settings import signs
from ablate.text import line

FILE_NAME = "ablations.toml"
LARGEST_FILE = 1_000_000  # bytes; the largest hand-written study we know of has under 10,000


def find(start: Path) -> Path:
    """The nearest `ablations.toml` in a folder or above it.

    Raises:
        StudyError: there is none.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    message = "not found here or in any folder above; 'ablate init' writes one, --config names another file"
    raise StudyError(start / FILE_NAME, [Problem("", message)])


def text_of(path: Path) -> str:
    """The text of a study file that the user named.

    Raises:
        StudyError: it is missing, no file, too large or not UTF-8.
    """
    try:
        return decode(reading.named(path, LARGEST_FILE), path)
    except FileNotFoundError:
        problem = "no such file; 'ablate init' writes one, --config names another file"
    except reading.DamagedError as error:
        problem = f"cannot be read: {error}; is this a study file?"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    raise StudyError(path, [Problem("", problem)]) from None


def decode(content: bytes, path: Path) -> str:
    """The text of a study file.

    Raises:
        StudyError: it is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StudyError(path, [Problem("", f"not UTF-8 text (byte {error.start}); save it as UTF-8")]) from None


def parse(text: str, source: Path) -> dict[str, Any]:
    """The document of a TOML text.

    Args:
        text: of a study file, wherever it comes from.
        source: what errors name.

    Raises:
        StudyError: it is too long, not TOML (with line and column) or nested too deeply.
    """
    if len(text) > LARGEST_FILE:
        raise StudyError(source, [Problem("", f"longer than {LARGEST_FILE:,} characters; is this a study?")])
    try:
        signs.check_depth(text)
        return tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        problem = f"not valid TOML: {error}"
    except RecursionError:
        problem = "not valid TOML: nested too deeply"
    raise StudyError(source, [Problem("", problem)]) from None


def parse_override(text: str) -> tuple[tuple[str, ...], Any]:
    """A `dotted.key=value` override as a path of keys and a value: typed as TOML, else the text itself.

    Raises:
        StudyError: there is no `=`, or the key is not a TOML key.
    """
    key, equals, value = text.partition("=")
    path = _path(key)
    if not equals or not path:
        raise StudyError("--set", [Problem("", f"{line(text, 100)!r} is not of the form dotted.key=value")])
    try:
        signs.check_depth(value)
        return path, tomllib.loads(f"value = {value}")["value"]
    except ValueError:
        return path, value


def _path(key: str) -> tuple[str, ...]:
    """The parts of a TOML key; none if it is not a single one."""
    try:
        signs.check_depth(key)
        nested: Any = tomllib.loads(f"{key} = 0")
    except ValueError:
        return ()
    path: list[str] = []
    while isinstance(nested, dict):
        if len(nested) != 1:
            return ()
        ((name, nested),) = nested.items()
        path.append(name)
    return tuple(path)


def override(document: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """A copy of a document with overrides put in, each replacing what stood at its key.

    Raises:
        StudyError: an override is malformed, or leads through a value that is not a table.
    """
    changed = dict(document)
    for text in overrides:
        path, value = parse_override(text)
        table = changed
        for name in path[:-1]:
            child = table.get(name, {})
            if not isinstance(child, dict):
                raise StudyError("--set", [Problem("", f"{text!r}: {name} is not a table")])
            table[name] = dict(child)
            table = table[name]
        table[path[-1]] = value
    return changed


def write(document: dict[str, Any]) -> str:
    """A document as TOML text."""
    return tomli_w.dumps(document)


def value_text(value: Any) -> str:
    """A value as it would stand in a TOML file, cut to a readable length."""
    text = _inline(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _inline(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list():
            return f"[{', '.join(_inline(entry) for entry in value)}]"
        case dict():
            return f"{{ {', '.join(f'{key} = {_inline(entry)}' for key, entry in value.items())} }}"
        case _:
            return str(value)
