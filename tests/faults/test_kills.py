"""SIGKILL at random moments: no record is lost, nothing goes on training, and the study ends as if nothing was."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ablate.results import models, upkeep
from ablate.results.store import Store
from tests.faults.conftest import BOTH_TRAINERS, KILLS, Place, wait_for

STUDY = ("-S", "study.replicates=4", "-S", "training.epochs=60", "-S", "study.save_models='all'")
RUNS = 8
ACKNOWLEDGED = re.compile(r"\d+/\d+ (?P<treatment>\S+) seed (?P<seed>\d+): test accuracy")


def keys_of(place: Place) -> dict[tuple[str, str], str]:
    """The run behind every line of progress, of a study that was trained to its end."""
    records = place.store.load_all(path.stem for path in place.store.record_paths()).values()
    names = {0.0: "baseline", 0.5: "dropout=0.5"}
    return {(names[record.settings["remedies"]["dropout"]], str(record.seed)): record.key for record in records}


def acknowledged(text: str) -> set[tuple[str, str]]:
    return {(match["treatment"], match["seed"]) for match in ACKNOWLEDGED.finditer(text)}


@BOTH_TRAINERS
@pytest.mark.timeout(120 + 30 * KILLS)
def test_a_killed_study_loses_nothing_and_goes_on(place: Place, tmp_path: Path) -> None:
    """Half of the kills hit the whole program, the others one of its workers."""
    (tmp_path / "undisturbed").mkdir()
    undisturbed = Place(tmp_path / "undisturbed", place.trainer)
    began = time.monotonic()
    assert undisturbed.ablate("run", "-j2", *STUDY).returncode == 0
    duration = time.monotonic() - began
    keys = keys_of(undisturbed)
    assert len(keys) == RUNS
    chance = random.Random(time.time_ns())
    done: set[tuple[str, str]] = set()
    for _ in range(-(-KILLS // 2)):
        with place.start("run", "-j2", *STUDY) as process:
            try:
                process.communicate(timeout=chance.uniform(0.1, duration))
            except subprocess.TimeoutExpired:
                process.kill()
            done |= acknowledged(process.communicate()[1])
        assert place.wait_for_end() == [], "a worker outlives the program"
        records = place.store.load_all(keys.values())
        assert {keys[run] for run in done} <= set(records)
        assert place.store.damaged == []
        if len(records) == RUNS:  # start again
            (place.folder / "reports").rename(place.folder / f"reports-{time.time_ns()}")
            done = set()
    for _ in range(KILLS // 2):
        with place.start("run", "-j2", *STUDY) as process:
            time.sleep(chance.uniform(0.5, duration / 2))
            if workers := place.workers():
                os.kill(chance.choice(workers), signal.SIGKILL)
            done |= acknowledged(process.communicate(timeout=240)[1])
        assert process.returncode in {0, 3}
        assert {keys[run] for run in done} <= set(place.store.load_all(keys.values()))
        if process.returncode == 0 and chance.random() < 0.5:
            (place.folder / "reports").rename(place.folder / f"reports-{time.time_ns()}")
            done = set()

    before = len(place.store.load_all(keys.values()))
    final = place.ablate("run", "-j2", *STUDY)
    assert final.returncode == 0, final.stderr
    assert f"{RUNS} runs: {RUNS - before} trained, {before} were there;" in final.stderr
    assert place.measured() == undisturbed.measured()
    assert len(models.keys(place.store, "keras")) == RUNS
    assert place.unfinished() == []
    assert upkeep.verify(place.store).is_sound


COMMIT = """
import pathlib, sys
from ablate.results.store import Store
from tests.results.builders import record
store = Store(pathlib.Path(sys.argv[1]))
store.prepare()
for number in range(int(sys.argv[2]), 10**9):
    key = f"{number * 0x9e3779b97f4a7c15 % 2**64:016x}" * 4
    store.commit(record(key))
    print(key, flush=True)
"""


@pytest.mark.timeout(120 + 10 * KILLS)
def test_a_commit_is_whole_or_not_there(tmp_path: Path) -> None:
    """A process that does nothing but commit is killed at random moments, three times as often as studies are."""
    store = Store(tmp_path / "study")
    chance = random.Random(time.time_ns())
    acknowledged: list[str] = []
    unfinished = 0
    for number in range(KILLS * 3):
        command = [sys.executable, "-c", COMMIT, store.root, str(number * 10_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            acknowledged.append(process.stdout.readline().strip())
            time.sleep(chance.uniform(0, 0.02))
            process.kill()
            acknowledged += process.stdout.read().split()
        unfinished += len(store.temporaries())
    whole = [key for key in acknowledged if len(key) == 64]  # the last line may be cut
    assert set(whole) <= set(upkeep.verify(store).records)
    assert upkeep.verify(store).is_sound
    assert unfinished > 0, "no kill hit a commit; the test proves nothing"
    store.prepare()
    assert store.temporaries() == []


def test_a_run_killed_before_anything_is_done_leaves_nothing_behind(place: Place) -> None:
    with place.start("run", "-j2", "-S", "training.epochs=1000000") as process:
        wait_for(process, "study tiny")
        process.kill()
    assert place.wait_for_end() == []
    assert list(place.store.record_paths()) == []
