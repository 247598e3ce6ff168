"""What every engine promises: the records of the local one, bit for bit, whatever becomes of workers and answers."""

import itertools
import json
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from ablate import api
from ablate.api import clusters, pulling
from ablate.execution import scheduler
from ablate.execution.assignment import Assignment, Outcome
from ablate.execution.engines.slurm import Request
from ablate.execution.scheduler import Options, StopSignal
from ablate.results import files, models, upkeep
from ablate.results.store import Store
from tests.conftest import STUDIES, WarmWorkers

OPTIONS = Options(jobs=1)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "POLL_SECONDS", 0.01)


def measured(out: Path) -> dict[str, Any]:
    """What every record of the tiny study says of its run, but for times and machine."""
    found = {}
    for path in Store(out / "tiny").record_paths():
        body = json.loads(path.read_bytes())["body"]
        del body["seconds"], body["environment"], body["history"]["seconds"]
        found[path.stem] = body
    return found


def plan(out: Path) -> api.Plan:
    return api.make_plan(api.load(STUDIES / "tiny.toml"), out=out)


def job_of(made: api.Plan, **changes: Any) -> pulling.Pull:
    """A job in the folder of results, as `clusters.submit` leaves it there, and its first worker."""
    clusters.open_folder(made)
    clusters.leases.use(made.store.root)
    job = clusters._job(made, Request(), OPTIONS, confirms=False)
    path = files.place(made.store.root, files.WORKERS, "1", "job.json")
    job.model_copy(update=changes).write(path)
    return pulling.Pull(path, job.token, 0)


class Hostile:
    """An engine that does to every run one of the things that a cluster may do, and all else as the local one."""

    deeds = ("trains twice", "loses the answer", "dies in mid-commit", "answers late", "never began", "is honest")

    def __init__(self, lanes: WarmWorkers, store: Store) -> None:
        self._lanes, self._store = lanes, store
        self._deeds = itertools.cycle(self.deeds)
        self.done: dict[str, list[str]] = {}
        self._held: list[tuple[Future[Outcome], Outcome]] = []
        self._silent: dict[str, str] = {}

    def __len__(self) -> int:
        return 2

    def submit(self, lane: int, assignment: Assignment, timeout: float | None) -> "Future[Outcome]":
        for held, answer in self._held:
            held.set_result(answer)
        self._held.clear()
        deed = next(self._deeds)
        self.done.setdefault(assignment.key, []).append(deed)
        future: Future[Outcome] = Future()
        if deed == "dies in mid-commit":
            self._leave_half_a_record(assignment.key)
        if deed in {"dies in mid-commit", "never began"}:
            self._silent[assignment.key] = deed
            return future
        answer = self._train(assignment)
        if deed == "trains twice":
            again = self._train(assignment)
            assert again.status == "ok"
        if deed == "loses the answer":
            self._silent[assignment.key] = deed
        elif deed == "answers late":
            self._held.append((future, answer))
        else:
            future.set_result(answer)
        return future

    def _train(self, assignment: Assignment) -> Outcome:
        future = self._lanes.submit(0, assignment, None)
        future.exception(120)
        return self._lanes.outcome(0, assignment, future, None)

    def _leave_half_a_record(self, key: str) -> None:
        gone = subprocess.Popen([sys.executable, "-S", "-c", ""])
        gone.wait()
        path = files.place(self._store.root, "runs", key[:2], f"{key}.json")
        path.with_name(f".{path.name}.{files.this_host()}.{gone.pid}.0123abcd.tmp").write_bytes(b'{"schema":2,"sha')

    def is_silent(self, assignment: Assignment) -> bool:
        held = [future for future, _ in self._held]
        for future, answer in self._held if not self._silent else []:
            future.set_result(answer)  # nothing else is sent any more
        if held and not self._silent:
            self._held.clear()
        return assignment.key in self._silent

    def outcome(self, lane: int, assignment: Assignment, future: "Future[Outcome]", timeout: float | None) -> Outcome:
        deed = self._silent.pop(assignment.key, None)
        if deed is None:
            return future.result()
        status = "unborn" if deed == "never began" else "failed"
        return Outcome(assignment.key, status, f"a worker that {deed}")

    def spread(self, work: Any, assignments: Any) -> Any:
        return self._lanes.spread(work, assignments)

    @property
    def epochs_done(self) -> int:
        return 0

    def settle(self, assignment: Assignment, epochs: int) -> None:
        """Nobody counts."""

    def stop_after_epoch(self) -> None:
        self._lanes.stop_after_epoch()

    def close(self, *, kill: bool = False) -> None:
        self._lanes.close(kill=kill)


