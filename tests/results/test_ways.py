"""The way of a structure is kept once; the first who writes it decides."""

from pathlib import Path

import pytest

from ablate.errors import StoreError
from ablate.results import upkeep, ways
from ablate.results.store import Store
from ablate.results.ways import Way

KEY = "ab" * 32
COMPILED, GRAPH = Way("compiled", "1 ms a step by XLA, 2 ms without"), Way("graph", "a tie")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "study")
    store.prepare()
    return store


def test_the_first_way_stays(store: Store) -> None:
    assert ways.find(store, KEY) is None
    assert ways.keep(store, KEY, COMPILED) == COMPILED
    assert ways.keep(store, KEY, GRAPH) == COMPILED == ways.find(store, KEY)
    assert ways.find(store, "cd" * 32) is None
    assert not upkeep.verify(store).findings


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"trainer": "fit", "why": ""}', b'{"trainer": "graph", "why": 1}', b"[" * 50_000, b"\xff"]
)
def test_a_damaged_one_is_set_aside_and_another_takes_its_place(store: Store, content: bytes) -> None:
    ways.keep(store, KEY, COMPILED)
    path = store.root / ways.FOLDER / f"{KEY}.json"
    path.write_bytes(content)
    (finding,) = upkeep.verify(store).findings
    assert (finding.kind, finding.path) == ("damaged", path)
    assert ways.find(store, KEY) is None
    assert ways.keep(store, KEY, GRAPH) == GRAPH == ways.find(store, KEY)
    assert [each.kind for each in upkeep.verify(store).findings] == ["quarantined"]


def test_a_folder_in_its_place_is_named(store: Store) -> None:
    (store.root / ways.FOLDER / f"{KEY}.json").mkdir(parents=True)
    (store.root / "quarantine").write_text("so that nothing can be set aside")
    with pytest.raises(StoreError, match="is damaged and cannot be replaced"):
        ways.keep(store, KEY, GRAPH)
