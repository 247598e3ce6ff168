"""Several invocations at once in one folder."""

import json
import os
import signal
import time
from pathlib import Path

from tests.faults.conftest import BOTH_TRAINERS, Place, wait_for

STUDY = ("-S", "study.replicates=15", "-S", "training.epochs=200")
RUNS = 30


@BOTH_TRAINERS
def test_two_invocations_train_each_run_once(place: Place) -> None:
    with place.start("run", "-j1", "--json", *STUDY) as one, place.start("run", "-j1", "--json", *STUDY) as other:
        documents = []
        for process in (one, other):
            out, err = process.communicate(timeout=240)
            assert process.returncode == 0, err
            documents.append(json.loads(out))
    assert sum(document["trained"] for document in documents) == RUNS
    assert all(document["trained"] + document["cached"] == document["runs"] == RUNS for document in documents)
    assert min(document["trained"] for document in documents) > 0, "one of them came too late; the test proves nothing"
    assert place.store.damaged == []


def test_runs_that_another_fails_are_not_tried_twice(place: Place) -> None:
    study = ["-S", 'factors."training.callbacks"=[[], ["faulty:raises"]]', "-S", "study.replicates=10"]
    study += ["-S", "training.epochs=200"]
    with place.start("run", "-j1", "--json", *study) as one, place.start("run", "-j1", "--json", *study) as other:
        for process in (one, other):
            out, err = process.communicate(timeout=240)
            assert process.returncode == 3, err
            assert json.loads(out)["failed"] == 10
    attempts = [path.name for path in (place.store.root / "attempts").rglob("*.json")]
    assert attempts == ["1.json"] * 10


def claimed_bytes(process: int) -> list[int]:
    """The runs that a process has claimed, by the locks that the system knows; one beyond the keys is a trial."""
    locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    starts = [int(lock[-2]) for lock in locks if str(process) in lock]
    return [start for start in starts if start < 16**12]


def test_what_a_killed_invocation_was_training_is_taken_over(place: Place) -> None:
    stuck = ["-S", "study.replicates=1", "-S", "training.epochs=3000"]
    with place.start("run", "-j2", *stuck) as one:
        while not claimed_bytes(one.pid):
            time.sleep(0.05)
        os.kill(one.pid, signal.SIGSTOP)  # it keeps what it has claimed
        with place.start("run", "-j2", *stuck) as other:
            wait_for(other, "Another 'ablate run' trains some of these runs")
            one.kill()
            _, err = other.communicate(timeout=240)
        assert other.returncode == 0, err
    assert len(list(place.store.record_paths())) == 2


def test_a_part_of_a_study_can_be_looked_at_while_it_is_trained(place: Place) -> None:
    long = (*STUDY, "-S", "training.epochs=3000")  # some seconds a run
    with place.start("run", "-j2", *long) as process:
        wait_for(process, f"3/{RUNS}")
        documents = {}
        for command in ("report", "status", "export"):
            done = place.ablate(command, "--json")
            assert done.returncode == 0, done.stderr
            documents[command] = json.loads(done.stdout)
        assert process.poll() is None, "the study was over too soon; the test proves nothing"
        os.killpg(process.pid, signal.SIGKILL)
    assert 3 <= documents["status"]["done"] < RUNS
    assert documents["status"]["runs"] == RUNS
    shown = RUNS - documents["report"]["missing"]
    assert 3 <= shown < RUNS
    assert f"{shown} of {RUNS}" in (place.store.root / "report.html").read_text()
