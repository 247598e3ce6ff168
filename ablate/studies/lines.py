"""On which line of a TOML file a key stands, found by parsing the file statement by statement."""

import itertools
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ablate.errors import Problem
from ablate.settings.problems import key_path
from ablate.settings.signs import statements

Path = tuple[str | int, ...]

MOST_STATEMENTS = 10_000  # that are looked at; what stands behind them is named without its line
_ENDS = re.compile(r"[.\[]")


def locate(text: str) -> dict[str, int]:
    """The line of every key, table and array entry of a valid TOML text, by its path as problems name it."""
    lines: dict[str, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    for statement in itertools.islice(statements(text), MOST_STATEMENTS):
        try:
            parsed = tomllib.loads(statement.text)
        except ValueError:
            return lines  # the rest of a file that is no TOML
        if statement.text.startswith("["):
            table = _header(parsed, counts)
            lines.setdefault(key_path(table), statement.line)
            continue
        for path, value in _leaves(parsed):
            lines.setdefault(key_path((*table, *path)), statement.line)
            if isinstance(value, list) and len(value) == len(statement.ends):
                lines.update({key_path((*table, *path, entry)): line for entry, line in enumerate(statement.ends)})
    return lines


def with_lines(problems: Iterable[Problem], lines: Mapping[str, int]) -> list[Problem]:
    """Problems with the line of their key, or of the nearest thing around it that the file has."""
    return [replace(problem, line=_line(problem.key, lines)) for problem in problems]


def _line(key: str, lines: Mapping[str, int]) -> int | None:
    """The line of the longest beginning of a key that the file has."""
    ends = [match.start() for match in _ENDS.finditer(key)]
    return next((lines[part] for end in (len(key), *reversed(ends)) if (part := key[:end]) in lines and part), None)


def _header(parsed: Any, counts: dict[Path, int]) -> Path:
    """The path of `[a.b]`, or of the next `[[a]]`."""
    path: Path = ()
    while parsed:
        if isinstance(parsed, list):
            counts[path] = counts.get(path, -1) + 1
            return (*path, counts[path])
        ((key, parsed),) = parsed.items()
        path = (*path, key)
    return path


def _leaves(parsed: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    for key, value in parsed.items():
        yield (key,), value
        if isinstance(value, dict):
            for path, leaf in _leaves(value):
                yield (key, *path), leaf
