"""What is asked of a cluster and what it answers: times, options, refusals, and workers that are still there."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ablate.errors import WorkerError
from ablate.execution.engines import slurm
from ablate.execution.engines.slurm import Array, Request
from tests import fake_slurm


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90", 90),
        ("1:30", 2),  # minutes and seconds; a part of a minute is one
        ("01:30:00", 90),
        ("02:00:00", 120),
        ("1-0", 1440),
        ("1-12:30", 2190),
        ("1-00:00:01", 1441),
    ],
)
def test_times_are_as_slurm_reads_them(text: str, minutes: int) -> None:
    assert slurm.minutes(text) == minutes


@pytest.mark.parametrize("text", ["", "0", "-5", "2h", "1:2:3:4", "00:00", "x", "1-", "UNLIMITED"])
def test_other_times_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        slurm.minutes(text)


def test_a_worker_ends_by_itself_before_the_cluster_ends_it() -> None:
    for minutes in (1, 2, 3, 60, 10_000):
        request = Request(minutes=minutes)
        assert 0 < request.budget < 60 * minutes
        assert request.budget + slurm._delay(request) == 60 * minutes
    assert Request(minutes=60).budget == 3600 - 90


@pytest.mark.parametrize(
    ("text", "found"),
    [("account=physics", ("account", "physics")), ("--mem=4G", ("mem", "4G")), ("exclusive", ("exclusive", True))],
)
def test_options_of_sbatch(text: str, found: Any) -> None:
    assert slurm.option(text) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "should be an option"),
        ("mem=", "should be an option"),
        ("=4", "should be an option"),
        ("a b=4", "should be an option"),
        ("mem=4\n#SBATCH --uid=0", "should be an option"),
        ("array=0-5", "--array is set by ablate"),
        ("time=5", "--time is set by ablate"),
        ("partition=x", "see --workers, --time, --partition"),
    ],
)
def test_options_that_are_none_or_ours_are_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        slurm.option(text)


@dataclass
class Job:
    job_id: str
    over: bool = False

    def done(self) -> bool:
        return self.over


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in fake_slurm.install(tmp_path / "fake").items():
        monkeypatch.setenv(name, value)
    return tmp_path / "fake"


def command(cluster: Path, name: str, script: str) -> None:
    """Let a command of the cluster be a shell script."""
    (cluster / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")


ARRAY = Array((Job("77_0"), Job("77_1")), "slurm")


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ("echo RUNNING; echo PENDING", 2),
        ("echo RUNNING", 1),
        ("true", 0),
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", 0),
        ("echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1", 2),  # it may be back soon
    ],
)
def test_workers_are_there_as_the_queue_says(cluster: Path, script: str, left: int) -> None:
    command(cluster, "squeue", script)
    assert ARRAY.left() == left


def test_a_queue_that_cannot_be_asked_says_nothing_of_them(cluster: Path) -> None:
    (cluster / "bin" / "squeue").unlink()
    assert ARRAY.left() == 2


def test_the_array_is_cancelled_as_a_whole_or_what_waits_of_it(cluster: Path) -> None:
    command(cluster, "scancel", f'echo "$@" >> {cluster}/said')
    ARRAY.cancel(waiting_only=True)
    ARRAY.cancel()
    assert (cluster / "said").read_text().splitlines() == ["--state=PENDING 77", "77"]


def nothing() -> None:
    """Work."""


def submit(folder: Path, **request: Any) -> Array:
    return slurm.submit([nothing, nothing], folder / "submitit", Request(workers=2, **request), "ablate-tiny")


def test_without_submitit_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(WorkerError, match=r"--engine slurm needs submitit: pip install 'keras-ablate\[slurm\]'"):
        submit(tmp_path)


def test_where_there_is_no_cluster_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        WorkerError, match="no sbatch and no srun and no squeue and no scancel on this machine"
    ) as error:
        submit(tmp_path)
    assert "a login node of the cluster, or try it with --cluster local" in str(error.value)


def test_what_sbatch_refuses_is_said_in_its_words(
    tmp_path: Path, cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("FAKE_SLURM_REFUSES", "yes")
    with pytest.raises(WorkerError, match=r"^sbatch refused: .*submission failed: Invalid account specified$"):
        submit(tmp_path)
    monkeypatch.delenv("FAKE_SLURM_REFUSES")
    command(cluster, "sbatch", "echo done")
    with pytest.raises(WorkerError, match=r'^sbatch refused: Could not make sense of sbatch output "done'):
        submit(tmp_path)


def test_the_script_asks_for_what_was_asked(tmp_path: Path, cluster: Path) -> None:
    pytest.importorskip("submitit")
    command(cluster, "sbatch", "echo Submitted batch job 5")
    options = {"account": "physics", "exclusive": True, "comment": "a b"}
    array = submit(tmp_path, minutes=120, partition="debug", cpus=4, gpus=1, sbatch=options)
    assert (array.name, [job.job_id for job in array.jobs]) == ("5", ["5_0", "5_1"])
    (script,) = (tmp_path / "submitit").glob("5_submission.sh")
    lines = script.read_text().splitlines()
    for line in (
        "array=0-1%2", "time=120", "partition=debug", "cpus-per-task=4", "gpus-per-node=1", "account=physics",
        "exclusive", "comment='a b'", "requeue", "signal=USR2@90", "job-name=ablate-tiny",
    ):  # fmt: skip
        assert f"#SBATCH --{line}" in lines
    assert f" {sys.executable} -P " in lines[-1], "modules in the folder where the command is typed are not imported"


def test_what_this_process_is_to_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_JOB_ID", "SUBMITIT_LOCAL_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    assert slurm.task() == ""
    monkeypatch.setenv("SUBMITIT_LOCAL_JOB_ID", "1")
    assert slurm.task() == "1"
    monkeypatch.setenv("SLURM_JOB_ID", "2")
    assert slurm.task() == "2"
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "3")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "4")
    assert slurm.task() == "3_4"


def test_the_engine_is_loaded_without_submitit() -> None:
    """`ablate run --help` needs no extra."""
    code = "import sys; sys.modules['submitit'] = None; from ablate.api import clusters, pulling"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
