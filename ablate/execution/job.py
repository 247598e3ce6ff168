"""A job: what a worker on another host has to know to train the runs of a plan, beyond the folder of results."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from ablate.errors import StoreError, WorkerError
from ablate.reading import parse_json, wrong
from ablate.results import files
from ablate.results.identity import LIBRARIES, PlannedRun, version_of
from ablate.results.record import TrainerName
from ablate.version import __version__

NAME = "job.json"


class Job(BaseModel):
    """What the program that submits workers hands to them, in a file of the shared folder.

    Attributes:
        token: says that a worker reads the file of the program that submitted it.
        versions: of ablate and of the libraries that decide a run's numbers.
        source: the study file, in whose folder relative paths start.
        study: the resolved study, as TOML.
        identity: data, code and libraries of its runs, as `Identity.from_document` takes them.
        treatments: names of those to be trained.
        seeds: of their runs.
        confirms: whether these runs confirm a choice.
        runs: digest of the keys of all runs to be trained.
        attempts: how often runs had failed before, by key.
        jobs: worker processes on every host.
        trainer: `compiled` or `fit`.
        timeout: seconds a run may take.
        budget: seconds that a worker has.
        trust_model: whether models that come in files may be loaded.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    token: str
    versions: dict[str, str]
    source: str
    study: str
    identity: dict[str, Any]
    treatments: list[str]
    seeds: list[int]
    confirms: bool
    runs: str
    attempts: dict[str, int]
    jobs: int
    trainer: TrainerName
    timeout: float | None
    budget: float
    trust_model: bool

    @classmethod
    def read(cls, path: Path) -> Self:
        """The job in a file of a results folder.

        Raises:
            WorkerError: there is none, or it is none.
        """
        try:
            return cls.model_validate(parse_json(files.read(path, folders=2)))
        except ValidationError as error:
            raise WorkerError(f"{path} is no job: {wrong(error)}") from None
        except (OSError, ValueError, files.DamagedError) as error:
            raise WorkerError(f"{path} cannot be read on this host: {error}") from None

    def write(self, path: Path) -> None:
        """Put it into a file, from where workers read it.

        Raises:
            StoreError: it could not be written.
        """
        files.replace_file(path, self.model_dump_json().encode())


def versions() -> dict[str, str]:
    """What has to be equal on all hosts, by name."""
    found = {name: version_of(name) or "not installed" for name in LIBRARIES}
    return {"ablate": __version__, **found}


def digest_of(runs: Iterable[PlannedRun]) -> str:
    """SHA-256 over the keys of some runs, in whatever order."""
    return hashlib.sha256("\n".join(sorted({run.key for run in runs})).encode()).hexdigest()


def check_versions(asked: Mapping[str, str], host: str) -> None:
    """See that this host has what the program has that submitted the job.

    Raises:
        WorkerError: it has not; names every difference.
    """
    here = versions()
    different = [
        f"{name} {here.get(name, 'not installed')} instead of {wanted}"
        for name, wanted in asked.items()
        if here.get(name) != wanted
    ]
    if different:
        raise WorkerError(
            f"{host} has {', '.join(different)}; every host needs the versions of the one that runs 'ablate run'"
        )


def check_shared(path: Path, token: str, job: Job, host: str) -> None:
    """See that the folder of a job is the one that the submitting program sees, and that files can be kept in it.

    Raises:
        WorkerError: it is another one, or cannot be written, read and cleared.
    """
    if job.token != token:
        raise WorkerError(
            f"{path.parent} on {host} is another folder than where 'ablate run' was started; --out should name a "
            "folder of a disk that all hosts share"
        )
    probe = files.temporary_beside(path)
    try:
        if not files.publish(probe, token.encode()) or files.read(probe, folders=2) != token.encode():
            raise WorkerError(f"{path.parent} on {host} does not keep what is written")
        probe.unlink()
    except (OSError, StoreError, files.DamagedError) as error:
        raise WorkerError(f"{path.parent} on {host} cannot be used: {error}") from None
