"""What runs have learned, as it is kept: weights (`.npz`) and networks (`.keras`).

Weights are read array by array, after what every header claims was compared with what is there. Of a network it is seen
whether its file is whole; what is in it is Keras' to read.
"""

import io
import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ablate import reading
from ablate.data.npy import read_header
from ablate.reading import DamagedError
from ablate.results import files
from ablate.results.record import Record, weights_digest

LIMIT = 2**31  # bytes of the weights of a network that is kept; 500 million numbers
ROOM = 2**24  # bytes of an archive beside its numbers: headers, and the state of layers that no parameter counts
MOST_ARRAYS = 10_000
PARTS = {"metadata.json", "config.json", "model.weights.h5"}  # of a network, as Keras writes it
_BYTES = 4  # of a number
_NETWORK_BYTES = 24  # of a parameter: doubles, and two more of each that an optimizer may keep
_ENTRY = b"PK\x01\x02"  # begins every entry of an archive's table of contents
_KINDS = "fiub"


def pack(weights: Mapping[str, npt.NDArray[np.float32]]) -> bytes | None:
    """Weights as an archive that `read` takes; `None` where they are more than `LIMIT` bytes or `MOST_ARRAYS`."""
    if len(weights) > MOST_ARRAYS or sum(array.nbytes for array in weights.values()) > LIMIT:
        return None
    content = io.BytesIO()
    by_row = {name: np.asarray(array, order="C") for name, array in weights.items()}  # as `_array` reads them
    np.savez(content, **by_row)  # type: ignore[arg-type]
    return content.getvalue()


def are_too_large(record: Record) -> bool:
    """Whether a run's network has more weights than are kept."""
    return record.result["parameters"] * _BYTES > LIMIT


def read(path: Path, record: Record) -> dict[str, npt.NDArray[np.float32]]:
    """The weights in a file.

    Args:
        path: the `.npz` file.
        record: of their run. Its number of parameters bounds what is read.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: they are not those of their record.
        StoreError: they cannot be read.
    """
    most = ROOM + min(LIMIT, 2 * _BYTES * int(record.result["parameters"]))  # doubles
    weights = arrays(files.kept(path, folders=1, most=most), most)
    if record.weights and weights_digest(weights) != record.weights:
        raise DamagedError("these are not the weights that the record was measured with")
    return weights


def check_network(path: Path, record: Record | None = None) -> None:
    """See that a `.keras` file is whole: an archive with all parts of a network, each as its checksum says.

    Args:
        path: the file.
        record: of its run, whose number of parameters bounds what is read.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is not.
        StoreError: it cannot be read.
    """
    most = 2 * LIMIT if record is None else min(2 * LIMIT, _NETWORK_BYTES * int(record.result["parameters"]))
    content = files.kept(path, folders=1, most=files.LIMIT + most)
    try:
        _check_parts(content)
    except Exception as error:  # noqa: BLE001 - as in `arrays`
        raise DamagedError(f"not a whole network: {reading.reason(error)}") from None


def _check_parts(content: bytes) -> None:
    with _opened(content, len(content)) as archive:  # Keras compresses nothing
        if missing := PARTS - set(archive.namelist()):
            raise ValueError(f"it has no {', '.join(sorted(missing))}")
        if broken := archive.testzip():
            raise ValueError(f"the checksum of {broken} does not match its content")


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
        raise DamagedError(f"not the weights of a network: {reading.reason(error)}") from None


def _arrays(content: bytes, most: int) -> dict[str, npt.NDArray[Any]]:
    with _opened(content, most) as archive:
        return {entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in archive.infolist()}


@contextmanager
def _opened(content: bytes, most: int) -> Iterator[zipfile.ZipFile]:
    """An archive of not too many parts, that unpack to not more than so many bytes."""
    if content.count(_ENTRY) > MOST_ARRAYS:
        raise ValueError(f"more than {MOST_ARRAYS:,} arrays")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > most:
            raise ValueError(f"it unpacks to more than {most:,} bytes")
        yield archive


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(entry) as file:
        shape, by_column, dtype = read_header(file, entry.filename)
        if dtype.kind not in _KINDS or by_column:
            raise ValueError(f"{entry.filename} holds {dtype}, which no weights are")
        size = math.prod(shape) * dtype.itemsize
        if size > entry.file_size:
            raise ValueError(f"{entry.filename} claims {size:,} bytes and has {entry.file_size:,}")
        data = file.read(size)
    if len(data) != size:
        raise ValueError(f"{entry.filename} is cut off")
    return np.frombuffer(bytearray(data), dtype).reshape(shape)
