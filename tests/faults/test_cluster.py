"""Workers on a cluster, killed, preempted and cancelled: a SLURM of one machine, and submitit's own local cluster."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ablate.results import models, upkeep
from tests import fake_slurm
from tests.faults.conftest import Place, wait_for

pytest.importorskip("submitit", reason="needs submitit, of the extras slurm and test")

STUDY = ("-S", "study.replicates=4", "-S", "study.save_models='all'")
LONG = (*STUDY, "-S", "training.epochs=600")  # a second and more a run
RUNS = 8
SLURM = ("--engine", "slurm", "--time", "10")


@pytest.fixture(autouse=True)
def slurm(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster on the path."""
    folder = tmp_path_factory.mktemp("slurm")
    for name, value in fake_slurm.install(folder / "fake").items():
        monkeypatch.setenv(name, value)
    return folder / "fake"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """What the local engine makes of the short and of the long study."""
    made = Place(tmp_path_factory.mktemp("undisturbed"))
    for study in (STUDY, LONG):
        assert made.ablate("run", "-j2", *study).returncode == 0
    yield made
    assert made.wait_for_end() == []


def is_as(place: Place, other: Place) -> bool:
    """Whether every record is one of another place's, bit for bit, and nothing is in disorder."""
    mine, others = place.measured(), other.measured()
    assert upkeep.verify(place.store).is_sound
    assert place.unfinished() == []
    return len(mine) == RUNS and all(mine[key] == others[key] for key in mine)


def tasks(place: Place) -> dict[str, int]:
    """Running tasks of the cluster, with their leading processes."""
    found = {}
    for path in Path(os.environ["FAKE_SLURM"]).glob("*.task"):
        if int(path.read_text()) in place.processes():
            found[path.stem] = int(path.read_text())
    return found


def wait_until_something_is_done(place: Place, runs: int = 1) -> None:
    deadline = time.monotonic() + 120
    while len(list(place.store.record_paths())) < runs:
        assert time.monotonic() < deadline, "the workers do not train"
        time.sleep(0.05)


@pytest.mark.parametrize("cluster", ["slurm", pytest.param("local", marks=pytest.mark.slow)])
def test_a_study_on_a_cluster_is_that_of_this_machine(place: Place, undisturbed: Place, cluster: str) -> None:
    done = place.ablate("run", *SLURM, "--cluster", cluster, "--workers", "2", "--json", *STUDY)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["trained"] == RUNS
    assert "Submitted 2 workers for 8 runs" in done.stderr
    assert is_as(place, undisturbed)
    assert len(models.keys(place.store, "keras")) == RUNS
    assert not (place.store.root / "attempts").exists()
    assert place.wait_for_end() == []
    assert (
        place.ablate("run", *SLURM, "--cluster", cluster, *STUDY).returncode == 0
    )  # nothing is left, nothing submitted
    assert len(list((place.store.root / "workers").iterdir())) == 1


