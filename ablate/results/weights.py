"""Kept weights (`.npz`): read array by array, after what every header claims was compared with what is there."""

import io
import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ablate.reading import DamagedError
from ablate.results import files
from ablate.results.record import weights_digest

MOST_ARRAYS = 10_000
_ENTRY = b"PK\x01\x02"  # begins every entry of an archive's table of contents
_KINDS = "fiub"
_Header = tuple[tuple[int, ...], bool, np.dtype[Any]]
_HEADERS: dict[tuple[int, int], Callable[[Any], _Header]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read(path: Path, digest: str) -> dict[str, npt.NDArray[np.float32]]:
    """The weights in a file.

    Args:
        path: the `.npz` file.
        digest: `Record.weights` of their run; empty if it is not known.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: they are not those of their record.
        StoreError: they cannot be read.
    """
    weights = arrays(files.kept(path, folders=1), files.LIMIT)
    if digest and weights_digest(weights) != digest:
        raise DamagedError("these are not the weights that the record was measured with")
    return weights


def arrays(content: bytes, most: int) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an archive, by name.

    Args:
        content: the archive.
        most: bytes that they may take.

    Raises:
        DamagedError: it is no archive of numbers, or claims more than is there.
    """
    try:
        return _arrays(content, most)
    except Exception as error:  # noqa: BLE001 - readers of archives and headers raise what they like about damage
        raise DamagedError(f"not the weights of a network: {error}") from None


def _arrays(content: bytes, most: int) -> dict[str, npt.NDArray[Any]]:
    if content.count(_ENTRY) > MOST_ARRAYS:
        raise ValueError(f"more than {MOST_ARRAYS:,} arrays")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > most:
            raise ValueError(f"it unpacks to more than {most:,} bytes")
        return {entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in archive.infolist()}


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"format {version} is not one that weights are kept in")
        shape, by_column, dtype = _HEADERS[version](file)
        if dtype.kind not in _KINDS or by_column:
            raise ValueError(f"{entry.filename} holds {dtype}, which no weights are")
        size = math.prod(shape) * dtype.itemsize
        if size > entry.file_size:
            raise ValueError(f"{entry.filename} claims {size:,} bytes and has {entry.file_size:,}")
        data = file.read(size)
    if len(data) != size:
        raise ValueError(f"{entry.filename} is cut off")
    return np.frombuffer(bytearray(data), dtype).reshape(shape)
