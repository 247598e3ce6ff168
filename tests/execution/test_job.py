"""Jobs: what is written for workers is read back as it was, and anything else is one error."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from ablate.errors import WorkerError
from ablate.execution import job
from ablate.execution.job import Job
from ablate.results import files
from ablate.results.identity import Identity, plan_runs
from ablate.studies import design
from ablate.version import __version__
from tests.conftest import study_of
from tests.results.test_identity import identity_for

STUDY = study_of(study={"replicates": 2}, overfitting={"dropout": [0.0, 0.5]})
IDENTITY = identity_for(STUDY.base)
RUNS = plan_runs(design.treatments(STUDY), STUDY.seeds, IDENTITY)


def made() -> Job:
    return Job(
        token="t0",
        versions=job.versions(),
        source="/home/me/ablations.toml",
        study="[study]",
        identity=json.loads(json.dumps(asdict(IDENTITY))),
        treatments=["baseline"],
        seeds=[1, 2],
        confirms=False,
        runs=job.digest_of(RUNS),
        attempts={RUNS[0].key: 2},
        jobs=4,
        trainer="fit",
        timeout=None,
        budget=3510.0,
        trust_model=False,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return files.place(tmp_path, files.WORKERS, "1", job.NAME)


def test_it_is_read_as_it_was_written(path: Path) -> None:
    made().write(path)
    found = Job.read(path)
    assert found == made()
    assert Identity.from_document(found.identity) == IDENTITY


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"token": 3}', b"\xff", b"[" * 100_000])
def test_anything_else_is_one_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(WorkerError, match=r"job\.json (is no job|cannot be read on this host): "):
        Job.read(path)


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    made().write(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(WorkerError, match="it is a symbolic link"):
        Job.read(path)


def test_the_digest_is_of_the_runs_in_whatever_order_and_of_nothing_less() -> None:
    assert job.digest_of(RUNS) == job.digest_of([*reversed(RUNS), RUNS[0]])
    assert job.digest_of(RUNS) != job.digest_of(RUNS[1:])


def test_versions_are_compared_to_the_last_digit() -> None:
    here = job.versions()
    assert here["ablate"] == __version__
    assert {"tensorflow", "keras"} <= here.keys()
    job.check_versions(here, "node7")
    with pytest.raises(WorkerError, match=f"node7 has keras {here['keras']} instead of 3.15.0; every host needs"):
        job.check_versions({**here, "keras": "3.15.0"}, "node7")
    with pytest.raises(WorkerError, match=r"jax not installed instead of 0\.5"):
        job.check_versions({**here, "jax": "0.5"}, "node7")
