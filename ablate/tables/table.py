"""A table as it is learned from: its features, labels, groups and order, and what was left out of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ablate.errors import suggest
from ablate.tables import dates, kinds, labels
from ablate.tables import files as tables
from ablate.tables.kinds import Column
from ablate.tables.options import Findings, TableOptions

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
    """What is learned from a table.

    Attributes:
        columns: the features.
        labels: shape (rows,): booleans, numbers or texts.
        groups: of every row, as numbers, where no group may be in two parts; shape (rows,), int32.
        order: of every row in time, where later rows are held out: rows of one moment have the same number; likewise.
        left_out: what of the file is not there, in words.
    """

    columns: tuple[Column, ...]
    labels: npt.NDArray[Any]
    groups: npt.NDArray[np.int32] | None = None
    order: npt.NDArray[np.int32] | None = None
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the features."""
        return tuple(column.name for column in self.columns)


def read(path: Path, options: TableOptions, findings: Findings) -> Table:
    """The table of a `.csv` or `.parquet` file.

    Args:
        path: the file.
        options: of the study.
        findings: hears of what is odd.

    Raises:
        StudyError: it cannot be used; holds every problem found.
        OSError: it cannot be read.
    """
    is_text = path.suffix.lower() == ".csv"
    frame, decimal = tables.read_csv(path, options, findings) if is_text else tables.read_parquet(path, findings)
    chosen = _features(frame.columns.tolist(), path, options, findings)
    findings.stop_if_wrong()
    if frame.empty:
        findings.wrong("source", "holds no rows", f'"{path.name}"')
        findings.stop_if_wrong()
    left_out = [f"column {name}" for name in frame.columns if name not in {*chosen, options.label}]
    frame, dropped = _without_missing(frame, chosen, options)
    left_out += [f"{dropped:,} rows with missing values"] if dropped else []
    no_label = labels.missing(frame[options.label]).to_numpy(bool)
    if no_label.any():
        count, row = int(no_label.sum()), kinds.row_of(frame.index, no_label)
        rows = f"{count:,} rows have" if count > 1 else "1 row has"
        findings.wrong("label", f"{rows} no label, the first row {row:,}; fill or remove them", f'"{options.label}"')
    groups = _groups(frame, options, findings)
    order = _order(frame, options, findings)
    columns = kinds.read(frame, chosen, options, findings)
    findings.stop_if_wrong()
    found = labels.read(frame[options.label], decimal, findings)
    return Table(tuple(columns), found, groups, order, tuple(left_out))


def _features(names: Sequence[str], path: Path, options: TableOptions, findings: Findings) -> list[str]:
    """The columns to learn from: those of `features`, or all that have no other part to play; without `drop`."""
    _check_names(names, path, options, findings)
    others = {options.label, options.groups, options.time} - set(options.features)
    features = options.features or [name for name in names if name not in others]
    chosen = [name for name in names if name in features and name not in options.drop]
    if options.label in (*options.features, *options.drop):
        key = "features" if options.label in options.features else "drop"
        findings.wrong(key, "holds the label, which is what is learned; take it out", f'"{options.label}"')
    both = sorted(set(options.features) & set(options.drop))
    if both:
        findings.wrong("drop", f"leaves out what data.features asks for: {', '.join(both)}")
    for name in options.dates:
        if name in names and name not in chosen:
            findings.wrong(
                "dates", "is not a feature: data.features, data.drop, data.groups or data.label excludes it", name
            )
    if options.groups and options.time:
        findings.wrong("groups", "rows are parted by groups or by time, not by both; remove one of the two keys")
    if not chosen and not findings.problems:
        findings.wrong("features", f"{path.name} has no column left to learn from")
    return chosen


def _check_names(names: Sequence[str], path: Path, options: TableOptions, findings: Findings) -> None:
    """Every column that the study names is there."""
    named = [("label", options.label), ("groups", options.groups), ("time", options.time)]
    for key in ("drop", "features", "dates"):
        named += [(key, name) for name in getattr(options, key)]
    of_dates = {f"{name}.{part}" for name in options.dates for part in dates.PARTS}
    for key, name in named:
        if name is not None and name not in names and not (key == "drop" and name in of_dates):
            findings.wrong(key, f"{path.name} has no such column{suggest(name, names)}", f'"{name}"')


def _without_missing(frame: "pd.DataFrame", chosen: Sequence[str], options: TableOptions) -> tuple["pd.DataFrame", int]:
    """The rows that have all features and a label, if the study asks for those alone, and how many have not."""
    if options.missing != "drop":
        return frame, 0
    needed = [name for name in (*chosen, options.groups, options.time) if name is not None]
    incomplete = frame[needed].isna().any(axis=1) | labels.missing(frame[options.label])
    return (frame[~incomplete], int(incomplete.sum())) if incomplete.any() else (frame, 0)


def _groups(frame: "pd.DataFrame", options: TableOptions, findings: Findings) -> npt.NDArray[np.int32] | None:
    if options.groups is None:
        return None
    column = frame[options.groups]
    if column.isna().any():
        row = int(column.isna().to_numpy(bool).argmax()) + 1
        findings.wrong(
            "groups", f"is missing in {int(column.isna().sum()):,} rows, the first row {row:,}", options.groups
        )
        return None
    return kinds.codes_of(column)


def _order(frame: "pd.DataFrame", options: TableOptions, findings: Findings) -> npt.NDArray[np.int32] | None:
    import pandas as pd

    if options.time is None:
        return None
    column = frame[options.time]
    if column.isna().any():
        row = int(column.isna().to_numpy(bool).argmax()) + 1
        findings.wrong("time", f"is missing in {int(column.isna().sum()):,} rows, the first row {row:,}", options.time)
        return None
    if not pd.api.types.is_numeric_dtype(column):
        try:
            column = dates.parse(column)
        except dates.DateError as error:
            findings.wrong("time", f"column {options.time}: {error}", f'"{options.time}"')
            return None
    return (column.rank(method="dense").to_numpy(np.int64) - 1).astype(np.int32)
