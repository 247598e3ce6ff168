"""Pull-workers: the same runs as were submitted, or words that say why not; and when they begin again."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ablate import api
from ablate.api import clusters, pulling
from ablate.api.confirming import distinct_treatments
from ablate.api.pulling import Pulled, Received
from ablate.errors import AblateError, StoreError, WorkerError
from ablate.execution import job as jobs
from ablate.execution.assignment import Outcome
from ablate.execution.engines.slurm import Request
from ablate.execution.job import Job
from ablate.execution.scheduler import StopSignal
from ablate.reading import parse_json
from ablate.results import confirmation
from ablate.results.record import Failure
from ablate.results.store import Store
from tests.execution.engines.test_contract import job_of, plan


@pytest.fixture
def made(tmp_path: Path) -> api.Plan:
    return plan(tmp_path)


def work(pull: pulling.Pull) -> Pulled:
    return pulling.work(pull, "node7", time.monotonic(), StopSignal())


def test_it_plans_the_runs_that_were_submitted_each_worker_from_another_treatment_on(made: api.Plan) -> None:
    job = Job.read(job_of(made).path)
    for number in range(3):
        found = pulling.plan_of(job, Store(made.store.root), number)
        assert {run.key for run in found.selected} == {run.key for run in made.selected}
        assert found.everything == made.everything
        assert found.selected[0].treatment.name == ("baseline", "dropout=0.5")[number % 2]
        assert [run.seed for run in found.selected] == [1, 1, 2, 2]


def test_a_part_of_a_study_is_that_part(tmp_path: Path) -> None:
    made = api.make_plan(plan(tmp_path).study, out=tmp_path, only=["dropout=0.5"])
    found = pulling.plan_of(Job.read(job_of(made).path), Store(made.store.root))
    assert [run.key for run in found.selected] == [run.key for run in made.selected]
    assert len(found.everything) == 4


def test_another_version_here_than_there_is_one_error(made: api.Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    pull = job_of(made)
    here = {**jobs.versions(), "keras": "9.9.9", "tensorflow": "not installed"}
    monkeypatch.setattr(jobs, "versions", lambda: here)
    asked = Job.read(pull.path).versions
    said = (
        f"node7 has tensorflow not installed instead of {asked['tensorflow']}, "
        f"keras 9.9.9 instead of {asked['keras']}; every host needs the versions of the one that runs 'ablate run'"
    )
    with pytest.raises(WorkerError) as error:
        work(pull)
    assert str(error.value) == said


def test_other_runs_than_were_submitted_are_not_trained(made: api.Plan) -> None:
    with pytest.raises(WorkerError, match="here are not those that were submitted"):
        work(job_of(made, runs="0" * 64))


def test_another_folder_of_that_name_is_one_error(made: api.Plan) -> None:
    pull = job_of(made)
    with pytest.raises(WorkerError, match="on node7 is another folder than where 'ablate run' was started"):
        work(pulling.Pull(pull.path, "other", 0))
    pull.path.unlink()
    with pytest.raises(WorkerError, match="cannot be read on this host"):
        work(pull)
    pull.path.write_bytes(b"{}")
    with pytest.raises(WorkerError, match=r"job\.json is no job: token: field required"):
        work(pull)


def test_a_folder_that_keeps_nothing_is_one_error(made: api.Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    pull = job_of(made)

    def full(path: Path, content: bytes) -> bool:
        raise StoreError(f"{path} cannot be written: no space left on device")

    monkeypatch.setattr(jobs.files, "publish", full)
    with pytest.raises(WorkerError, match=r"on node7 cannot be used: .*no space left on device"):
        work(pull)
    assert [path.name for path in pull.path.parent.iterdir()] == ["job.json"]


@pytest.mark.usefixtures("warm")
def test_what_has_failed_since_the_submission_is_not_tried_again(made: api.Plan) -> None:
    before, since, *others = [run.key for run in made.pending]
    made.store.prepare()
    made.store.record_failure(before, Failure("a bad day", "", "2026-01-01"))
    pull = job_of(plan(made.store.root.parent))
    made.store.record_failure(since, Failure("cannot be trained", "", "2026-01-01"))
    done = work(pull)
    assert done.outcomes.keys() == {before, *others}
    assert (made.store.attempts(before), made.store.attempts(since)) == (1, 1)


@pytest.mark.usefixtures("warm")
def test_no_run_is_begun_that_the_time_does_not_reach_for(made: api.Plan) -> None:
    """The first is begun, since nothing is known of them; then it is known that it takes longer than what is left."""
    pull = job_of(made, budget=0.05)
    done = work(pull)
    assert len(done.outcomes) <= 1
    assert done.is_late
    assert done.left == 4 - len(done.outcomes)
    assert not (made.store.root / "attempts").exists()


Handler = Callable[[int, Any], None]


@pytest.fixture
def requeued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often submitit was told to have the job begin again, in the way that it is told: by its handler."""
    found: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda number, frame: found.append(number))
    yield found
    signal.signal(signal.SIGUSR2, before)


