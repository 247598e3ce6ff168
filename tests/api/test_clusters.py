"""Following workers on a cluster: until all runs are over, nobody works on them, or somebody wants to stop."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ablate import api
from ablate.api import clusters
from ablate.api.clusters import Submitted
from ablate.errors import WorkerError
from ablate.execution.progress import Progress
from ablate.execution.scheduler import Options, StopSignal
from ablate.execution.watching import Watch
from ablate.results import files, leases, upkeep
from ablate.results.identity import PlannedRun
from ablate.results.record import Failure
from ablate.results.store import Store
from tests import invented
from tests.execution.engines.test_contract import plan

Look = Callable[[Store, list[PlannedRun]], bool]


@dataclass
class Array:
    """Workers that do something whenever somebody asks whether they are there; the last thing they do is to go."""

    store: Store
    runs: list[PlannedRun]
    work: Look
    cancelled: list[bool] = field(default_factory=list)
    jobs: tuple[str, ...] = ("1",)
    there: bool = True

    def left(self) -> int:
        self.there = self.there and True not in self.cancelled and self.work(self.store, self.runs)
        return int(self.there)

    def cancel(self, *, waiting_only: bool = False) -> None:
        self.cancelled.append(not waiting_only)


def one_by_one(store: Store, runs: list[PlannedRun]) -> bool:
    """Finish a run; go when there is none."""
    if runs:
        store.commit(invented.record(runs.pop()))
    return bool(runs)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "LOOK_SECONDS", 0.001)


@pytest.fixture
def made(tmp_path: Path) -> api.Plan:
    found = plan(tmp_path)
    clusters.open_folder(found)
    return found


def follow(made: api.Plan, work: Look, options: Options | None = None, **more: Any) -> tuple[Array, Any]:
    array = Array(made.store, list(made.pending), work)
    folder = files.place(made.store.root, files.WORKERS, "1", "job.json").parent
    submitted = Submitted(array, folder, Watch(made.store, made.pending, {}))  # type: ignore[arg-type]
    return array, clusters.follow(submitted, options or Options(1), **more)


def test_every_run_is_told_once_and_what_still_waits_is_cancelled(made: api.Plan) -> None:
    told: list[str] = []

    def hears(progress: Progress) -> None:
        if progress.last is not None:
            told.append(progress.last[0].key)

    array, outcomes = follow(made, one_by_one, listener=hears)
    assert sorted(told) == sorted(outcomes) == sorted(run.key for run in made.pending)
    assert {outcome.status for outcome in outcomes.values()} <= {"ok", "diverged"}
    assert array.cancelled == [False]


def test_a_wish_to_stop_cancels_and_sees_what_was_finished_meanwhile(made: api.Plan) -> None:
    stop = StopSignal(level=1)
    array, outcomes = follow(made, one_by_one, stop=stop)
    assert array.cancelled == [True]
    assert len(outcomes) == 1


def test_the_budget_is_that_of_the_whole(made: api.Plan) -> None:
    array, outcomes = follow(made, one_by_one, Options(1, budget=1e-9))
    assert (array.cancelled, len(outcomes)) == ([True], 1)


@pytest.mark.parametrize(("fail_fast", "cancelled"), [(True, [True]), (False, [False])])
def test_failures_are_told_and_may_end_it(made: api.Plan, fail_fast: bool, cancelled: list[bool]) -> None:
    def work(store: Store, runs: list[PlannedRun]) -> bool:
        store.record_failure(runs.pop().key, Failure("odd", "its log", "2026-01-01"))
        return bool(runs)

    array, outcomes = follow(made, work, Options(1, fail_fast=fail_fast))
    assert array.cancelled == cancelled
    assert {(outcome.status, outcome.message, outcome.log) for outcome in outcomes.values()} == {
        ("failed", "odd", "its log")
    }
    assert len(outcomes) == (1 if fail_fast else 4)


def test_workers_that_went_are_asked_why(made: api.Plan) -> None:
    def work(store: Store, runs: list[PlannedRun]) -> bool:
        for number in range(3):
            path = files.place(store.root, files.WORKERS, "1", f"{number}.json")
            said = "" if number == 2 else "node7 has keras 9 instead of 3"
            path.write_text(json.dumps({"message": said}))
        return one_by_one(store, runs) and len(runs) > 2

    with pytest.raises(WorkerError) as error:
        follow(made, work)
    assert str(error.value).startswith(
        "no worker is left, and 2 runs are still to be trained: node7 has keras 9 instead of 3 (2 workers). Their logs"
    )


def test_without_a_word_that_is_said(made: api.Plan) -> None:
    with pytest.raises(WorkerError, match="they ended without a word, as where a job is killed or the folder is not"):
        follow(made, lambda store, runs: False)


def test_what_workers_leave_in_the_folder_is_in_order(made: api.Plan) -> None:
    """It is known, sound, and in nobody's way: `store gc` leaves it alone."""
    follow(made, one_by_one)
    leases.use(made.store.root)
    key = made.everything[0].key
    (made.store.root / "leases" / f"{key}.json").write_bytes(b"{}")
    (made.store.root / "leases" / f"{key}-taken.json").write_bytes(b"")
    deep = made.store.root / files.WORKERS / "1" / "submitit"
    deep.mkdir()
    (deep / "1_0_log.out").write_bytes(b"")
    (made.store.root / files.WORKERS / "1" / "0.json").write_bytes(b"{}")
    (made.store.root / "leases" / "mine.txt").write_bytes(b"")
    found = upkeep.verify(made.store)
    assert found.is_sound
    assert [finding.path.name for finding in found.findings] == ["mine.txt"]
    assert upkeep.garbage(made.store, found) == []


def test_networks_that_others_are_making_are_left_to_them(made: api.Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two invocations that end together would make each of them twice, and find the weights gone."""
    first, second, *_ = made.everything
    for run in (first, second):
        files.place(made.store.root, "models", f"{run.key}.npz").write_bytes(b"weights")
    leases.use(made.store.root)
    assert leases.Leases(made.store.root).take(first.key)
    wanted: list[str] = []
    monkeypatch.setattr(api.plans, "_wanted_models", lambda plan: [first, second])
    monkeypatch.setattr(
        api.plans.networks, "save_models", lambda runs, *_: wanted.extend(run.key for run in runs) or ()
    )
    assert api.plans.keep_networks(made, None, Options(1), StopSignal()) == ()  # type: ignore[arg-type]
    assert wanted == [second.key]
