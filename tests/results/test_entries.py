"""Entries: what one may hold is checked where it is read, and a damaged one is set aside where it can be."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ablate.api.plans import Plan, run_plan
from ablate.errors import StoreError
from ablate.execution.scheduler import Options
from ablate.reading import DamagedError
from ablate.results import entries, upkeep
from ablate.results.store import Store
from tests import invented
from tests.results.builders import record

RUNS = ["ab" * 32, "cd" * 32]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "tiny")
    made.prepare()
    (made.root / entries.FOLDER).mkdir()
    return made


def put(store: Store, content: bytes) -> Path:
    """A file that has its digest as its name, whatever is in it."""
    path = store.root / entries.FOLDER / f"{hashlib.sha256(content).hexdigest()}.json"
    path.write_bytes(content)
    return path


def entry(**changes: Any) -> bytes:
    return json.dumps({"runs": RUNS, "seeds": [3, 4], **changes}).encode()


def test_an_entry_is_read(store: Store) -> None:
    found = entries.read_entry(put(store, entry()))
    assert found == entries.Entry(frozenset(RUNS), (3, 4))
    assert entries.read(store) == [found]
    assert entries.keys(store) == set(RUNS)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (entry(seeds=[True]), "seeds.0: input should be a valid integer"),
        (entry(seeds=[2**32]), "seeds.0: input should be less than 4294967296"),
        (entry(seeds=[-1]), "seeds.0"),
        (entry(seeds="34"), "seeds"),
        (entry(runs=["ab"]), "runs.0: a run is named by 64 hexadecimal digits"),
        (entry(runs=["ab" * 32 + "\n"]), "runs.0"),
        (entry(runs=None), "runs"),
        (entry(more=1), "more: extra inputs are not permitted"),
        (json.dumps({"runs": RUNS}).encode(), "seeds: field required"),
        (json.dumps({"runs": [[]] * 9, "seeds": []}).encode(), "more than 3 lists and tables"),
        (entry(seeds=list(range(50_001))), "seeds: list should have at most 50000 items"),
        (b"[" * 100_000, "more than 3 lists and tables"),
        (b"[1]", "not a confirmation"),
        (b" " * 10_000_001, "more than the 10,000,000 that are read"),
        (entry().decode().encode("utf-16"), "not a confirmation"),
    ],
    ids=lambda value: str(value[:40]),
)
def test_what_no_entry_is_is_damaged(store: Store, content: bytes, words: str) -> None:
    path = put(store, content)
    with pytest.raises(DamagedError, match=words):
        entries.read_entry(path)
    assert entries.read(store) == []
    assert [(found.kind, found.path) for found in upkeep.verify(store).findings] == [("damaged", path)]


def test_a_damaged_entry_is_set_aside(store: Store, tmp_path: Path) -> None:
    sound, damaged = put(store, entry()), put(store, entry(seeds=[5]))
    damaged.write_bytes(entry(seeds=[6]))
    (store.root / entries.FOLDER / "notes.json").write_text("mine")
    entries.set_damaged_aside(store)
    assert [path.name.rpartition(".")[0] for path in store.damaged] == [f"confirmation.{damaged.name}"]
    assert entries.paths(store) == [sound]
    assert {found.kind for found in upkeep.verify(store).findings} == {"quarantined", "foreign"}
    assert upkeep.verify(store).is_sound


def test_a_run_of_the_study_leaves_a_folder_that_is_in_order(tmp_path: Path) -> None:
    """`ablate run` has nothing to train, and mends what `store verify` found."""
    made = invented.snapshot()
    results = invented.kept(made, tmp_path)
    invented.confirmed(made, results, "batch_norm=true")
    (path,) = entries.paths(results)
    path.write_bytes(b"{}")
    assert not upkeep.verify(results).is_sound
    everything = tuple(made.planned)
    plan = Plan(made.study, made.identity, results, everything, everything, made.records, ())
    run_plan(plan, Options(jobs=1))
    assert upkeep.verify(results).is_sound
    assert len(results.damaged) == 1


def test_nothing_is_unused_while_a_confirmation_is_in_the_quarantine(store: Store) -> None:
    store.commit(record(RUNS[0]))
    damaged = put(store, entry())
    damaged.write_bytes(b"{}")
    entries.set_damaged_aside(store)
    with pytest.raises(StoreError, match=r"quarantine/confirmation\..*'ablate store gc --quarantine' removes it"):
        upkeep.unused(store, set())
    (moved,) = upkeep.garbage(store, upkeep.verify(store), quarantine=True)
    assert moved.kind == "quarantined"
    moved.path.unlink()
    assert [found.path for found in upkeep.unused(store, set())] == [store.record_path(RUNS[0])]


def test_links_are_not_followed(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other")
    other.prepare()
    (other.root / entries.FOLDER).mkdir()
    put(other, entry())
    (store.root / entries.FOLDER).rmdir()
    (store.root / entries.FOLDER).symlink_to(other.root / entries.FOLDER)
    assert entries.read(store) == []
    entries.set_damaged_aside(store)
    assert len(entries.paths(other)) == 1


def flipped(store: Store) -> None:
    """A sound entry, one of whose seeds was changed."""
    path = put(store, entry())
    path.write_bytes(path.read_bytes().replace(b"[3, 4]", b"[3, 5]"))


def linked(store: Store) -> None:
    put(store, entry())
    (store.root / entries.FOLDER).rename(store.root.parent / "elsewhere")
    (store.root / entries.FOLDER).symlink_to(store.root.parent / "elsewhere")


def in_a_file(store: Store) -> None:
    (store.root / entries.FOLDER).rmdir()
    (store.root / entries.FOLDER).write_text("")


def in_a_pipe(store: Store) -> None:
    (store.root / entries.FOLDER).rmdir()
    os.mkfifo(store.root / entries.FOLDER)


@pytest.mark.parametrize("damage", [flipped, linked, in_a_file, in_a_pipe])
def test_nothing_is_unused_while_it_is_not_known_what_confirms(store: Store, damage: Callable[[Store], None]) -> None:
    store.commit(record(RUNS[0]))
    damage(store)
    with pytest.raises(StoreError, match=r"is damaged .*confirm a choice is not known"):
        upkeep.unused(store, set())
    assert len(entries.damaged(store)) == 1
