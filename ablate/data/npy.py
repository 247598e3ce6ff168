"""Headers of the arrays in a `.npz` archive, which say what anybody wrote there."""

from typing import IO, Any, NamedTuple

import numpy as np

_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class Header(NamedTuple):
    """What an array claims to be: its shape, whether it is stored column by column, and its type."""

    shape: tuple[int, ...]
    by_column: bool
    dtype: np.dtype[Any]


def read_header(file: IO[bytes], name: str) -> Header:
    """The header at the beginning of an array; the file is left behind it.

    Args:
        file: of the array.
        name: of the array, for errors.

    Raises:
        ValueError: it is damaged, or of a format that no array of numbers has.
    """
    try:
        version = np.lib.format.read_magic(file)
        if version in _READERS:
            found = Header(*_READERS[version](file))
            if min(found.shape, default=0) >= 0:
                return found
    except Exception:  # noqa: BLE001 - numpy evaluates the header, and raises whatever a damaged one leads to
        raise ValueError(f"the header of {name} is damaged") from None
    raise ValueError(f"the header of {name} is damaged, or not one of an array of numbers")
