"""Headers of arrays: read without believing them, damaged ones in one plain sentence."""

import io
import struct

import numpy as np
import pytest

from ablate.data.npy import read_header

PLAIN = "{'descr':'%s','fortran_order':False,'shape':%s}"


def header(text: str, length: int | None = None) -> bytes:
    content = text.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(content) if length is None else length) + content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"\x93NUMPY\x09\x00" + bytes(50),
        header("{'descr':"),
        header("{1:2,'shape':()}"),
        header("{'a',b'b'}"),
        header("x", 2**16 - 1),
        header("[" * 9_000),
        header(PLAIN % ("<f99", "(3,)")),
        header(PLAIN % ("<f4", "(-3,)")),
        header(PLAIN % ("<f4", "'ab'")),
        header(PLAIN % ("<f4", "(3,) + open('/tmp/no')")),
    ],
    ids=lambda value: str(value[:30]),
)
def test_a_damaged_header_is_one_plain_sentence(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the header of x\.npy is damaged"):
        read_header(io.BytesIO(content), "x.npy")


def test_a_header_is_what_numpy_wrote() -> None:
    file = io.BytesIO()
    np.save(file, np.asfortranarray(np.ones((3, 2), np.float32)))
    file.seek(0)
    assert read_header(file, "x") == ((3, 2), True, np.dtype(np.float32))
    assert file.read() == np.ones(6, np.float32).tobytes()
