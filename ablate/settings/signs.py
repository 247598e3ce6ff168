"""The signs of a TOML text, in one pass: where its statements begin and end, how deep it is nested."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

DEEPEST = 100  # brackets inside one another, and parts of one key; parsers take the square of it, or give up
_SIGN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5})?'
    r"|'''(?:[^']|'(?!''))*+(?:'{3,5})?"
    r'|"(?:[^"\\\n]|\\[^\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+|[\[\]{},=\n]|[^\s\[\]{},=\"'#]++",
    re.DOTALL,
)


@dataclass(frozen=True)
class Statement:
    """A key with its value, or the header of a table.

    Attributes:
        line: on which it begins, from 1.
        text: of the statement.
        ends: the line on which each entry of its value ends, if that is an array.
    """

    line: int
    text: str
    ends: tuple[int, ...]


def check_depth(text: str) -> None:
    """See that brackets and keys are not nested deeper than `DEEPEST`.

    Raises:
        ValueError: they are.
    """
    depth = parts = 0
    for match in _SIGN.finditer(text):
        sign = match[0]
        if sign in "[]{},=\n":
            parts = 0
            depth += (sign in "[{") - (sign in "]}")
        elif sign[0] not in "\"'#":
            parts += sign.count(".")
        if max(depth, parts) > DEEPEST:
            raise ValueError(f"nested too deeply: more than {DEEPEST} brackets inside one another, or parts of a key")


def statements(text: str) -> Iterator[Statement]:
    """The statements of a valid TOML text."""
    line, first, begin, depth = 1, 0, 0, 0  # `first` is 0 between two statements
    last, opener = 1, ""
    ends: list[int] = []
    is_open = False  # whether an entry of the outermost array has begun
    for match in _SIGN.finditer(text):
        sign = match[0]
        if sign == "\n":
            if first and not depth:
                yield Statement(first, text[begin : match.start()], tuple(ends))
                first = 0
            line += 1
            continue
        if sign.startswith("#"):
            continue
        if not first:
            first, begin, depth, opener, ends, is_open = line, match.start(), 0, "", [], False
        if sign in "]}":
            depth -= 1
        if opener == "[" and ((sign == "," and depth == 1) or (sign == "]" and not depth)):
            ends += [last] if is_open else []
            is_open = False
        elif depth:
            is_open = True
        if sign in "[{":
            opener = opener or sign
            depth += 1
        line += sign.count("\n")
        last = line
    if first:
        yield Statement(first, text[begin:], tuple(ends))
