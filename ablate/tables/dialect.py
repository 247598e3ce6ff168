"""How a text table is written: encoding, separator, decimal sign and header, detected or as the study names them."""

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ablate import reading
from ablate.tables import encodings
from ablate.tables.options import Findings, TableOptions

SEPARATORS = (",", ";", "\t", "|")
_SAMPLE = 200  # rows that are looked at
_LONGEST = 2**20  # characters of a row
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_LIKE_THOUSANDS = re.compile(r"[+-]?\d{1,3},\d{3}")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}

Row = list[str]


@dataclass(frozen=True)
class Dialect:
    """How a file of text is to be read.

    Attributes:
        encoding: as Python names it.
        separator: between two cells; a space stands for any number of them.
        decimal: sign before the fraction of a number.
        names: of the columns, without the spaces around them.
        has_header: whether the first row holds the names.
        extra: cells of the first row that have no name: one where rows end in a separator.
    """

    encoding: str
    separator: str
    decimal: str
    names: tuple[str, ...]
    has_header: bool
    extra: int


def detect(path: Path, options: TableOptions, findings: Findings) -> Dialect:
    """How a file is written; what the study names is not questioned, unless the file shows that it is wrong.

    Args:
        path: the file.
        options: of the study.
        findings: hears of everything that is wrong, and of what was found that a reader may not expect.

    Raises:
        StudyError: it cannot be told, or does not make a table.
    """
    encoding = encodings.find(path, options.encoding, findings)
    findings.stop_if_wrong()
    lines = _first_lines(path, encoding)
    if not lines:
        findings.wrong("source", f"{path.name} is empty", f'"{path.name}"')
        findings.stop_if_wrong()
    separator = options.separator or _separator(lines, options, path, findings)
    rows = _rows(lines, separator)
    names, has_header = _header(rows, options, path, findings)
    extra = max(0, len(rows[1]) - len(names)) if len(rows) > 1 else 0
    decimal = options.decimal or _decimal(rows, separator, findings)
    findings.stop_if_wrong()
    _say(options, separator, decimal, findings)
    return Dialect(encoding, separator, decimal, names, has_header, extra)


def _first_lines(path: Path, encoding: str) -> list[str]:
    with reading.opened(path) as content, io.TextIOWrapper(content, encoding, newline="") as file:
        lines = (file.readline(_LONGEST) for _ in range(4 * _SAMPLE))
        return [line for line in itertools.takewhile(bool, lines) if line.strip()]


def _rows(lines: Sequence[str], separator: str) -> list[Row]:
    """The first rows, cells without the spaces around them."""
    if separator == " ":
        return [line.split() for line in lines[:_SAMPLE]]
    found = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    rows = list(itertools.islice(found, _SAMPLE))
    return [[cell.strip() for cell in row] for row in rows]


def _separator(lines: Sequence[str], options: TableOptions, path: Path, findings: Findings) -> str:
    """The separator that gives every row as many cells; commas where several do and one column is named as the label.

    What is between commas in a file of `1,5;2,5` would be cells as well: rows then differ in their number, or the
    header has another.
    """
    fitting = [sign for sign in SEPARATORS if _makes_a_table(_rows(lines, sign), complete=len(lines) <= _SAMPLE)]
    named = [sign for sign in fitting if options.label in _rows(lines[:1], sign)[0]]
    chosen = named or fitting
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        listed = " or ".join(_NAMES[sign] for sign in chosen)
        findings.wrong("separator", f'{path.name} could be separated by {listed}; name one: data.separator = ";"')
        findings.stop_if_wrong()
    with_label = [sign for sign in SEPARATORS if options.label in _rows(lines[:1], sign)[0]]
    return with_label[0] if with_label else ","


def _makes_a_table(rows: Sequence[Row], *, complete: bool) -> bool:
    rows = rows if complete or len(rows) < 3 else rows[:-1]  # the last may have been cut
    widths = Counter(map(len, rows[1:] or rows))
    (usual, count), header = widths.most_common(1)[0], len(rows[0])
    return header > 1 and usual in (header, header + 1) and count >= 0.9 * sum(widths.values())


def _header(rows: Sequence[Row], options: TableOptions, path: Path, findings: Findings) -> tuple[tuple[str, ...], bool]:
    """The names of the columns, and whether the first row holds them."""
    first = rows[0]
    if options.header is False:
        return tuple(str(number) for number in range(1, len(first) + 1)), False
    if first[-1] == "" and len(first) > 1 and all(row[-1] == "" for row in rows[1:] if len(row) == len(first)):
        first = first[:-1]  # every row ends in a separator, the header as well
    numbers = [cell for cell in first if _NUMBER.fullmatch(cell) or _WITH_COMMA.fullmatch(cell)]
    if options.header is None and options.label not in first and len(numbers) > len(first) / 2:
        shown = ", ".join(first[:4])
        findings.wrong(
            "header",
            f"the first row of {path.name} holds numbers ({shown}, ...), and no column '{options.label}'; for a file "
            f'without names set data.header = false: its columns are then named "1" to "{len(first)}"',
        )
    twice = [name for name, count in Counter(name for name in first if name).items() if count > 1]
    if twice:
        places = ", ".join(str(place) for place, name in enumerate(first, 1) if name == twice[0])
        others = f"; so are {', '.join(map(repr, twice[1:]))}" if twice[1:] else ""
        findings.wrong(
            "source",
            f"column '{twice[0]}' is there more than once in the header of {path.name} (columns {places}){others}; "
            "rename or remove all but one",
            f'"{path.name}"',
        )
    return tuple(name or f"Unnamed: {place}" for place, name in enumerate(first)), True


def _decimal(rows: Sequence[Row], separator: str, findings: Findings) -> str:
    """A comma where the first rows hold numbers with one, and none with a point."""
    if separator == ",":
        return "."
    cells = [cell for row in rows[1:] for cell in row]
    with_comma = [cell for cell in cells if _WITH_COMMA.fullmatch(cell)]
    if not with_comma or any(_NUMBER.fullmatch(cell) and "." in cell for cell in cells):
        return "."
    if all(_LIKE_THOUSANDS.fullmatch(cell) for cell in with_comma):
        findings.wrong(
            "decimal",
            f"'{with_comma[0]}' is ambiguous: its comma can be a decimal comma or separate thousands; "
            'set data.decimal = "," or remove the separators of thousands',
        )
    return ","


def _say(options: TableOptions, separator: str, decimal: str, findings: Findings) -> None:
    if options.separator is None and separator != ",":
        findings.note(f"cells are separated by {_NAMES[separator]}")
    if options.decimal is None and decimal == ",":
        findings.note("numbers have a decimal comma")
