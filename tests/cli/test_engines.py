"""Options that say where runs are trained: those that do not go together, and what is handed on."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ablate import api
from ablate.api import clusters
from ablate.cli import run
from ablate.execution.engines.slurm import Request
from ablate.execution.watching import Watch
from tests.commands import TINY, ablate


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--workers", "3"], "--workers goes with --engine slurm"),
        (["--time", "1:00:00"], "--time goes with --engine slurm"),
        (["--detach"], "--detach goes with --engine slurm"),
        (["--sbatch", "account=x"], "--sbatch goes with --engine slurm"),
        (["--engine", "slurm", "-j", "2"], "with --engine slurm, --cpus counts those of a worker"),
        (["--engine", "slurm", "--detach", "--confirm"], "--confirm waits for the study, which --detach does not"),
        (["--engine", "slurm", "--time", "2h"], "'2h' is not a time such as 30 (minutes), 02:00:00 or 1-12:00:00"),
        (["--engine", "slurm", "--sbatch", "array=1"], "--array is set by ablate"),
        (["--engine", "ray"], "'ray' is not one of 'local', 'slurm'"),
    ],
)
def test_what_does_not_go_together_is_one_error(tmp_path: Path, options: list[str], said: str) -> None:
    done = ablate("run", "-c", TINY, "-o", tmp_path, *options)
    assert done.exit_code == 2
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["s3://bucket/results", "gs://bucket", "https://host/x"])
@pytest.mark.parametrize("engine", ["local", "slurm"])
def test_an_address_of_an_object_store_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, engine: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = ablate("run", "-c", TINY, "-o", address, "--engine", engine)
    assert done.exit_code == 74
    assert done.stderr.count("Error: ") == 1
    assert "results need a folder, on a disk that every host of the study sees" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_is_asked_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def submit(plan: api.Plan, request: Request, options: api.Options, *, confirms: bool = False) -> None:
        asked.append((request, options.trainer, confirms))

    monkeypatch.setattr(api, "submit", submit)
    options = ["--workers", "8", "--partition", "p", "--time", "02:00:00", "--cpus", "4", "--gpus", "1"]
    options += ["--sbatch", "account=x", "--sbatch", "exclusive", "--cluster", "local", "--trainer", "fit"]
    done = ablate("run", "-c", TINY, "-o", tmp_path, "--engine", "slurm", *options)
    assert done.exit_code == 0, done.output
    assert asked == [(Request(8, 120, "p", 4, 1, {"account": "x", "exclusive": True}, "local"), "fit", False)]
    ablate("run", "-c", TINY, "-o", tmp_path, "--engine", "slurm", "--detach")
    assert asked[-1] == (Request(), "compiled", False)


def test_help_explains_the_engines() -> None:
    done = ablate("run", "--help")
    for option in ("--engine", "--workers", "--partition", "--time", "--cpus", "--gpus", "--sbatch", "--detach"):
        assert option in done.stdout
    assert run.command.help is not None
    assert "--engine slurm" in run.command.help


class Array:
    """Workers that were submitted while somebody pressed Ctrl-C."""

    jobs = (SimpleNamespace(job_id="7"),)
    name = "7"
    cancelled = 0

    def cancel(self, *, waiting_only: bool = False) -> None:
        self.cancelled += 1

    def left(self) -> int:
        return int(not self.cancelled)


@pytest.mark.parametrize("options", [[], ["--detach"]])
def test_ctrl_c_during_the_submission_cancels_what_was_submitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """Else the jobs would go on, and nobody would know their number."""
    array = Array()

    def submit(plan: api.Plan, request: Request, options: api.Options, **_: Any) -> clusters.Submitted:
        os.kill(os.getpid(), signal.SIGINT)
        return clusters.Submitted(array, tmp_path, Watch(plan.store, plan.pending, {}))  # type: ignore[arg-type]

    monkeypatch.setattr(api, "submit", submit)
    done = ablate("run", "-c", TINY, "-o", tmp_path, "--engine", "slurm", *options)
    assert done.exit_code == 130
    assert array.cancelled == 1
