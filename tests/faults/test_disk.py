"""Disks that are full, read-only or gone, and files that are not what they were."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ablate.errors import StoreError
from ablate.results import models
from ablate.results.store import Store
from tests.faults.conftest import BOTH_TRAINERS, KILLS, Place, wait_for
from tests.results.builders import record

FILL = """
import pathlib, resource, sys
from ablate.errors import StoreError
from ablate.results.store import Store
from tests.results.builders import record
store = Store(pathlib.Path(sys.argv[1]))
store.prepare()
size = len(record("00" * 32).to_json())
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
for limit in range(size + 1):
    key = f"{limit:064x}"
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
    try:
        store.commit(record(key))
        kept = True
    except StoreError as error:
        assert "cannot be written: File too large" in str(error), error
        kept = False
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert kept == (limit >= size), (limit, size)
    assert store.temporaries() == []
    assert (store.load(key) is not None) == kept
    assert store.commit(record(key)) != kept  # with room again it is written
print(size)
"""


def test_a_disk_may_be_full_at_any_byte_of_a_commit(tmp_path: Path) -> None:
    """The system refuses to let the file grow beyond every size there is, from nothing to the whole record."""
    done = subprocess.run([sys.executable, "-c", FILL, tmp_path / "study"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 500
    assert Store(tmp_path / "study").count() == int(done.stdout) + 1


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts small disks in memory, where this process may do so."""
    mounted: list[Path] = []

    def on(folder: Path, *options: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"needs the right to mount a disk in memory: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    if shutil.which("mount") is None:
        pytest.skip("needs mount")
    yield on
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


@BOTH_TRAINERS
def test_a_full_disk_ends_the_study_and_keeps_what_it_has(place: Place, mount: Callable[..., Path]) -> None:
    study = ("-S", "study.replicates=20", "-S", "study.save_models='none'")
    mount(place.folder / "reports", "size=150k")
    done = place.ablate("run", "-j2", *study)
    assert done.returncode == 74
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert place.wait_for_end() == []
    kept = list(place.store.record_paths())
    assert 1 < len(kept) < 40
    assert len(place.store.load_all([path.stem for path in kept])) == len(kept)
    assert place.store.damaged == []
    assert place.unfinished() == []
    subprocess.run(["mount", "-o", "remount,size=50m", str(place.folder / "reports")], check=True)
    again = place.ablate("run", "-j2", "--json", *study)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["trained"] == 40 - len(kept)


def test_a_read_only_disk_is_found_before_anything_is_trained(
    place: Place, results: Path, mount: Callable[..., Path]
) -> None:
    reports = mount(place.folder / "reports", "size=50m")
    shutil.copytree(results, reports, dirs_exist_ok=True)
    damaged, *_ = place.store.record_paths()
    damaged.write_bytes(b"{")
    subprocess.run(["mount", "-o", "remount,ro", str(reports)], check=True)
    done = place.ablate("run", "-j2", "-S", "training.epochs=1000000")
    assert done.returncode == 74
    assert "cannot be written: Read-only file system; choose a folder with --out" in done.stderr
    status = place.ablate("status", "--json")
    assert json.loads(status.stdout)["done"] == 3
    assert f"{damaged.name} is damaged" in status.stderr
    assert place.ablate("store", "verify", str(place.store.root)).returncode == 74


def test_a_folder_that_is_removed_meanwhile_is_not_made_again(place: Place) -> None:
    with place.start("run", "-j2", "-S", "study.replicates=30", "-S", "training.epochs=300") as process:
        wait_for(process, "2/60")
        gone = place.folder / "gone"
        place.store.root.rename(gone)
        _, err = process.communicate(timeout=240)
    assert process.returncode == 74
    assert "is gone: somebody removed the results folder" in err
    assert "Traceback" not in err
    assert not place.store.root.exists()
    assert len(Store(gone).load_all([path.stem for path in Store(gone).record_paths()])) >= 2
    assert place.wait_for_end() == []


def test_every_flipped_bit_of_a_record_is_noticed(tmp_path: Path) -> None:
    """One bit of every byte, a random one; and the record cut off after every byte."""
    store = Store(tmp_path)
    store.prepare()
    good = record("ab" * 32)
    store.commit(good)
    path = store.record_path(good.key)
    whole = path.read_bytes()
    chance = random.Random(time.time_ns())
    for position in range(len(whole) - 1):  # without the line's end the record is whole
        bits = range(8) if KILLS > 10 else [chance.randrange(8)]
        for bit in bits:
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            found = store.load(good.key)
            assert found is None or repr(found) == repr(good), (position, bit)
        path.write_bytes(whole[:position])
        assert store.load(good.key) is None
    assert len(store.damaged) > len(whole) * 1.9
    assert store.commit(good)


def test_strange_files_are_left_alone_and_links_are_not_followed(finished: Place) -> None:
    outside = finished.folder / "outside"
    outside.mkdir()
    first, second, *_ = sorted(finished.store.record_paths())
    moved = outside / first.name
    first.rename(moved)
    first.symlink_to(moved)
    second.unlink()
    second.mkdir()
    runs = finished.store.root / "runs"
    (runs / "notes.txt").write_text("mine")
    (runs / "zz").mkdir()
    (runs / "zz" / first.name).write_text("{}")
    os.mkfifo(first.parent / f"{first.stem[:-1]}x.json")
    before = moved.read_bytes()
    again = finished.ablate("run", "-j2", "--json")
    assert again.returncode == 0, again.stderr
    counts = json.loads(again.stdout)
    assert (counts["trained"], counts["cached"]) == (2, 2)
    assert moved.read_bytes() == before
    assert first.is_file()
    assert not first.is_symlink()
    assert (runs / "notes.txt").read_text() == "mine"
    assert finished.ablate("report").returncode == 0


def test_a_linked_shard_stops_the_study_with_a_clear_error(finished: Place) -> None:
    first = min(finished.store.record_paths())
    outside = finished.folder / "outside"
    first.parent.rename(outside)
    first.parent.symlink_to(outside)
    done = finished.ablate("run", "-j2")
    assert done.returncode == 74
    assert f"{first.parent} should be a folder of this study's own" in done.stderr
    assert list(outside.iterdir()) == [outside / first.name]


def test_damaged_weights_cost_a_saved_network_and_no_more(place: Place) -> None:
    study = ("-S", "study.save_models='all'")
    first = place.ablate("run", "-j2", *study, "--only", "dropout=0", "-S", "study.save_models='best'")
    assert first.returncode == 0, first.stderr
    weights = sorted((place.store.root / "models").glob("*.npz"))
    assert len(weights) == 2, "candidates are kept until the study is complete"
    content = bytearray(weights[0].read_bytes())
    content[len(content) // 2] ^= 1
    weights[0].write_bytes(content)
    assert place.ablate("store", "verify", str(place.store.root)).returncode == 74
    done = place.ablate("run", "-j2", *study)
    assert done.returncode == 0, done.stderr
    assert len(models.keys(place.store, "keras")) == 3
    assert len(list((place.store.root / "quarantine").iterdir())) == 1


def test_without_hard_links_the_first_writer_still_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file system without hard links can be counted on here, so the call is made to fail as it does there."""

    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    store = Store(tmp_path)
    store.prepare()
    monkeypatch.setattr(os, "link", refuse)
    assert store.commit(record("ab" * 32))
    assert not store.commit(record("ab" * 32, trainer="fit"))
    found = store.load("ab" * 32)
    assert found is not None
    assert found.trainer == "compiled"


def test_a_place_that_is_taken_is_an_error_and_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="should be a folder of this study's own"):
        Store(tmp_path).prepare()
    assert (tmp_path / "runs").read_text() == "a file where a folder should be"