def carry_out_hostile(made: api.Plan, lanes: Any) -> dict[str, Outcome]:
    folder = made.study.source.resolve().parent
    return dict(scheduler.execute(made.pending, lanes, made.identity, made.store, folder, OPTIONS))


@pytest.mark.parametrize("first", range(len(Hostile.deeds)))
def test_a_hostile_engine_costs_time_and_nothing_else(
    tmp_path: Path, tiny_results: Path, warm_worker: WarmWorkers, first: int
) -> None:
    """It begins with another deed every time, so that each is done to runs in each place of the queue."""
    made = plan(tmp_path)
    made.store.prepare()
    hostile = Hostile(warm_worker, made.store)
    for _ in range(first):
        next(hostile._deeds)
    for _ in range(10):
        pending = plan(tmp_path)
        if not pending.pending:
            break
        outcomes = carry_out_hostile(pending, hostile)
        records = made.store.load_all(outcomes)
        assert {key for key, outcome in outcomes.items() if outcome.status == "ok"} == records.keys()
    assert len({deed for deeds in hostile.done.values() for deed in deeds}) >= 4
    assert measured(tmp_path) == measured(tiny_results)
    for key, deeds in hostile.done.items():
        assert made.store.attempts(key) == deeds.count("dies in mid-commit")
    made.store.prepare()
    assert made.store.temporaries() == []
    assert upkeep.verify(made.store).is_sound


@pytest.mark.usefixtures("warm")
def test_a_pull_worker_finds_what_the_local_engine_finds(tmp_path: Path, tiny_results: Path) -> None:
    made = plan(tmp_path)
    pull = job_of(made)
    done = pulling.work(pull, "here", scheduler.time.monotonic(), StopSignal())
    assert sorted(outcome.status for outcome in done.outcomes.values()) == ["ok"] * 4
    assert (done.left, done.is_late) == (0, False)
    assert measured(tmp_path) == measured(tiny_results)
    kept = [models.keys(Store(out / "tiny"), "keras") for out in (tmp_path, tiny_results)]
    assert kept[0] == kept[1]
    assert list((made.store.root / "leases").iterdir()) == []
    again = pulling.work(pull, "here", scheduler.time.monotonic(), StopSignal())
    assert (dict(again.outcomes), again.left) == ({}, 0)


@pytest.fixture
def fresh(tmp_path: Path) -> api.Plan:
    return plan(tmp_path)


@pytest.mark.usefixtures("warm")
def test_pull_workers_share_a_study_and_a_second_commit_changes_nothing(
    fresh: api.Plan, tmp_path: Path, tiny_results: Path
) -> None:
    """One trains what the other has trained already, as where neither locks nor leases are seen."""
    pull = job_of(fresh)
    blind = scheduler.execute(
        fresh.pending[:2], pulling.Lanes(1, 2), fresh.identity, fresh.store, STUDIES, OPTIONS, keep_weights=True
    )
    before = {path: path.read_bytes() for path in fresh.store.record_paths()}
    for run in fresh.pending[:2]:
        lanes = pulling.Lanes(1, 1)
        sent = scheduler.assignment(0, run, fresh.identity, fresh.store, STUDIES, "compiled", keep_weights=False)
        assert lanes.submit(0, sent, None).result(120).status == "ok"
    assert {path: path.read_bytes() for path in fresh.store.record_paths()} == before
    done = pulling.work(pull, "here", scheduler.time.monotonic(), StopSignal())
    assert done.outcomes.keys() == {run.key for run in fresh.pending} - blind.keys()
    assert measured(tmp_path) == measured(tiny_results)
