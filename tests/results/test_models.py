"""Kept networks: a whole file each, beside what its features are made of."""

from pathlib import Path

import pytest

from ablate.errors import StoreError
from ablate.reading import DamagedError
from ablate.results import models
from ablate.results.store import Store

KEY = "ab" * 32


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "reports" / "study")
    made.prepare()
    return made


def test_what_a_network_takes_is_kept_beside_it(store: Store) -> None:
    columns = {"columns": [{"name": "마을 = 서울", "values": ["서울"]}]}
    models.keep_model(store, KEY, lambda path: path.write_bytes(b"a network"), columns)
    assert (models.columns(store, KEY), models.columns(store, "cd" * 32)) == (columns, None)
    assert models.keys(store, "json") == models.keys(store, "keras") == {KEY}
    models.drop(store, [KEY])
    assert files(store.root) == []


def test_a_description_of_a_network_is_small_json(store: Store) -> None:
    path = models.model_path(store, KEY, "json")
    path.parent.mkdir()
    path.write_bytes(bytes(1_000))
    with pytest.raises(DamagedError, match="not what a network is fed with"):
        models.check_columns(path)
    with path.open("wb") as file:
        file.truncate(models.LARGEST_COLUMNS + 1)
    with pytest.raises(DamagedError, match="more than the 16,000,000 that are read"):
        models.check_columns(path)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 1000, b'{"fill": NaN}'])
def test_a_spoiled_description_of_a_network_is_one_error(store: Store, content: bytes) -> None:
    store.write("x", b"")
    path = models.model_path(store, KEY, "json")
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"json cannot be used: .*; remove it"):
        models.columns(store, KEY)
    path.unlink()
    path.symlink_to(store.root / "x")
    with pytest.raises(StoreError, match="it is a symbolic link"):
        models.columns(store, KEY)