@pytest.mark.slow
@pytest.mark.parametrize("place", ["keras"], indirect=True)
def test_a_study_on_a_cluster_with_keras(place: Place, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    here = Place(tmp_path / "here", place.trainer)
    assert here.ablate("run", "-j2", *STUDY).returncode == 0
    done = place.ablate("run", *SLURM, "--workers", "2", *STUDY)
    assert done.returncode == 0, done.stderr
    assert is_as(place, here)


def test_a_worker_that_is_killed_loses_nothing(place: Place, undisturbed: Place) -> None:
    """With all its processes, as where a host loses power; the others take its runs over."""
    with place.start("run", *SLURM, "--workers", "2", *LONG) as head:
        wait_until_something_is_done(place)
        for process in fake_slurm.members(min(tasks(place).values())):
            os.kill(process, signal.SIGKILL)
        _, err = head.communicate(timeout=240)
    assert head.returncode == 0, err
    assert is_as(place, undisturbed)
    assert not (place.store.root / "attempts").exists()


@pytest.mark.slow
def test_workers_that_are_all_killed_are_missed_and_the_study_goes_on(place: Place, undisturbed: Place) -> None:
    with place.start("run", *SLURM, *LONG) as head:
        wait_until_something_is_done(place, 2)
        for leader in tasks(place).values():
            for process in fake_slurm.members(leader):
                os.kill(process, signal.SIGKILL)
        _, err = head.communicate(timeout=240)
    assert head.returncode == 2
    assert "no worker is left, and" in err
    assert "they ended without a word" in err
    assert "Traceback" not in err
    kept = len(list(place.store.record_paths()))
    assert 2 <= kept < RUNS
    again = place.ablate("run", *SLURM, "--workers", "2", "--json", *LONG)
    assert again.returncode == 0, again.stderr
    document = json.loads(again.stdout)
    assert (document["trained"], document["cached"]) == (RUNS - kept, kept)
    assert is_as(place, undisturbed)


@pytest.mark.slow
def test_a_worker_whose_host_is_taken_away_begins_again(
    place: Place, undisturbed: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a cluster preempts: SIGTERM to every process of the job, then the signal that was asked for."""
    with place.start("run", *SLURM, *LONG) as head:
        wait_until_something_is_done(place, 2)
        fake_slurm.scancel("--signal", "TERM", "100")
        fake_slurm.scancel("--signal", "USR2", "100")
        _, err = head.communicate(timeout=240)
    assert head.returncode == 0, err
    assert is_as(place, undisturbed)
    assert not (place.store.root / "attempts").exists(), "a run failed because its worker was told to end"
    logs = "".join(path.read_text() for path in place.store.root.glob("workers/*/submitit/*.err"))
    logs += "".join(path.read_text() for path in place.store.root.glob("workers/*/submitit/*.out"))
    assert "Requeued job 100" in logs


@pytest.mark.slow
@pytest.mark.parametrize("cluster", ["slurm", "local"])
def test_ctrl_c_cancels_the_workers_and_keeps_what_is_done(place: Place, undisturbed: Place, cluster: str) -> None:
    with place.start("run", *SLURM, "--cluster", cluster, "--workers", "2", *LONG) as head:
        wait_until_something_is_done(place, 2)
        os.killpg(head.pid, signal.SIGINT)  # as a terminal does
        _, err = head.communicate(timeout=240)
    assert head.returncode == 130, err
    assert "Traceback" not in err
    assert "'ablate run' trains the rest" in err
    assert place.wait_for_end() == []
    assert 2 <= len(list(place.store.record_paths())) < RUNS
    assert not (place.store.root / "attempts").exists()
    assert place.ablate("run", "-j2", *LONG).returncode == 0
    assert is_as(place, undisturbed)


@pytest.mark.slow
def test_a_detached_study_is_watched_from_elsewhere(place: Place, undisturbed: Place) -> None:
    done = place.ablate("run", *SLURM, "--workers", "2", "--detach", "--json", *LONG)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["jobs"] == ["100_0", "100_1"]
    assert json.loads(done.stdout)["pending"] == RUNS
    with place.start("run", "-j1", *LONG) as other:  # another machine joins
        watched = place.ablate("status", "--watch")
        other.communicate(timeout=240)
    assert watched.returncode == 0, watched.stderr
    assert re.search(r"Z? 8 of 8 runs finished\n", watched.stderr)
    assert "8 of 8 runs finished" in watched.stdout
    assert place.wait_for_end() == []
    assert is_as(place, undisturbed)


@pytest.mark.slow
def test_runs_that_fail_are_tried_once_by_all_workers_together(place: Place) -> None:
    failing = ("-S", 'factors."training.callbacks"=[[], ["faulty:raises"]]', "-S", "training.epochs=100")
    done = place.ablate("run", *SLURM, "--workers", "2", "-S", "study.replicates=4", "--json", *failing)
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["failed"] == 4
    attempts = [path.name for path in (place.store.root / "attempts").rglob("*.json")]
    assert attempts == ["1.json"] * 4


@pytest.mark.slow
def test_a_worker_that_cannot_work_says_why(place: Place) -> None:
    """The folder of results is where the workers are something else: they are told of another disk's path."""
    with place.start("run", *SLURM, *LONG) as head:
        wait_for(head, "Submitted")
        for path in place.store.root.glob("workers/*/job.json"):
            path.write_text(path.read_text().replace('"token":"', '"token":"0'))
        _, err = head.communicate(timeout=240)
    assert head.returncode == 2
    assert re.search(
        r"is another folder than where 'ablate run' was started; --out should name a folder of a disk", err
    )
    assert "Traceback" not in err
