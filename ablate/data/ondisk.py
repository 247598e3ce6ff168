"""Features that are larger than memory: rows of an uncompressed `.npz` file, read where and when they are needed."""

import os
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ablate.data.npy import read_header

Array = npt.NDArray[Any]
Stamp = tuple[int, int, int]

CHUNK = 2**26  # bytes read at a time where all rows are looked at
_LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip member: its fixed part ends with the lengths of name and extra field


@dataclass(frozen=True)
class OnDisk:
    """The features of a data set in the file they came in; indexing by rows reads those rows.

    Attributes:
        parts: memory maps of equal type and width, one below the other.
        file: where they are.
        stamp: of the file, when the maps were made.
    """

    parts: tuple[Array, ...]
    file: Path
    stamp: Stamp

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a value as stored."""
        return self.parts[0].dtype

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and features."""
        return sum(map(len, self.parts)), self.parts[0].shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes that it would take in memory."""
        return sum(part.nbytes for part in self.parts)

    def has_changed(self) -> bool:
        """Whether the file was written to, replaced or removed since the maps were made."""
        try:
            return stamp(self.file) != self.stamp
        except OSError:
            return True

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: npt.NDArray[np.integer[Any]]) -> Array:
        """Rows in memory, shape (len(rows), features)."""
        found = np.empty((len(rows), self.shape[1]), self.dtype)
        begin = 0
        for part in self.parts:
            mine = (rows >= begin) & (rows < begin + len(part))
            found[mine] = part[rows[mine] - begin]
            begin += len(part)
        return found


def stamp(file: Path) -> Stamp:
    """What tells a file from what it was before: its number, size, and time of the last change in nanoseconds."""
    found = file.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def chunks(x: "Array | OnDisk") -> Iterator[Array]:
    """All rows in order, some at a time."""
    for part in x.parts if isinstance(x, OnDisk) else (x,):
        rows = max(1, CHUNK * len(part) // max(1, part.nbytes))
        for start in range(0, len(part), rows):
            yield part[start : start + rows]


def mean_and_sd(x: OnDisk, rows: npt.NDArray[np.integer[Any]]) -> tuple[Array, Array]:
    """Mean and population standard deviation of every feature over some rows, in two passes; float64."""
    size = max(1, CHUNK // (8 * x.shape[1]))
    pieces = [rows[start : start + size] for start in range(0, len(rows), size)]
    mean = sum(x[piece].sum(axis=0, dtype=np.float64) for piece in pieces) / len(rows)
    squares = sum(np.square(x[piece] - mean).sum(axis=0) for piece in pieces)
    return mean, np.sqrt(squares / len(rows))


def member(path: Path, name: str) -> Array:
    """A memory map of one array of an `.npz` file.

    Raises:
        ValueError: the member is compressed, or its values are not uint8 or float32 in C order.
    """
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        entry = archive.getinfo(f"{name}.npy")
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed; numpy.savez writes it so that it can be read in parts")
        file.seek(entry.header_offset)
        file.seek(sum(_LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))), os.SEEK_CUR)
        shape, by_column, dtype = read_header(file, name)
        if by_column or dtype not in (np.dtype(np.uint8), np.dtype(np.float32)):
            raise ValueError(f"{name} holds {dtype}; only uint8 and float32, row by row, can be read in parts")
        return np.memmap(path, dtype, "r", file.tell(), shape)
