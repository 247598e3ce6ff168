"""The classes of a table: what its label column holds, as numbers, booleans or texts."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ablate.tables.options import Findings

if TYPE_CHECKING:
    import pandas as pd

_INTEGER = r"[+-]?\d+"
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_BOOLEANS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
_MOST_NAMED = 3

Labels = npt.NDArray[Any]


def missing(column: "pd.Series[Any]") -> "pd.Series[bool]":
    """Which rows have no label: an empty cell; a word such as `NA` or `None` is a class."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column.isna()
    return column.isna() | (column.astype(str).str.strip() == "")


def read(column: "pd.Series[Any]", decimal: str, findings: Findings) -> Labels:
    """The labels of a column without missing values: booleans, integers, numbers or texts, whatever all of them are.

    Args:
        column: as it was read.
        decimal: sign before the fraction of a number in a text.
        findings: hears of texts that were one class only once the spaces around them were gone.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return np.asarray(column.to_list())
    written = column.astype(str)
    text = written.str.strip()
    _say_what_was_stripped(written, text, findings)
    known = pd.Series(text.unique())
    parsed = _parse(known, decimal)
    if len(np.unique(parsed)) < len(known):
        _say_what_is_one(known, parsed, findings)
    by_text = dict(zip(known, parsed.tolist(), strict=True))
    return np.asarray([by_text[each] for each in text])


def stripped(labels: Labels, findings: Findings) -> Labels:
    """Labels of an array: texts without the spaces around them, anything else as it is."""
    import pandas as pd

    if labels.dtype.kind != "U":
        return labels
    found = np.char.strip(labels)
    if (found != labels).any():
        _say_what_was_stripped(pd.Series(labels), pd.Series(found), findings)
    return found


def _parse(texts: "pd.Series[Any]", decimal: str) -> Labels:
    if texts.isin(_BOOLEANS).all():
        return texts.map(_BOOLEANS).to_numpy(bool)
    points = texts.str.replace(",", ".", regex=False) if decimal == "," else texts
    if texts.str.fullmatch(_INTEGER).all() and texts.str.len().max() < 18:
        return texts.astype(np.int64).to_numpy()
    if points.str.fullmatch(_NUMBER).all():
        return points.astype(np.float64).to_numpy()
    return texts.to_numpy(dtype=str)


def _say_what_was_stripped(written: "pd.Series[Any]", text: "pd.Series[Any]", findings: Findings) -> None:
    changed = written[written != text]
    if len(changed):
        named = ", ".join(sorted({repr(each) for each in changed.unique()})[:_MOST_NAMED])
        findings.note(f"spaces around labels are left out ({len(changed):,} rows: {named})")


def _say_what_is_one(texts: "pd.Series[Any]", parsed: Labels, findings: Findings) -> None:
    alike: dict[Any, list[str]] = {}
    for text, value in zip(texts, parsed.tolist(), strict=True):
        alike.setdefault(value, []).append(text)
    several = [" and ".join(map(repr, each)) for each in alike.values() if len(each) > 1]
    more = ", ..." if len(several) > _MOST_NAMED else ""
    findings.note(f"labels that are one number are one class: {'; '.join(several[:_MOST_NAMED])}{more}")
