"""On which line of a TOML file a key stands, found by parsing the file statement by statement."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ablate.errors import Problem
from ablate.study.problems import key_path

Path = tuple[str | int, ...]


def locate(text: str) -> dict[str, int]:
    """The line of every key, table and array entry of a valid TOML text, by its path as problems name it."""
    lines: dict[str, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, statement in _statements(text.splitlines()):
        try:
            parsed = tomllib.loads("\n".join(statement))
        except ValueError:
            return lines  # the rest of a file that is no TOML
        if statement[0].lstrip().startswith("["):
            table = _header(parsed, counts)
            lines.setdefault(key_path(table), number)
            continue
        for path, value in _leaves(parsed):
            lines.setdefault(key_path((*table, *path)), number)
            if isinstance(value, list):
                entries = _entries(statement, path)
                lines.update({key_path((*table, *path, entry)): number + line for entry, line in entries.items()})
    return lines


def with_lines(problems: Iterable[Problem], lines: Mapping[str, int]) -> list[Problem]:
    """Problems with the line of their key, or of the nearest thing around it that the file has."""
    found = []
    for problem in problems:
        around = [path for path in lines if path and _is_within(problem.key, path)]
        line = lines[max(around, key=len)] if around else None
        found.append(replace(problem, line=line))
    return found


def _is_within(key: str, path: str) -> bool:
    return key == path or (key.startswith(path) and key[len(path)] in ".[")


def _statements(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The statements of a file, each with the number of its first line: as many lines as make valid TOML."""
    statement: list[str] = []
    for number, line in enumerate(lines, 1):
        if not statement and (not line.strip() or line.lstrip().startswith("#")):
            continue
        statement.append(line)
        try:
            tomllib.loads("\n".join(statement))
        except (ValueError, RecursionError):
            continue
        yield number - len(statement) + 1, statement
        statement = []


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


def _entries(statement: list[str], path: Path) -> dict[int, int]:
    """The line, from 0, on which each entry of an array ends that is written over several lines."""
    ends: dict[int, int] = {}
    for line in range(len(statement)):
        try:
            value: Any = tomllib.loads("\n".join([*statement[: line + 1], "]"]))
        except (ValueError, RecursionError):
            continue
        for key in path:
            value = value[key]
        for entry in range(len(value)):
            ends.setdefault(entry, line)
    return ends
