"""Looking after folders: what is damaged is found, what is needed is never removed, what is merged is checked."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ablate.errors import StoreError
from ablate.results import merging, models, trash, upkeep
from ablate.results.record import Failure, weights_digest
from ablate.results.store import Store
from ablate.settings.document import LARGEST_FILE
from tests.results.builders import network, record

GOOD, BAD, NEW = "aa" * 32, "bb" * 32, "cc" * 32
WEIGHTS = {"dense/0": np.arange(6, dtype=np.float32).reshape(2, 3)}
FAILURE = Failure("out of luck", "log", "2026-01-01T00:00:00+00:00")


def store_with(root: Path, *keys: str) -> Store:
    made = Store(root)
    made.prepare()
    for key in keys:
        made.commit(record(key, weights=weights_digest(WEIGHTS)))
        models.keep_weights(made, key, WEIGHTS)
    return made


def kinds(store: Store) -> dict[str, str]:
    return {str(finding.path.relative_to(store.root)): finding.kind for finding in upkeep.verify(store).findings}


def remove(store: Store, findings: list[upkeep.Finding]) -> int:
    return trash.remove(store, [finding.path for finding in findings])


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_folder_in_order_has_no_findings(tmp_path: Path) -> None:
    store = store_with(tmp_path, GOOD, NEW)
    for name in ("report.html", "runs.csv", "study.toml", "identity.json"):
        store.write(name, b"")
    store.record_failure(BAD, FAILURE)
    found = upkeep.verify(store)
    assert found.findings == ()
    assert set(found.records) == {GOOD, NEW}
    assert upkeep.garbage(store, upkeep.verify(store), quarantine=True) == []


def test_every_kind_of_disorder_is_named_and_nothing_is_changed(tmp_path: Path) -> None:
    store = store_with(tmp_path, GOOD, BAD)
    store.record_path(BAD).write_bytes(store.record_path(BAD).read_bytes()[:-9])
    models.model_path(store, GOOD, "npz").write_bytes(b"PK")
    models.model_path(store, GOOD, "keras").write_bytes(b"PK")
    models.keep_weights(store, NEW, WEIGHTS)
    store.record_failure(GOOD, FAILURE)
    (tmp_path / "quarantine").mkdir()
    (tmp_path / "quarantine" / f"{NEW}.json.12345678").write_text("{")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "runs" / "dd").symlink_to("/etc")
    before = contents(tmp_path)
    assert kinds(store) == {
        f"runs/bb/{BAD}.json": "damaged",
        f"models/{GOOD}.npz": "damaged",
        f"models/{GOOD}.keras": "damaged",
        f"models/{NEW}.npz": "unneeded",
        f"attempts/{GOOD}/1.json": "unneeded",
        f"quarantine/{NEW}.json.12345678": "quarantined",
        "notes.txt": "foreign",
        "runs/dd": "foreign",
    }
    assert not upkeep.verify(store).is_sound
    assert contents(tmp_path) == before


def test_garbage_is_what_no_result_needs(tmp_path: Path) -> None:
    store = store_with(tmp_path, GOOD, BAD)
    store.record_path(BAD).write_bytes(b"")
    store.record_failure(GOOD, FAILURE)
    store.record_failure(NEW, FAILURE)
    before = set(contents(tmp_path))
    freed = remove(store, upkeep.garbage(store, upkeep.verify(store)))
    assert before - set(contents(tmp_path)) == {f"attempts/{GOOD}/1.json"}
    assert not (tmp_path / "attempts" / GOOD).exists()
    assert freed > 10


def test_runs_that_are_not_asked_for_can_be_removed(tmp_path: Path) -> None:
    store = store_with(tmp_path / "study", GOOD, BAD)
    elsewhere = store_with(tmp_path / "elsewhere", NEW)
    (store.root / "runs" / "cc").symlink_to(elsewhere.root / "runs" / "cc")
    remove(store, upkeep.unused(store, {GOOD}))
    assert set(contents(store.root)) >= {f"runs/aa/{GOOD}.json", f"models/{GOOD}.npz"}
    assert not any(BAD in name for name in contents(store.root))
    assert elsewhere.load(NEW) is not None


def test_merging_copies_what_is_new_and_in_order(tmp_path: Path) -> None:
    here, there = store_with(tmp_path / "here", GOOD), store_with(tmp_path / "there", GOOD, BAD, NEW)
    there.record_path(BAD).write_bytes(b"{}")
    there.record_failure("dd" * 32, FAILURE)
    there.write("study.toml", b"[study]")
    before = contents(there.root)
    merged = merging.merge(there, here)
    assert (merged.added, merged.there, merged.different) == ((NEW,), (GOOD,), ())
    assert [finding.path for finding in merged.refused] == [there.record_path(BAD)]
    assert contents(there.root) == before
    assert here.load(NEW) is not None
    assert models.model_path(here, NEW, "npz").read_bytes() == models.model_path(there, NEW, "npz").read_bytes()
    assert here.last_failure("dd" * 32) == FAILURE
    assert (here.root / "study.toml").read_bytes() == b"[study]"
    again = contents(here.root)
    assert merging.merge(there, here).added == ()
    assert contents(here.root) == again


@pytest.mark.parametrize("change", [{"seconds": {"train": 1.0, "compile": 0.0, "total": 9.0}}, {"seed": 2}])
def test_merging_tells_of_runs_that_went_another_way(tmp_path: Path, change: dict[str, object]) -> None:
    here, there = store_with(tmp_path / "here", GOOD), Store(tmp_path / "there")
    there.prepare()
    there.commit(record(GOOD, **change))
    kept = here.record_path(GOOD).read_bytes()
    assert merging.merge(there, here).different == ((GOOD,) if "seed" in change else ())
    assert here.record_path(GOOD).read_bytes() == kept


def test_a_newer_record_is_in_order_but_not_for_us(tmp_path: Path) -> None:
    store = store_with(tmp_path)
    from tests.results.test_record import newer

    path = store.record_path(NEW)
    path.parent.mkdir()
    path.write_bytes(json.dumps(newer(NEW)).encode())
    assert kinds(store) == {f"runs/cc/{NEW}.json": "newer"}
    assert not upkeep.verify(store).is_sound


def users_files(root: Path) -> dict[str, bytes]:
    """Files of the user's beside ours, some called nearly as ours are."""
    names = (
        "models/bead.keras",
        "models/cafe.npz",
        "models/best.keras",
        "models/data.csv",
        f"models/{NEW}.txt",
        f"models/{NEW[:-1]}.npz",
        f"models/deeper/{NEW}.npz",
        f"copies/{NEW}.npz",
        f"attempts/{GOOD}/notes.json",
        "attempts/abcd/1.json",
        "runs/aa/abcd.json",
        f"runs/bb/{NEW}.json",
        "quarantine/mine.json",
        "trash/mine.txt",
        "trash/.mydraft.tmp",
        "trash/.thesis.tmp.docx",
        f"trash/runs.mine.{NEW}.notes.txt",
        ".thesis.docx.0123abcd.1.0123abcd.tmp",
    )
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")
    return {name: contents(root)[name] for name in names}


