"""Kept weights come back as they were, and no header is believed."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ablate.reading import DamagedError
from ablate.results import models, upkeep, weights
from ablate.results.record import weights_digest
from ablate.results.store import Store
from tests.results.builders import network, record

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
        (with_header("-" * 9000 + "1"), r"network: the header of a.npy is damaged"),
        (with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "9" * 4000 + ",)}"), r"network: \S"),
        (archive(a=np.array(["text"])), "which no weights are"),
        (archive(a=np.zeros(10**6, np.float32)), "unpacks to more than"),
        (archive(**KEPT)[:-30], "not the weights"),
        (b"PK\x01\x02" * 20_000, "more than 10,000 arrays"),
        (b"", "not the weights"),
    ],
    ids=[
        "4 TB",
        "short",
        "objects",
        "negative",
        "brackets",
        "nested",
        "nines",
        "text",
        "large",
        "cut",
        "entries",
        "empty",
    ],
)
def test_what_is_no_archive_of_weights_is_damaged(content: bytes, words: str) -> None:
    with pytest.raises(DamagedError, match=words):
        weights.arrays(content, 10**6)


def store_with(root: Path, kept: dict[str, np.ndarray]) -> tuple[Store, str]:
    store = Store(root)
    store.prepare()
    count = sum(array.size for array in kept.values())
    made = record(weights=weights_digest(kept), result={**record().result, "parameters": count})
    store.commit(made)
    models.keep_weights(store, made.key, kept)
    return store, made.key


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_whatever_is_kept_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    """Weights have a limit of their own, beyond that of other files."""
    kept = {"a": np.ones((50, 100), kind), "b": np.asfortranarray(np.ones((3, 2), kind))}
    monkeypatch.setattr(weights, "ROOM", 3_000)
    store, key = store_with(tmp_path, kept)
    found = models.read_weights(store, store.load(key))
    assert store.damaged == []
    np.testing.assert_array_equal(found["a"], kept["a"])
    assert upkeep.verify(store).is_sound


@pytest.mark.slow
def test_weights_of_more_than_256_mb_are_read_again(tmp_path: Path) -> None:
    kept = {"dense/0": np.zeros((1_000, 68_000), np.float32)}
    store, key = store_with(tmp_path, kept)
    assert models.read_weights(store, store.load(key))["dense/0"].shape == (1_000, 68_000)
    assert store.damaged == []


def test_more_than_a_record_says_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, key = store_with(tmp_path, {"a": np.ones(10, np.float32)})
    monkeypatch.setattr(weights, "ROOM", 1_000)
    models.model_path(store, key, "npz").write_bytes(archive(a=np.ones(1_000, np.float32)))
    with pytest.raises(DamagedError, match="more than the 1,080 that are read"):
        weights.read(models.model_path(store, key, "npz"), store.load(key))


@pytest.mark.parametrize(("name", "most"), [("LIMIT", 39), ("MOST_ARRAYS", 1)])
def test_what_would_not_be_read_again_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr(weights, name, most)
    store, key = store_with(tmp_path, {"a": np.ones(5, np.float32), "b": np.ones(5, np.float32)})
    assert weights.are_too_large(store.load(key)) == (name == "LIMIT")
    assert models.keys(store, "npz") == set()
    assert store.load(key) is not None
    assert upkeep.verify(store).findings == ()


def test_a_flipped_bit_in_a_kept_network_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "network.keras"
    content = bytearray(network())
    path.write_bytes(content)
    weights.check_network(path)
    content[content.index(b"\x89HDF") + 1_000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=r"the checksum of model\.weights\.h5|Bad CRC-32"):
        weights.check_network(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a whole network"),
        (network()[:-30], "not a whole network"),
        (network(**{"config.json": None}), "it has no config.json"),
        (b"PK\x01\x02" * 20_000, "more than 10,000"),
    ],
    ids=["empty", "cut", "no config", "entries"],
)
def test_what_is_no_whole_network_is_damaged(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "network.keras"
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=words):
        weights.check_network(path)


def test_a_network_that_unpacks_to_more_than_its_file_is_damaged(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "network.keras", "w", zipfile.ZIP_DEFLATED) as made:
        for name in weights.PARTS:
            made.writestr(name, b"\0" * 100_000)
    with pytest.raises(DamagedError, match="it unpacks to more than"):
        weights.check_network(tmp_path / "network.keras")
