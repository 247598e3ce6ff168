"""Tables as they come: text files and Parquet, read into a pandas frame whose columns have the names of the file."""

import csv
import io
import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate import reading
from ablate.tables import dialect as dialects
from ablate.tables.dialect import Dialect
from ablate.tables.kinds import WORDS_FOR_MISSING
from ablate.tables.options import Findings, TableOptions

if TYPE_CHECKING:
    import pandas as pd

_REST = "\0"  # how names of cells without one begin; no file has it
_MOST_ROWS_NAMED = 3


def read_csv(path: Path, options: TableOptions, findings: Findings) -> "tuple[pd.DataFrame, str]":
    """A text table, and its decimal sign.

    Columns of numbers are numbers, all others are text without the spaces around it, and so is the label column. An
    empty cell is missing, and in a column of numbers a word such as `NA`.

    Args:
        path: the file.
        options: of the study.
        findings: hears of what is wrong and odd.

    Raises:
        StudyError: it is no table.
        OSError: it cannot be read.
    """
    import pandas as pd

    dialect = dialects.detect(path, options, findings)
    try:
        frame = _parsed(path, dialect, options)
    except pd.errors.ParserError as error:
        _say_what_does_not_fit(path, dialect, str(error), findings)
    findings.stop_if_wrong()
    _check_rest(frame, path, dialect, findings)
    if len(frame) and _is_missing(frame[dialect.names[-1]]).any():
        _check_short_rows(path, dialect, findings)
    findings.stop_if_wrong()
    if dialect.extra:
        frame = frame[list(dialect.names)]
    text = [name for name in frame.columns if name != options.label and not _is_plain(frame[name])]
    if text:
        _reread(frame, path, dialect, text)
    return frame, dialect.decimal


def _parsed(path: Path, dialect: Dialect, options: TableOptions) -> "pd.DataFrame":
    import pandas as pd

    names = _names(dialect)
    with reading.opened(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.DtypeWarning)  # columns of several types are read again, as text
        warnings.simplefilter("ignore", pd.errors.ParserWarning)
        frame: pd.DataFrame = pd.read_csv(
            file,
            **_form(dialect, names),
            dtype={options.label: str},
            keep_default_na=False,
            na_values={name: list(WORDS_FOR_MISSING) for name in names if name != options.label},
        )
    return frame


def _names(dialect: Dialect) -> list[str]:
    return [*dialect.names, *(f"{_REST}{number}" for number in range(dialect.extra))]


def _form(dialect: Dialect, names: list[str]) -> dict[str, Any]:
    return {
        "sep": r"\s+" if dialect.separator == " " else dialect.separator,
        "decimal": dialect.decimal,
        "encoding": dialect.encoding,
        "header": 0 if dialect.has_header else None,
        "names": names,
        "index_col": False,
        "skipinitialspace": True,
    }


def _is_plain(column: "pd.Series[Any]") -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(column)


def _is_missing(column: "pd.Series[Any]") -> "pd.Series[bool]":
    return column.isna() | (column == "")


def _reread(frame: "pd.DataFrame", path: Path, dialect: Dialect, names: list[str]) -> None:
    """Put columns of text into a frame as they are written: a word such as 'NA' is no missing value there."""
    import pandas as pd

    with reading.opened(path) as file:
        read = pd.read_csv(
            file,
            **_form(dialect, _names(dialect)),
            usecols=names,
            dtype=str,
            keep_default_na=False,
            na_values=[],
            low_memory=True,
        )
    for name in names:
        stripped = read.pop(name).str.strip()
        frame[name] = stripped.mask(stripped == "")


def _check_rest(frame: "pd.DataFrame", path: Path, dialect: Dialect, findings: Findings) -> None:
    """Nothing may stand after the last column that has a name; rows may end in a separator."""
    filled = frame[_names(dialect)[len(dialect.names) :]].notna()
    if filled.to_numpy().any():
        known = len(dialect.names)
        below = itertools.islice(_each_row(path, dialect), int(dialect.has_header), None)
        line, row = next((line, row) for line, row in below if any(cell.strip() for cell in row[known:]))
        place, cell = next((place, cell) for place, cell in enumerate(row, 1) if place > known and cell.strip())
        findings.wrong(
            "source",
            f"line {line:,} of {path.name} has {len(row)} cells, and the header names {known} columns: cell {place}, "
            f"'{cell[:50]}', is in none; give every column a name, the row numbers in front as well",
            f'"{path.name}"',
        )
    elif dialect.extra:
        findings.note("every row ends in a separator: the empty cell after it is left out")


def _say_what_does_not_fit(path: Path, dialect: Dialect, reason: str, findings: Findings) -> None:
    """Name the rows that have more cells than the first ones."""
    width = len(dialect.names) + dialect.extra
    long = [(line, len(row)) for line, row in _each_row(path, dialect) if len(row) > width]
    if not long:
        findings.wrong("source", f"cannot be read: {reason}", f'"{path.name}"')
        return
    _wrong_widths(long, "more", path, width, findings)


def _check_short_rows(path: Path, dialect: Dialect, findings: Findings) -> None:
    """Rows that end early would be filled up with missing values: they are no rows of this table."""
    width = len(dialect.names)
    short = [(line, len(row)) for line, row in _each_row(path, dialect) if len(row) < width]
    if short:
        _wrong_widths(short, "less", path, width, findings)


def _wrong_widths(found: list[tuple[int, int]], how: str, path: Path, width: int, findings: Findings) -> None:
    named = ", ".join(f"line {line:,} has {count}" for line, count in found[:_MOST_ROWS_NAMED])
    rows = "1 row has" if len(found) == 1 else f"{len(found):,} rows have"
    findings.wrong(
        "source",
        f"{rows} {how} cells than the {width} columns of {path.name}: {named}; put texts that hold the separator into "
        "quotes, and mend the rows",
        f'"{path.name}"',
    )


def _each_row(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file, with the number of the line that each ends in."""
    with reading.opened(path) as content, io.TextIOWrapper(content, dialect.encoding, newline="") as file:
        if dialect.separator == " ":
            yield from ((line, text.split()) for line, text in enumerate(file, 1) if text.strip())
            return
        reader = csv.reader(file, delimiter=dialect.separator, skipinitialspace=True)
        yield from ((reader.line_num, row) for row in reader if row)


def read_parquet(path: Path, findings: Findings) -> "tuple[pd.DataFrame, str]":
    """The table of a Parquet file, and the decimal sign of numbers that are text in it.

    Args:
        path: the file.
        findings: hears of what is wrong.

    Raises:
        StudyError: pyarrow is missing, or two columns have one name.
        OSError, ValueError: it cannot be read.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        findings.wrong("source", "needs pyarrow: install that package, or save the table as .csv", f'"{path.name}"')
        findings.stop_if_wrong()
    with reading.opened(path) as content, parquet.ParquetFile(content) as file:
        names = list(file.schema_arrow.names)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            message = f"column '{twice[0]}' is there more than once in {path.name}; rename or remove all but one"
            findings.wrong("source", message, f'"{path.name}"')
            findings.stop_if_wrong()
        frame: pd.DataFrame = file.read().to_pandas()
    return frame.rename(columns=lambda name: str(name).strip()).reset_index(drop=True), "."
