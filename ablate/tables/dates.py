"""Dates as they are written in tables: told from other text, parsed without guessing, and taken to parts."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("year", "month", "day", "weekday", "hour", "minute")
_SHAPE = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})"
    r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f")


class DateError(Exception):
    """Texts are no dates, or could be different ones; the message says which."""


def look_like(texts: "pd.Series[Any]") -> bool:
    """Whether all of some texts have the form of dates."""
    return bool(len(texts)) and bool(texts.astype(str).str.fullmatch(_SHAPE).all())


def parse(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """The moments of a column, `NaT` where a cell is empty; time zones are left out after a change to UTC.

    Raises:
        DateError: a text is no date, or day and month cannot be told apart in any row.
    """
    import pandas as pd

    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return pd.Series(column.dt.tz_convert("UTC").dt.tz_localize(None))
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.Series(column)
    texts = column.astype(str).where(column.notna())
    given = texts.dropna()
    if (strange := ~given.str.fullmatch(_SHAPE)).any():
        text, row = given[strange].iloc[0], int(given.index[strange][0]) + 1
        raise DateError(f"'{text[:50]}' in row {row:,} is no date such as 2024-03-31 or 31.03.2024 14:05")
    plain = texts.str.replace("T", " ", regex=False).str.replace(r"(Z|[+-]\d{2}:?\d{2})$", "", regex=True)
    if given.str.contains(r":\d{2}.*(?:Z|[+-]\d{2}:?\d{2})$").any():
        return pd.to_datetime(texts, utc=True, format="ISO8601").dt.tz_localize(None)
    readings = [found for form in _DAYS for time in _TIMES if (found := _read(plain, form + time)) is not None]
    if not readings:
        raise DateError("its dates are written in several ways; write them all as 2024-03-31, with or without 14:05:30")
    if any(not readings[0].equals(other) for other in readings[1:]):
        raise DateError(f"'{given.iloc[0]}' can be read with the day or the month first; write dates as 2024-03-31")
    return readings[0]


def _read(texts: "pd.Series[Any]", form: str) -> "pd.Series[Any] | None":
    import pandas as pd

    try:
        return pd.to_datetime(texts, format=form)
    except ValueError:
        return None


def parts(moments: "pd.Series[Any]") -> dict[str, npt.NDArray[np.float64]]:
    """Year, month, day and day of the week (from 0, Monday) of every row; hour and minute where any has a time of day.

    Where there is no date, every part is NaN.
    """
    found = {
        "year": moments.dt.year,
        "month": moments.dt.month,
        "day": moments.dt.day,
        "weekday": moments.dt.day_of_week,
        "hour": moments.dt.hour,
        "minute": moments.dt.minute,
    }
    has_times = bool((moments.dropna() != moments.dropna().dt.normalize()).any())
    return {name: found[name].to_numpy(np.float64, na_value=np.nan) for name in (PARTS if has_times else PARTS[:4])}
