"""The store: what was acknowledged is there, the first writer wins, damage costs one record."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ablate.errors import StoreError
from ablate.results import store as stores
from ablate.results.identity import DataFacts, Identity
from ablate.results.record import Failure
from ablate.results.store import Store
from tests.results.builders import record

KEY = "ab" * 32


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "reports" / "study")
    made.prepare()
    return made


def test_a_committed_record_is_there_and_nothing_else(store: Store) -> None:
    assert store.commit(record(KEY))
    assert files(store.root) == [f"runs/ab/{KEY}.json"]
    assert repr(store.load(KEY)) == repr(record(KEY))
    assert store.load("cd" * 32) is None


def test_the_first_writer_wins(store: Store) -> None:
    assert store.commit(record(KEY, trainer="compiled"))
    assert not store.commit(record(KEY, trainer="fit"))
    found = store.load(KEY)
    assert found is not None
    assert found.trainer == "compiled"
    assert files(store.root) == [f"runs/ab/{KEY}.json"]


def test_of_many_writers_at_once_one_wins(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: store.commit(record(KEY, seed=number)), range(40)))
    assert sum(won) == 1
    found = store.load(KEY)
    assert found is not None
    assert won[found.seed]
    assert len(files(store.root)) == 1


@pytest.mark.parametrize("damage", [b"", b"{", b"null", b'{"schema": 1}'])
def test_a_damaged_record_is_set_aside_and_counts_as_missing(store: Store, damage: bytes) -> None:
    store.commit(record(KEY))
    store.commit(record("cd" * 32))
    path = store.root / "runs" / "ab" / f"{KEY}.json"
    path.write_bytes(damage)
    assert set(store.load_all([KEY, "cd" * 32])) == {"cd" * 32}
    (aside,) = (store.root / "quarantine").iterdir()
    assert aside.read_bytes() == damage
    assert store.commit(record(KEY))


def test_a_record_under_a_wrong_name_is_set_aside(store: Store) -> None:
    store.commit(record(KEY))
    other = store.root / "runs" / "ab" / f"{'ab' * 31}cd.json"
    (store.root / "runs" / "ab" / f"{KEY}.json").rename(other)
    assert store.load("ab" * 31 + "cd") is None
    assert (store.root / "quarantine").is_dir()


def test_without_hard_links_a_rename_publishes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert store.commit(record(KEY))
    assert not store.commit(record(KEY, trainer="fit"))
    assert files(store.root) == [f"runs/ab/{KEY}.json"]


def test_a_folder_that_cannot_be_written_is_found_before_training(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match=r"cannot be written.*--out"):
        Store(tmp_path / "reports" / "study").prepare()


def test_failures_are_kept_in_order(store: Store) -> None:
    assert store.last_failure(KEY) is None
    for number in range(1, 12):
        store.record_failure(KEY, Failure(f"reason {number}", "log", "2026-01-01T00:00:00+00:00"))
    last = store.last_failure(KEY)
    assert last is not None
    assert last.reason == "reason 11"


def test_only_what_is_there_is_opened(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.commit(record())
    store.record_failure("cd" * 32, Failure("reason", "log", "2026-01-01T00:00:00+00:00"))
    opened = []
    read_record, last = stores.read_record, Store.last_failure
    monkeypatch.setattr(stores, "read_record", lambda path: opened.append(path.stem) or read_record(path))
    monkeypatch.setattr(Store, "last_failure", lambda self, key: opened.append(key) or last(self, key))
    keys = [KEY, "cd" * 32, *(f"{start}{number:062x}" for start in ("00", "ab") for number in range(500))]
    assert set(store.load_all(keys)) == {KEY}
    assert {key: each.reason for key, each in store.last_failures(keys).items()} == {"cd" * 32: "reason"}
    assert opened == [KEY, "cd" * 32]


def test_a_folder_of_records_that_is_a_link_or_unreadable_is_told_as_for_one(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other")
    other.prepare()
    other.commit(record())
    (store.root / "runs").rmdir()
    (store.root / "runs").symlink_to(other.root / "runs")
    assert store.load_all([KEY]) == {}
    assert store.damaged == [store.root / "runs"]
    (store.root / "runs").unlink()
    (store.root / "runs").write_text("no folder")
    assert store.load_all([KEY]) == {}
    assert len(store.damaged) == 2


def test_the_identity_is_read_back(store: Store) -> None:
    assert store.read_identity() is None
    identity = Identity({"keras": "3.15"}, {'{"source":"digits"}': DataFacts("d" * 64, 10, 2, 3, 0.5)})
    store.write_identity(identity)
    assert store.read_identity() == identity
    (store.root / "identity.json").write_text("[]")
    with pytest.raises(StoreError, match=r"identity\.json cannot be used"):
        store.read_identity()
