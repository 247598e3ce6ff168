"""Readers of data files: what `.npz` archives and tables hold, as arrays that `sources` checks."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ablate import reading
from ablate.data import ondisk
from ablate.data.npy import read_header
from ablate.data.ondisk import OnDisk
from ablate.tables import table
from ablate.tables.options import Findings, TableOptions
from ablate.tables.table import Table

Scale = Literal["none", "divide", "standard"]
Features = npt.NDArray[Any] | OnDisk
Parts = list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]


class SourceError(Exception):
    """What is wrong with the data; `sources.load` adds the key and the value."""


@dataclass(frozen=True)
class Arrays:
    """What a reader finds: features of any shape, labels of any type and, in some sources, a test part.

    Attributes:
        x: features, shape (n, ...), or the columns of a table.
        y: labels, shape (n,).
        test_rows: how many of the last rows are the test part that the source brings.
        names: of the classes, where the source has them.
        scale: how features are brought to a common size unless the study says otherwise.
        divisor: for `scale = "divide"`.
        shape: of one example, where it is not that of a row of `x`.
    """

    x: Features | Table
    y: npt.NDArray[Any]
    test_rows: int = 0
    names: tuple[str, ...] | None = None
    scale: Scale = "none"
    divisor: float = 1.0
    shape: tuple[int, ...] | None = None


_ARRAYS = {f"{what}_{part}.npy" for what in "xy" for part in ("train", "test")}


def read_npz(path: Path) -> Arrays:
    """What an archive with Keras' keys holds; features too large for memory stay in it, if they can be read in parts.

    Raises:
        SourceError: it cannot be used.
        OSError: it cannot be opened.
    """
    try:
        return _read_npz(path)
    except (SourceError, OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - readers of archives and headers raise what they like about damage
        raise SourceError(f"cannot be read: {reading.reason(error)}") from None


def _read_npz(path: Path) -> Arrays:
    with zipfile.ZipFile(path) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    size, limit = sum(sizes.values()), reading.memory_limit()
    if size > limit:
        too_large = f"{path.name} unpacks to {size:,} bytes, more than the {limit:,} that memory allows"
        if sum(size for name, size in sizes.items() if not name.startswith("x_")) > limit:
            raise SourceError(too_large)
        return _map_npz(path, too_large)
    with zipfile.ZipFile(path) as archive:
        for name in _ARRAYS & sizes.keys():
            with archive.open(name) as member:
                read_header(member, name)
    with np.load(path, allow_pickle=False) as archive:
        parts = _parts(path, archive, archive.__getitem__)
    return _stacked(parts, lambda xs: xs[0] if len(xs) == 1 else np.concatenate(xs))


def _map_npz(path: Path, too_large: str) -> Arrays:
    """The same with the features left in the file, where that can be done."""
    before = ondisk.stamp(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            parts = _parts(path, archive, lambda name: ondisk.member(path, name))
    except ValueError as error:
        raise SourceError(f"{too_large}, and {error}") from None
    found = _stacked(parts, lambda xs: OnDisk(tuple(x.reshape(len(x), -1) for x in xs), path, before))
    return replace(found, shape=parts[0][0].shape[1:])


def _parts(path: Path, archive: Any, features: Callable[[str], npt.NDArray[Any]]) -> Parts:
    """Features and labels of the training part and, if there is one, of the test part."""
    missing = [key for key in ("x_train", "y_train") if key not in archive]
    if missing:
        found = ", ".join(archive.files) or "nothing"
        raise SourceError(f"{path.name} has no array {' or '.join(missing)}; it holds {found}")
    if ("x_test" in archive) != ("y_test" in archive):
        raise SourceError(f"{path.name} has one of x_test and y_test; it should have both, or neither")
    parts = [(features(f"x_{part}"), archive[f"y_{part}"]) for part in ("train", "test") if f"x_{part}" in archive]
    types = [str(x.dtype) for x, _ in parts]
    if len(set(types)) > 1:
        raise SourceError(f"x_train is {types[0]} and x_test {types[1]}")
    return parts


def _stacked(parts: Parts, stack: Callable[[list[npt.NDArray[Any]]], Features]) -> Arrays:
    """Training and test part as one data set."""
    for part, (x, y) in zip(("train", "test"), parts, strict=False):
        if x.ndim < 2 or x.shape[:1] != y.shape[:1]:
            raise SourceError(f"x_{part} has shape {x.shape} and y_{part} {y.shape}: one row of features a label")
        if not len(x):
            raise SourceError(f"x_{part} holds no rows")
    if len({x.shape[1:] for x, _ in parts}) > 1:
        raise SourceError(f"rows of x_train have shape {parts[0][0].shape[1:]}, of x_test {parts[1][0].shape[1:]}")
    features = stack([x for x, _ in parts])
    labels = np.concatenate([_as_column(y) for _, y in parts])
    is_image = features.dtype == np.uint8
    return Arrays(
        features, labels, len(parts[1][1]) if len(parts) == 2 else 0, None, "divide" if is_image else "none", 255.0
    )


def _as_column(y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels as one column; one-hot rows become indices."""
    if y.ndim == 1 or y.shape[1:] == (1,):
        return y.reshape(-1)
    if y.ndim > 2 or y.dtype.kind not in "buif" or not (((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all()):
        message = "should be one class or one number to predict for each example, or rows with a single 1 among zeros"
        raise SourceError(
            f"labels of shape {y.shape} {message}; several (multi-label data, sequences, several numbers) are not "
            "supported"
        )
    return np.asarray(np.argmax(y, axis=1))


def read_table(path: Path, options: TableOptions, findings: Findings) -> Arrays:
    """What a `.csv` or `.parquet` file holds; its features are still a table.

    Args:
        path: the file.
        options: of the study.
        findings: hears of what is odd.

    Raises:
        SourceError: it is too large.
        StudyError: it cannot be used; holds every problem found.
    """
    _check_size(path, _parquet_size(path) if path.suffix.lower() == ".parquet" else path.stat().st_size)
    findings.file = path.name
    found = table.read(path, options, findings)
    return Arrays(found, found.labels, scale="standard")


def _parquet_size(path: Path) -> int:
    """Bytes of a Parquet file once it is unpacked."""
    try:
        from pyarrow import parquet
    except ImportError:
        return 0  # whoever reads it says so
    with parquet.ParquetFile(path) as file:
        metadata = file.metadata
        size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
        return int(max(size, 8 * metadata.num_rows * metadata.num_columns))


def _check_size(path: Path, size: int) -> None:
    if size > (limit := reading.memory_limit()):
        raise SourceError(f"{path.name} has {size:,} bytes, more than the {limit:,} that memory allows for a table")
