"""`ablate store`: folders of results verified, tidied and merged, with an exit code for what is wrong."""

import json
from pathlib import Path

import pytest

from ablate.results.record import Failure
from ablate.results.store import Store
from ablate.settings import document
from tests import invented
from tests.commands import ablate


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three finished runs and a failed one."""
    return invented.kept(invented.snapshot(finished=4, failed=(3,)), tmp_path / "here")


def damage(store: Store) -> Path:
    """Cut off one record."""
    path = min(store.record_paths())
    path.write_bytes(path.read_bytes()[:100])
    return path


def test_sound_results_are_exit_0(store: Store) -> None:
    done = ablate("store", "verify", store.root)
    assert (done.exit_code, done.stdout) == (0, f"{store.root}: 3 records in order\n")
    assert json.loads(ablate("store", "verify", store.root, "--json").stdout) == {
        "out": str(store.root),
        "records": 3,
        "findings": [],
    }


def test_a_damaged_record_is_exit_74_and_stays_where_it_is(store: Store) -> None:
    path = damage(store)
    done = ablate("store", "verify", store.root)
    assert done.exit_code == 74
    assert str(path.relative_to(store.root)) in done.stdout
    assert f"{store.root}: 2 records in order, 1 " in done.stdout
    assert path.is_file()


def test_garbage_is_shown_before_it_is_removed(store: Store) -> None:
    run = invented.snapshot().planned[3]
    store.commit(invented.record(run))  # which failed before
    dry = json.loads(ablate("store", "gc", store.root, "--dry-run", "--json").stdout)
    assert (dry["removed"], dry["bytes"], len(dry["findings"])) == (False, 0, 1)
    assert store.attempts(run.key) == 1
    wet = json.loads(ablate("store", "gc", store.root, "--json").stdout)
    assert (wet["removed"], wet["bytes"] > 0) == (True, True)
    assert store.attempts(run.key) == 0
    assert len(store.load_all(run.key for run in invented.snapshot().planned)) == 4


def test_runs_that_nobody_asks_for_are_unused(store: Store, tmp_path: Path) -> None:
    stranger = invented.snapshot(training={"epochs": 9}).planned[0]
    store.commit(invented.record(stranger))
    kept = tmp_path / "here" / "invented" / "study.toml"
    done = ablate("store", "gc", "-c", kept, "--unused", "--json")
    assert done.exit_code == 0, done.stderr
    assert [Path(each["path"]).stem for each in json.loads(done.stdout)["findings"]] == [stranger.key]
    assert store.load(stranger.key) is None
    Store(tmp_path / "other").prepare()
    other = ablate("store", "gc", tmp_path / "other", "-c", kept, "--unused")
    assert other.exit_code == 74
    assert "--unused goes by the study file, whose results are in" in other.stderr


def test_unused_is_what_the_study_file_at_hand_does_not_ask_for(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what the study as it was run last does not."""
    asked = invented.snapshot(overfitting={"dropout": [0.0]})
    (tmp_path / "ablations.toml").write_text(document.write(asked.study.document()))
    monkeypatch.chdir(tmp_path)
    by_last = ablate("store", "gc", store.root, "-c", store.root / "study.toml", "--unused", "-n", "--json")
    assert json.loads(by_last.stdout)["findings"] == []
    done = ablate("store", "gc", "-o", tmp_path / "here", "--unused", "-n", "--json")
    assert f"--unused goes by {tmp_path / 'ablations.toml'}" in done.stderr
    gone = {Path(each["path"]).stem for each in json.loads(done.stdout)["findings"]}
    assert gone == {path.stem for path in store.record_paths()} - {run.key for run in asked.planned}
    assert gone


def test_no_folder_of_results_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("")
    for command in (("verify",), ("gc", "-n"), ("merge", "--into", tmp_path / "new")):
        done = ablate("store", *command, tmp_path / "mine")
        assert done.exit_code == 74
        assert "mine is no folder of a study's results" in done.stderr
    assert not (tmp_path / "new").exists()


def test_results_from_elsewhere_are_brought_in_and_counted(store: Store, tmp_path: Path) -> None:
    elsewhere = invented.kept(invented.snapshot(finished=6), tmp_path / "there")
    done = ablate("store", "merge", elsewhere.root, "--into", store.root, "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["added"], document["there"], document["different"], document["refused"]) == (3, 3, 0, 0)
    assert store.count() == 6


def test_what_cannot_be_brought_in_is_exit_74(store: Store, tmp_path: Path) -> None:
    elsewhere = invented.kept(invented.snapshot(finished=6), tmp_path / "there")
    damage(elsewhere)
    done = ablate("store", "merge", elsewhere.root, "--into", store.root)
    assert done.exit_code == 74
    assert "1 left out" in done.stdout


def test_without_a_folder_the_study_file_says_which(store: Store) -> None:
    done = ablate("store", "verify", "-c", store.root / "study.toml")
    assert done.stdout.startswith(f"{store.root}: 3 records")


def test_an_attempt_of_a_run_that_is_still_missing_is_no_garbage(store: Store) -> None:
    store.record_failure("ab" * 32, Failure("odd", "", "2026-01-01T00:00:00+00:00"))
    assert json.loads(ablate("store", "gc", store.root, "--json").stdout)["findings"] == []


def test_a_damaged_network_is_found_and_is_yours_to_remove(store: Store) -> None:
    key = min(store.record_paths()).stem
    (store.root / "models").mkdir(exist_ok=True)
    path = store.model_path(key, "keras")
    path.write_bytes(b"PK")
    done = ablate("store", "verify", store.root)
    assert done.exit_code == 74
    assert f"damaged  models/{key}.keras  not a whole network" in done.stdout
    assert "A damaged network stays until you remove it" in done.stderr
    path.unlink()
    assert ablate("store", "verify", store.root).exit_code == 0


def test_a_confirmation_on_its_way_is_not_unused(tmp_path: Path) -> None:
    made = invented.snapshot()
    store = invented.kept(made, tmp_path)
    fresh = invented.confirmed(made, store, "batch_norm=true")
    for run in fresh[1:]:  # it was interrupted after its first run
        store.record_path(run.key).unlink()
    done = ablate("store", "gc", "-c", store.root / "study.toml", "--unused", "--json")
    assert json.loads(done.stdout)["findings"] == []
    assert store.load(fresh[0].key) is not None