def test_what_is_not_ours_is_left_alone_and_counted(tmp_path: Path) -> None:
    store = store_with(tmp_path, GOOD, BAD)
    mine = users_files(tmp_path)
    models.keep_weights(store, NEW, WEIGHTS)
    inventory = upkeep.verify(store)
    assert inventory.foreign == len(mine)
    assert inventory.is_sound
    remove(store, upkeep.garbage(store, inventory, quarantine=True))
    remove(store, upkeep.unused(store, {GOOD}))
    store.prepare()
    there = contents(tmp_path)
    assert mine.items() <= there.items()
    assert f"models/{NEW}.npz" not in there
    assert not any(BAD in name for name in there)


def test_looking_changes_nothing(tmp_path: Path) -> None:
    store = store_with(tmp_path, GOOD)
    models.keep_weights(store, NEW, WEIGHTS)
    before = contents(tmp_path)
    assert len(upkeep.garbage(store, upkeep.verify(store))) == 1
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["models.{}.npz", "callbacks.{}.a b.txt", "confirmations.{}.json"])
def test_what_a_stopped_removal_of_an_older_version_left_is_removed_by_the_next(tmp_path: Path, name: str) -> None:
    store = store_with(tmp_path, GOOD)
    (tmp_path / "trash").mkdir()
    (tmp_path / "trash" / name.format(NEW)).write_bytes(b"")
    assert kinds(store) == {f"trash/{name.format(NEW)}": "unfinished"}
    remove(store, upkeep.garbage(store, upkeep.verify(store)))
    assert not (tmp_path / "trash").exists()


def test_links_in_the_place_of_folders_lead_nowhere(tmp_path: Path) -> None:
    """Neither removed nor set aside is what lies in another folder."""
    mine = store_with(tmp_path / "mine", GOOD, BAD)
    mine.record_path(BAD).write_bytes(b"damaged, and none of their business")
    models.keep_weights(mine, NEW, WEIGHTS)
    before = contents(mine.root)
    theirs = Store(tmp_path / "theirs")
    theirs.root.mkdir()
    for name in ("runs", "models", "attempts"):
        (theirs.root / name).symlink_to(mine.root / name)
    assert theirs.load(GOOD) is None
    assert theirs.load(BAD) is None
    assert models.keys(theirs, "npz") == set()
    models.drop(theirs, [GOOD, NEW])
    remove(theirs, upkeep.garbage(theirs, upkeep.verify(theirs), quarantine=True))
    with pytest.raises(StoreError, match="which records there are is not seen"):
        upkeep.unused(theirs, set())
    assert contents(mine.root) == before


def test_folders_deeper_than_ours_are_named_and_not_looked_into(tmp_path: Path) -> None:
    store = store_with(tmp_path, GOOD)
    deep = tmp_path / "models" / "/".join("d" * 40)
    deep.mkdir(parents=True)
    assert kinds(store) == {"models/d/d": "foreign"}
    store.prepare()


