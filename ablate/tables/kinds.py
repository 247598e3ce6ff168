"""What the columns of a table hold: numbers, categories or dates; what is none of them is named with its row."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ablate.tables import dates
from ablate.tables.options import Findings, TableOptions

if TYPE_CHECKING:
    import pandas as pd

_BOOLEANS = {"true": 1.0, "false": 0.0}
_MOSTLY = 0.9  # share of numbers from which a column of text is one of numbers with something wrong in it ...
_HALF = 0.5  # ... or this, if what is wrong is one of a few words
_FEW_WORDS = 3
_FEW_NUMBERS = 10  # different ones, which may be categories
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_WITH_SIGNS = r"[+-]?[$€£₩]?\s?\d{1,3}(?:[.,' ]?\d{3})*(?:[.,]\d+)?\s?[%$€£₩]?"
# What stands for a missing number; in a column of text, only an empty cell is missing. As pandas has it by default.
WORDS_FOR_MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
_NO_VALUE = ""  # how a missing value of a column of text is called among its categories

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Column:
    """One feature of a table.

    Attributes:
        name: in the file; a part of a date has the part behind it.
        values: shape (rows,). Numbers as they are (any numeric type, NaN where one is missing), or the numbers of
            categories, int32.
        categories: the texts of a column of categories, in alphabetical order; empty for numbers.
    """

    name: str
    values: Values
    categories: tuple[str, ...] = ()


def read(frame: "pd.DataFrame", names: Iterable[str], options: TableOptions, findings: Findings) -> list[Column]:
    """The features of a table.

    Args:
        frame: the table.
        names: of the columns that are features.
        options: of the study.
        findings: hears of every cell that cannot be used, and of text that may not be what it seems.
    """
    found: list[Column] = []
    for name in names:
        column = frame[name]
        if name in options.dates:
            found += [part for part in _date_parts(column, name, findings) if part.name not in options.drop]
        else:
            found.append(_column(column, name, options, findings))
    return found


def _column(column: "pd.Series[Any]", name: str, options: TableOptions, findings: Findings) -> Column:
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column):
        findings.wrong("dates", _dates_in(name), None)
        return Column(name, np.zeros(len(column)))
    if pd.api.types.is_complex_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        findings.wrong("source", f"column {name} holds {column.dtype}; make numbers of it, or name it in data.drop")
        return Column(name, np.zeros(len(column)))
    if pd.api.types.is_numeric_dtype(column):
        return _numbers(column, name, options, findings)
    if not isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype):
        kinds = {type(value) for value in column.dropna().unique()} if _is_hashable(column) else {list}
        if kinds <= {Decimal, int, float, bool, np.bool_}:
            return _numbers(column.astype(np.float64), name, options, findings)
        if not kinds <= {str}:
            other = next(kind.__name__ for kind in kinds if kind is not str)
            findings.wrong("source", f"column {name} holds {other} values; it should hold numbers or texts")
            return Column(name, np.zeros(len(column)))
    texts = column.astype(str).str.strip().where(column.notna())
    return _text(texts, name, options, findings)


def _is_hashable(column: "pd.Series[Any]") -> bool:
    try:
        column.dropna().unique()
    except TypeError:
        return False
    return True


def _numbers(column: "pd.Series[Any]", name: str, options: TableOptions, findings: Findings) -> Column:
    if column.isna().any():
        values = column.to_numpy(np.float64, na_value=np.nan)
        _check_missing(np.isnan(values), name, options, findings)
    else:
        values = column.to_numpy()
        values = values.astype(np.float64) if values.dtype.kind == "O" else values
    if values.dtype.kind == "f":
        large = np.abs(values) > np.finfo(np.float32).max  # false for NaN
        if large.any():
            first = float(values[large][0])
            findings.wrong(
                "source",
                f"column {name}: {int(large.sum()):,} of {len(values):,} values are infinite or too large for "
                f"float32, the first ({first:g}) in row {row_of(column.index, large):,}; mend them, or name the column "
                "in data.drop",
            )
    return Column(name, values)


def _check_missing(missing: npt.NDArray[np.bool_], name: str, options: TableOptions, findings: Findings) -> None:
    if options.missing == "error" and missing.any():
        count, row = int(missing.sum()), int(missing.argmax()) + 1
        many = f"{count:,} of {len(missing):,} values are" if count > 1 else f"1 of {len(missing):,} values is"
        findings.wrong(
            "missing",
            f'column {name}: {many} missing, the first in row {row:,}; fill them, or set data.missing = "median" '
            '(and adds a column that marks the missing values) or "drop" (leaves those rows out)',
        )


def _text(texts: "pd.Series[Any]", name: str, options: TableOptions, findings: Findings) -> Column:
    import pandas as pd

    given = texts.dropna()
    known = pd.Series(given.unique(), dtype=object).astype(str)
    if len(known) and known.str.lower().isin(_BOOLEANS).all():
        return _numbers(texts.str.lower().map(_BOOLEANS).astype(np.float64), name, options, findings)
    if dates.look_like(known):
        findings.wrong("dates", _dates_in(name))
    elif _is_of_numbers(texts, name, findings):
        return Column(name, np.zeros(len(texts)))
    _check_missing(texts.isna().to_numpy(bool), name, options, findings)
    if len(known) > max(options.max_categories, len(given) / 2):
        findings.note(
            f"column {name} is text with {len(known):,} different values in {len(given):,} rows; is it a name or a "
            f'sentence? data.drop = ["{name}"] leaves it out'
        )
    codes, categories = pd.factorize(texts.fillna(_NO_VALUE), sort=True)
    return Column(name, codes.astype(np.int32), tuple(map(str, categories)))


def _dates_in(name: str) -> str:
    return (
        f'column {name} holds dates; data.dates = ["{name}"] makes numbers of their parts, and data.drop = ["{name}"] '
        "leaves the column out"
    )


def _is_of_numbers(texts: "pd.Series[Any]", name: str, findings: Findings) -> bool:
    """Whether a column of text was meant to hold numbers; then it is said what stands in the way.

    A few numbers beside texts (`0`, `1`, `2`, `3+`) are categories.
    """
    given = texts[texts.notna() & ~texts.isin(WORDS_FOR_MISSING)]
    numbers = given.str.fullmatch(_NUMBER)
    if not len(given) or numbers.all():
        return False
    strange = given[~numbers]
    known = sorted({f"'{text[:30]}'" for text in strange})
    row = int(strange.index[0]) + 1
    if given.str.fullmatch(_WITH_SIGNS).all():
        findings.wrong(
            "source",
            f"column {name} holds numbers with signs that are no part of them, such as {known[0]} in row {row:,}; "
            'write 1234.5, or set data.decimal = "," for 1234,5',
        )
        return True
    share = _HALF if len(known) <= _FEW_WORDS else _MOSTLY
    if numbers.mean() < share or given[numbers].nunique() <= _FEW_NUMBERS:
        return False
    more = ", ..." if len(known) > _FEW_WORDS else ""
    findings.wrong(
        "source",
        f"column {name} holds numbers, and {', '.join(known[:_FEW_WORDS])}{more} in {len(strange):,} of "
        f"{len(texts):,} rows, the first in row {row:,}; leave a cell empty where a number is missing, or name the "
        "column in data.drop",
    )
    return True


def _date_parts(column: "pd.Series[Any]", name: str, findings: Findings) -> list[Column]:
    try:
        moments = dates.parse(column)
    except dates.DateError as error:
        findings.wrong("dates", f"column {name}: {error}", f'"{name}"')
        return []
    return [Column(f"{name}.{part}", values) for part, values in dates.parts(moments).items()]


def row_of(index: "pd.Index[Any]", chosen: npt.NDArray[np.bool_]) -> int:
    """The number that the first of some rows has in the file, from 1, whichever rows were left out before."""
    return int(index[int(chosen.argmax())]) + 1


def codes_of(column: "pd.Series[Any]") -> npt.NDArray[np.int32]:
    """A number for every different value of a column; those of equal values are equal."""
    import pandas as pd

    values = column if pd.api.types.is_numeric_dtype(column) else column.astype(str).str.strip()
    return pd.factorize(values)[0].astype(np.int32)


def is_blank(name: str) -> bool:
    """Whether a column has no name of its own in the file."""
    return re.fullmatch(r"Unnamed: \d+|__index_level_\d+__", name) is not None
