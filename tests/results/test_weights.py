"""Kept weights come back as they were, and no header is believed."""

import io
import struct
import zipfile

import numpy as np
import pytest

from ablate.reading import DamagedError
from ablate.results import weights

KEPT = {
    "a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.float32(2.5),
    "c": np.zeros((0, 4), np.float32),
}


def archive(**arrays: object) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def with_header(header: str, data: bytes = b"") -> bytes:
    """An archive of one array with a header of somebody's own."""
    text = header.encode().ljust(117) + b"\n"
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        made.writestr("a.npy", member)
    return content.getvalue()


def test_weights_come_back_as_numpy_reads_them() -> None:
    content = archive(**KEPT)
    found = weights.arrays(content, 10**6)
    with np.load(io.BytesIO(content)) as other:
        assert list(found) == list(other)
        for name, array in found.items():
            np.testing.assert_array_equal(array, other[name], strict=True)
            assert array.flags.writeable


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}"),
            "claims 4,000,000,000,000",
        ),
        (with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (10,)}", b"\0" * 8), "claims 40 bytes|cut off"),
        (with_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), "which no weights are"),
        (with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), "not the weights"),
        (with_header("(" * 100), "not the weights"),
        (archive(a=np.array(["text"])), "which no weights are"),
        (archive(a=np.zeros(10**6, np.float32)), "unpacks to more than"),
        (archive(**KEPT)[:-30], "not the weights"),
        (b"PK\x01\x02" * 20_000, "more than 10,000 arrays"),
        (b"", "not the weights"),
    ],
    ids=["4 TB", "short", "objects", "negative", "brackets", "text", "large", "cut", "entries", "empty"],
)
def test_what_is_no_archive_of_weights_is_damaged(content: bytes, words: str) -> None:
    with pytest.raises(DamagedError, match=words):
        weights.arrays(content, 10**6)