def test_what_says_what_a_network_takes_goes_where_the_network_goes(tmp_path: Path) -> None:
    """It is needed as long as there is a record, is copied with it, and goes when nobody asks for the run."""
    columns = {"columns": [{"name": "age"}]}
    store = store_with(tmp_path / "here", GOOD)
    for key in (GOOD, BAD):
        models.keep_model(store, key, lambda path: path.write_bytes(network()), columns)
    unneeded = {f"models/{BAD}.keras": "unneeded", f"models/{BAD}.json": "unneeded"}
    assert kinds(store) == unneeded
    there = Store(tmp_path / "there")
    merging.merge(store, there)
    assert models.columns(there, GOOD) == columns
    remove(store, upkeep.garbage(store, upkeep.verify(store)))
    assert models.keys(store, "json") == {GOOD}
    remove(there, upkeep.unused(there, set()))
    assert models.keys(there, "json") == models.keys(there, "keras") == set()


def test_runs_of_a_confirmation_on_its_way_are_asked_for(tmp_path: Path) -> None:
    """The one of two that is finished is needed when the other is trained."""
    store = store_with(tmp_path, GOOD, BAD, NEW)
    content = json.dumps({"runs": [BAD, "dd" * 32], "seeds": [4]}).encode()
    path = tmp_path / "confirmations" / f"{hashlib.sha256(content).hexdigest()}.json"
    path.parent.mkdir()
    path.write_bytes(content)
    assert {finding.path.stem for finding in upkeep.unused(store, {GOOD})} == {NEW}


def test_what_is_removed_while_a_folder_is_looked_through_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names are listed first, and another process removes files before they are read."""
    store = store_with(tmp_path, GOOD, BAD)
    models = sorted((tmp_path / "models").iterdir())
    paths = list(store.record_paths())
    for path in paths:
        if path.stem == BAD:
            path.unlink()
    models[0].unlink()
    monkeypatch.setattr(store, "record_paths", lambda: iter(paths))
    monkeypatch.setattr(store, "everything", lambda: iter([*paths, *models]))
    found = upkeep.verify(store)
    assert found.records == (GOOD,)
    assert [finding.path.stem for finding in found.findings if finding.path.exists()] == [
        BAD
    ]  # weights without a record


def behind_a_link(root: Path) -> None:
    (root / "runs").rename(root.parent / "elsewhere")
    (root / "runs").symlink_to(root.parent / "elsewhere")


def behind_a_dead_link(root: Path) -> None:
    behind_a_link(root)
    (root.parent / "elsewhere").rename(root.parent / "unmounted")


def one_behind_a_link(root: Path) -> None:
    (root / "runs" / GOOD[:2]).rename(root.parent / "elsewhere")
    (root / "runs" / GOOD[:2]).symlink_to(root.parent / "elsewhere")


@pytest.mark.parametrize("hide", [behind_a_link, behind_a_dead_link, one_behind_a_link])
def test_nothing_of_runs_whose_records_are_not_seen_is_removed(tmp_path: Path, hide: Callable[[Path], None]) -> None:
    store = store_with(tmp_path / "h", GOOD)
    (store.root / "callbacks" / GOOD).mkdir(parents=True)
    hide(store.root)
    if hide is one_behind_a_link:
        assert upkeep.unused(store, set()) == []
    else:
        with pytest.raises(StoreError, match="which records there are is not seen"):
            upkeep.unused(store, set())
    assert upkeep.garbage(store, upkeep.verify(store)) == []


def test_merging_leaves_networks_that_are_no_networks_of_their_runs(tmp_path: Path) -> None:
    source, target = store_with(tmp_path / "a", GOOD, NEW, BAD), Store(tmp_path / "b")
    with models.model_path(source, GOOD, "keras").open("wb") as file:
        file.truncate(2**38)
    with models.model_path(source, NEW, "keras").open("wb") as file:
        file.truncate(2**29)  # its record tells of six weights
    models.model_path(source, BAD, "npz").write_bytes(b"PK")
    found = merging.merge(source, target)
    assert {(each.path.name, each.kind) for each in found.refused} == {
        (f"{GOOD}.keras", "damaged"),
        (f"{NEW}.keras", "damaged"),
        (f"{BAD}.npz", "damaged"),
    }
    assert sorted(path.name for path in (target.root / "models").iterdir()) == sorted([f"{GOOD}.npz", f"{NEW}.npz"])
    adopted = merging.adopt(source, Store(tmp_path / "c"), [GOOD])
    assert [each.path.name for each in adopted.refused] == [f"{GOOD}.keras"]


def test_a_study_that_is_too_large_is_not_copied(tmp_path: Path) -> None:
    store = store_with(tmp_path / "here", GOOD)
    with (store.root / "study.toml").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(StoreError, match=r"study\.toml cannot be copied: it has 1,000,001 bytes, more than"):
        merging.merge(store, Store(tmp_path / "there"))
