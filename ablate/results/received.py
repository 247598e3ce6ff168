"""What a page from somewhere else may hold: columns, types and ranges, looked at before anything is made of it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ablate.results.identity import Identity
from ablate.settings.metrics import SECONDS_COLUMNS, Measured

MOST_COLUMNS = 1_000  # a study has 500 factors at most
STATUSES = ("ok", "diverged", "failed")
MOST_WHOLE = 2**53  # what every reader of JSON can hold
_NAMES = ("treatment", "seed", "run", "trainer", "status")


class Kind(NamedTuple):
    """What a cell may be: in words, and as a test."""

    words: str
    holds: Callable[[Any], bool]


def whole(low: int, high: int) -> Kind:
    """Whole numbers between two, both included."""
    return Kind(f"a whole number from {low} to {high}", lambda cell: type(cell) is int and low <= cell <= high)


def missing_or(kind: Kind) -> Kind:
    """Nothing, or something of a kind."""
    return Kind(f"{kind.words} or null", lambda cell: cell is None or kind.holds(cell))


def _is_text(cell: Any) -> bool:
    """Whether it is text that can be written to a file, which half of a surrogate pair cannot."""
    return isinstance(cell, str) and not any("\ud800" <= sign <= "\udfff" for sign in cell)


TEXT = Kind("text", _is_text)
NUMBER = Kind(
    "a finite number",
    lambda cell: type(cell) in (int, float) and -sys.float_info.max <= cell <= sys.float_info.max,
)
_WHOLE = whole(0, MOST_WHOLE)
_STATUS = Kind("'ok', 'diverged' or 'failed'", lambda cell: isinstance(cell, str) and cell in STATUSES)
_RUNS = {"seed": whole(0, 2**32 - 1), "trainer": missing_or(TEXT), "status": _STATUS}


def _kinds(measured: Measured) -> dict[str, Kind]:
    """What the cells of a runs table may be, by column; all others hold labels of levels."""
    numbers = dict.fromkeys((*measured.result, *SECONDS_COLUMNS), missing_or(NUMBER))
    return {**_RUNS, **numbers, **dict.fromkeys(measured.whole, missing_or(_WHOLE))}


def version(document: Any) -> int:
    """The number of a page's format.

    Raises:
        ValueError: it has none.
    """
    number: Any = _table(document, "the study's block").get("format")
    _see(number, whole(1, MOST_WHOLE), "format")
    return int(number)


def head(document: Any) -> tuple[str, Identity]:
    """The study of a page, as text, and its identity.

    Raises:
        ValueError: they are not; says what is wrong.
    """
    table = _table(document, "the study's block")
    study, identity = _part(table, "study"), _part(table, "identity")
    _see(study, TEXT, "the study")
    try:
        return study, Identity.from_document(identity)
    except ValueError as error:
        raise ValueError(f"the identity: {error}") from None


def runs(document: Any) -> None:
    """See that a page's table of runs has the columns of `table.runs_table`, factors first, and their types.

    Raises:
        ValueError: it has not; says where.
    """
    columns = _columns(document, "runs")
    measured = Measured.of_columns(columns)
    missing = [name for name in (*_NAMES, *measured.result, *SECONDS_COLUMNS) if name not in columns]
    if missing:
        raise ValueError(f"runs has no column {', '.join(missing)}")
    _cells(_part(document, "rows"), columns, [_kinds(measured).get(name, TEXT) for name in columns], "runs")


def histories(document: Any, columns: Sequence[str], count: int) -> None:
    """See that a page's table of histories has these columns, the places of that many runs, and numbers.

    Raises:
        ValueError: it has not; says where.
    """
    if _columns(document, "histories") != list(columns):
        raise ValueError(f"the columns of histories should be {', '.join(columns)}")
    kinds = [whole(0, count - 1), whole(1, MOST_WHOLE)] + [missing_or(NUMBER)] * (len(columns) - 2)
    _cells(_part(document, "rows"), columns, kinds, "histories")


def _columns(document: Any, table: str) -> list[str]:
    columns = _part(_table(document, table), "columns")
    if not isinstance(columns, list) or not all(map(_is_text, columns)):
        raise ValueError(f"the columns of {table} should be a list of names")
    if len(columns) > MOST_COLUMNS:
        raise ValueError(f"{table} has {len(columns):,} columns, more than any page")
    seen: set[str] = set()
    for name in columns:
        if name in seen:
            raise ValueError(f"{table} has two columns {name!a:.60}")
        seen.add(name)
    return columns


def _cells(rows: Any, columns: Sequence[str], kinds: Sequence[Kind], table: str) -> None:
    if not isinstance(rows, list):
        raise ValueError(f"the rows of {table} should be a list")  # noqa: TRY004 - it is the page that is wrong
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list) or len(row) != len(columns):
            raise ValueError(f"row {number} of {table} should be a list of {len(columns)} cells")
        for name, kind, cell in zip(columns, kinds, row, strict=True):
            _see(cell, kind, f"row {number} of {table}, {name},")


def _part(table: Mapping[str, Any], key: str) -> Any:
    if key not in table:
        raise ValueError(f"it holds no {key!r}")
    return table[key]


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} should be a table")  # noqa: TRY004 - likewise
    return value


def _see(cell: Any, kind: Kind, where: str) -> None:
    if not kind.holds(cell):
        raise ValueError(f"{where} should be {kind.words}, not {cell!a:.60}")