OUTCOMES = {"a": Outcome("a", "ok")}


@pytest.mark.parametrize(
    ("signals", "pulled", "again"),
    [
        ([], Pulled(OUTCOMES, 0, is_late=False), False),
        ([], Pulled(OUTCOMES, 3, is_late=True), True),  # its time is over
        ([], Pulled({}, 3, is_late=True), False),  # and would not be enough the next time either
        ([signal.SIGUSR2], Pulled({}, 3, is_late=False), True),  # its host is taken away
        ([signal.SIGTERM, signal.SIGUSR2], Pulled({}, 3, is_late=False), True),
        ([signal.SIGUSR1], Pulled(OUTCOMES, 3, is_late=False), True),
        ([signal.SIGTERM], Pulled(OUTCOMES, 3, is_late=False), False),  # it was cancelled
        ([signal.SIGUSR2], Pulled(OUTCOMES, 0, is_late=True), False),  # nothing is left
    ],
)
def test_a_job_begins_again_where_that_helps(
    made: api.Plan,
    monkeypatch: pytest.MonkeyPatch,
    requeued: list[int],
    signals: list[int],
    pulled: Pulled,
    again: bool,
) -> None:
    pull = job_of(made)

    def work(pull: pulling.Pull, host: str, began: float, stop: StopSignal) -> Pulled:
        for number in signals:
            os.kill(os.getpid(), number)
        assert stop.level == (1 if signals else 0)
        return pulled

    monkeypatch.setattr(pulling, "work", work)
    pull()
    assert requeued == ([signal.SIGUSR2] if again else [])
    said = parse_json(pull.path.with_name("0.json").read_bytes())
    assert said["state"] == ("again" if again else "over")
    assert ("ask for more time" in said["message"]) == (not pulled.outcomes and pulled.is_late)


def test_what_goes_wrong_is_said_beside_the_job(made: api.Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    pull = job_of(made)
    with pytest.raises(AblateError):
        pulling.Pull(pull.path, "other", 0)()
    said = parse_json(pull.path.with_name("0.json").read_bytes())
    assert said["state"] == "failed"
    assert "is another folder" in said["message"]
    monkeypatch.setattr(pulling, "work", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pull()
    assert parse_json(pull.path.with_name("0.json").read_bytes())["message"] == "ZeroDivisionError: division by zero"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, "signals are left as they were"


def test_signals_are_those_of_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in sorted(pulling.END | pulling.AGAIN)]
    received = Received().listen()
    received.leave()
    assert [signal.getsignal(number) for number in sorted(pulling.END | pulling.AGAIN)] == before


def test_a_confirmation_is_handed_over_as_it_is(made: api.Plan) -> None:
    """Two treatments, and seeds that are not the study's."""
    treatments = distinct_treatments(made.everything)
    identity, fresh = confirmation.plan_anew(made.study, treatments, "dropout=0.5", made.identity, made.store)
    planned = replace(made, identity=identity, everything=tuple(fresh), selected=tuple(fresh), done={})
    job = clusters._job(planned, Request(cpus=3), api.Options(1, "fit", 60.0, trust_model=True), confirms=True)
    found = pulling.plan_of(job, made.store)
    assert {run.key for run in found.selected} == {run.key for run in fresh}
    assert {run.seed for run in found.selected}.isdisjoint(made.study.seeds)
    assert found.everything == found.selected
    assert (job.jobs, job.trainer, job.timeout, job.trust_model) == (3, "fit", 60.0, True)
