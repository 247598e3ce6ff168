"""The scheduler: every run once, failures kept, and an end when somebody wants one. Its lanes are stand-ins."""

import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ablate.errors import StoreError, WorkerError
from ablate.execution import scheduler
from ablate.execution.assignment import Assignment, Outcome
from ablate.execution.progress import Progress
from ablate.execution.scheduler import GRACE_SECONDS, Options, StopSignal
from ablate.results.identity import Identity, PlannedRun, origin_name, plan_runs
from ablate.results.record import Failure
from ablate.results.store import Store
from ablate.studies import design
from ablate.studies.spec import Study
from tests.conftest import study_of
from tests.results.builders import record
from tests.results.test_identity import identity_for

OPTIONS = Options(jobs=2)
Work = Callable[[Assignment], Outcome]


def fine(assignment: Assignment) -> Outcome:
    return Outcome(assignment.key, "ok", epochs=2, score=0.9, seconds=0.1)


@dataclass
class Lanes:
    """What the scheduler knows of `local.Lanes`; every run is over as soon as it was sent."""

    work: Work = fine
    jobs: int = 2
    silent: bool = False
    sent: list[Assignment] = field(default_factory=list)
    lanes: list[int] = field(default_factory=list)
    closed: list[bool] = field(default_factory=list)
    epochs: dict[int, int] = field(default_factory=dict)
    asked_to_stop: bool = False

    def __len__(self) -> int:
        return self.jobs

    def submit(self, lane: int, assignment: Assignment, timeout: float | None) -> "Future[Outcome]":
        self.sent.append(assignment)
        self.lanes.append(lane)
        future: Future[Outcome] = Future()
        if not self.silent:
            future.set_result(self.work(assignment))
        return future

    def is_silent(self, assignment: Assignment) -> bool:
        return self.silent

    def outcome(self, lane: int, assignment: Assignment, future: "Future[Outcome]", timeout: float | None) -> Outcome:
        return future.result() if future.done() else Outcome(assignment.key, "failed", "gone without a word")

    @property
    def epochs_done(self) -> int:
        return sum(self.epochs.values())

    def settle(self, assignment: Assignment, epochs: int) -> None:
        self.epochs[assignment.index] = epochs

    def stop_after_epoch(self) -> None:
        self.asked_to_stop = True

    def close(self, *, kill: bool = False) -> None:
        self.closed.append(kill)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "POLL_SECONDS", 0.001)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "tiny")
    made.prepare()
    return made


def planned(study: Study | None = None) -> tuple[list[PlannedRun], Identity]:
    """Four runs: two treatments with two seeds each."""
    study = study or study_of(study={"replicates": 2}, overfitting={"dropout": [0.0, 0.5]})
    identity = identity_for(study.base)
    return plan_runs(design.treatments(study), study.seeds, identity), identity


def execute(lanes: Lanes, store: Store, options: Options = OPTIONS, **more: Any) -> Any:
    runs, identity = planned()
    return scheduler.execute(runs, lanes, identity, store, store.root, options, **more)


def test_every_run_is_sent_once_and_answered_by_its_key(store: Store) -> None:
    lanes = Lanes()
    runs, identity = planned()
    twice = [*runs, runs[0]]
    found = scheduler.execute(twice, lanes, identity, store, store.root, OPTIONS)
    assert sorted(assignment.key for assignment in lanes.sent) == sorted(found) == sorted(run.key for run in runs)
    assert {outcome.status for outcome in found.values()} == {"ok"}
    assert [assignment.index for assignment in lanes.sent] == sorted(range(4))


def test_nothing_to_do_touches_nothing(tmp_path: Path) -> None:
    lanes = Lanes()
    _, identity = planned()
    store = Store(tmp_path / "absent")
    assert scheduler.execute([], lanes, identity, store, tmp_path, OPTIONS) == {}
    assert (lanes.sent, store.root.exists()) == ([], False)


def test_a_failed_run_is_kept_with_its_reason_and_the_others_go_on(store: Store) -> None:
    bad = planned()[0][1].key

    def work(assignment: Assignment) -> Outcome:
        return Outcome(bad, "failed", "too bad", "its log") if assignment.key == bad else fine(assignment)

    found = execute(Lanes(work), store)
    assert sorted(outcome.status for outcome in found.values()) == ["failed", "ok", "ok", "ok"]
    failure = store.last_failure(bad)
    assert failure is not None
    assert (failure.reason, failure.log) == ("too bad", "its log")
    assert store.attempts(bad) == 1


def refusing(assignment: Assignment) -> Outcome:
    """A worker whose model cannot be trained with a batch norm."""
    if assignment.settings["remedies"]["batch_norm"]:
        return Outcome(assignment.key, "failed", "ends in logits", "the log", refused=True)
    return fine(assignment)


NORMED: dict[str, Any] = {"study": {"replicates": 4}, "underfitting": {"batch_norm": [False, True]}}


def test_a_model_that_cannot_be_trained_is_tried_once_and_the_others_go_on(store: Store) -> None:
    runs, identity = planned(study_of(**NORMED))
    lanes = Lanes(refusing, jobs=1)
    outcomes = scheduler.execute(runs, lanes, identity, store, Path(), OPTIONS)
    sent = [assignment.settings["remedies"]["batch_norm"] for assignment in lanes.sent]
    assert (sent.count(True), sent.count(False)) == (1, 4)
    failed = [key for key, outcome in outcomes.items() if outcome.status == "failed"]
    assert len(outcomes) == 8
    assert len(failed) == 4
    assert {store.last_failure(key).reason for key in failed} == {"ends in logits"}


def test_where_the_first_failure_is_the_end_its_like_stay_pending(store: Store) -> None:
    runs, identity = planned(study_of(**NORMED))
    options = Options(jobs=1, fail_fast=True)
    outcomes = scheduler.execute(runs, Lanes(refusing, jobs=1), identity, store, Path(), options)
    assert [outcome.status for outcome in outcomes.values()].count("failed") == 1


def test_the_first_failure_is_the_end_where_that_was_asked_for(store: Store) -> None:
    lanes = Lanes(lambda assignment: Outcome(assignment.key, "failed", "too bad"), jobs=1)
    found = execute(lanes, store, Options(jobs=1, fail_fast=True))
    assert len(lanes.sent) == len(found) == 1
    assert lanes.asked_to_stop


def test_after_a_wish_to_stop_nothing_more_is_begun(store: Store) -> None:
    lanes, stop = Lanes(jobs=1), StopSignal()

    def wish(progress: Progress) -> None:
        stop.level = 1

    found = execute(lanes, store, listener=wish, stop=stop)
    assert (len(lanes.sent), len(found), lanes.closed) == (1, 1, [])
    assert lanes.asked_to_stop


def test_a_run_that_was_stopped_stays_pending(store: Store) -> None:
    stop = StopSignal()

    def work(assignment: Assignment) -> Outcome:
        stop.level = 1
        return Outcome(assignment.key, "stopped")

    assert execute(Lanes(work, jobs=1), store, stop=stop) == {}
    assert not list(store.root.rglob("*.json"))


def test_a_second_wish_ends_the_workers_at_once(store: Store) -> None:
    stop = StopSignal()

    def work(assignment: Assignment) -> Outcome:
        stop.level = 2
        return fine(assignment)

    lanes = Lanes(work, jobs=1)
    assert execute(lanes, store, stop=stop) == {}
    assert lanes.closed == [True]


@pytest.mark.parametrize(("late", "sent", "closed"), [(-9.0, 4, []), (1.0, 0, [])])
def test_a_budget_that_is_used_up_begins_nothing(store: Store, late: float, sent: int, closed: list[bool]) -> None:
    lanes = Lanes(jobs=1)
    execute(lanes, store, Options(jobs=1, budget=10.0, began=time.monotonic() - 10.0 - late))
    assert (len(lanes.sent), lanes.closed) == (sent, closed)


def test_what_runs_on_after_the_budget_and_its_grace_is_ended(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = Lanes(jobs=1)
    now = time.monotonic()

    def work(assignment: Assignment) -> Outcome:
        monkeypatch.setattr(time, "monotonic", lambda: now + 10.0 + GRACE_SECONDS + 0.1)
        return fine(assignment)

    lanes.work = work
    assert execute(lanes, store, Options(jobs=1, budget=10.0, began=now)) == {}
    assert lanes.closed == [True]


@pytest.mark.parametrize(("status", "error"), [("unable", WorkerError), ("unwritable", StoreError)])
def test_what_no_other_run_would_survive_ends_the_study(store: Store, status: Any, error: type[Exception]) -> None:
    lanes = Lanes(lambda assignment: Outcome(assignment.key, status, "no way"), jobs=1)
    with pytest.raises(error, match="no way"):
        execute(lanes, store)
    assert len(lanes.sent) == 1
    assert store.attempts(lanes.sent[0].key) == 0


def test_a_process_that_ends_before_it_begins_costs_no_run(store: Store) -> None:
    tried: list[str] = []

    def work(assignment: Assignment) -> Outcome:
        tried.append(assignment.key)
        return Outcome(assignment.key, "unborn", "it ended") if len(tried) in (1, 2, 4, 5) else fine(assignment)

    found = execute(Lanes(work, jobs=1), store)
    assert len(found) == 4
    assert {outcome.status for outcome in found.values()} == {"ok"}
    assert len(tried) == 8
    assert all(store.attempts(key) == 0 for key in tried)


def test_three_in_a_row_are_enough(store: Store) -> None:
    lanes = Lanes(lambda assignment: Outcome(assignment.key, "unborn", "it ended", "no such library"), jobs=1)
    with pytest.raises(WorkerError, match=r"it ended, 3 times in a row\. It printed:\nno such library"):
        execute(lanes, store)
    assert len(lanes.sent) == 3


def test_a_process_that_is_silent_is_asked_what_became_of_its_run(store: Store) -> None:
    found = execute(Lanes(silent=True), store)
    assert {outcome.message for outcome in found.values()} == {"gone without a word"}
    assert len(found) == 4


def test_progress_tells_of_every_run(store: Store) -> None:
    heard: list[tuple[int, int, str | None]] = []

    def listen(progress: Progress) -> None:
        last = progress.last[1].key if progress.last else None
        heard.append((progress.finished, progress.epochs, last))
        assert (progress.total, progress.total_epochs, progress.elsewhere) == (4, 8, 0)

    execute(Lanes(jobs=1), store, listener=listen)
    told = [each for each in heard if each[2]]
    assert [finished for finished, *_ in told] == [1, 2, 3, 4]
    assert [epochs for _, epochs, _ in told] == [2, 4, 6, 8]
    assert heard[-1][2] is None


class Elsewhere:
    """Claims of which another process has one, until it gives that one up."""

    refusals = 2

    def __init__(self, root: Path) -> None:
        self.key = planned()[0][0].key
        self.store = Store(root)

    def take(self, key: str) -> bool:
        if key != self.key or self.refusals == 0:
            return True
        self.refusals -= 1
        if self.refusals == 0:
            self.finish()
        return False

    def finish(self) -> None:
        """What the other process does before it lets go."""

    def give_back(self, key: str) -> None:
        pass

    def renew(self) -> None:
        pass

    def close(self) -> None:
        pass


class Finished(Elsewhere):
    def finish(self) -> None:
        self.store.commit(record(self.key))


class Failed(Elsewhere):
    def finish(self) -> None:
        self.store.record_failure(self.key, Failure("too bad there", "", "2026-01-01T00:00:00+00:00"))


@pytest.mark.parametrize(
    ("claims", "status", "elsewhere", "sent"),
    [(Elsewhere, "ok", False, 4), (Finished, "ok", True, 3), (Failed, "failed", True, 3)],
)
def test_what_another_process_is_at_is_waited_for(
    store: Store, monkeypatch: pytest.MonkeyPatch, claims: Any, status: str, elsewhere: bool, sent: int
) -> None:
    monkeypatch.setattr(scheduler, "Claims", claims)
    lanes = Lanes()
    waited = []
    found = execute(lanes, store, listener=lambda progress: waited.append(progress.elsewhere))
    own = found[planned()[0][0].key]
    assert (own.status, own.elsewhere, len(found), len(lanes.sent)) == (status, elsewhere, 4, sent)
    assert max(waited) == 1
    assert store.attempts(own.key) == (status == "failed")


def test_a_record_that_came_since_the_plan_is_not_made_again(store: Store) -> None:
    there = planned()[0][2].key
    store.commit(record(there, result={**record(there).result, "stopped_epoch": 2, "test_accuracy": 0.75}))
    lanes = Lanes()
    found = execute(lanes, store)
    assert there not in {assignment.key for assignment in lanes.sent}
    assert (found[there].elsewhere, found[there].score) == (True, 0.75)


def test_an_old_failure_is_tried_again(store: Store) -> None:
    key = planned()[0][0].key
    store.record_failure(key, Failure("too bad", "", "2026-01-01T00:00:00+00:00"))
    assert execute(Lanes(), store)[key].status == "ok"


def test_an_assignment_says_all_that_a_worker_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = study_of(
        model={"activation": "mine:act"}, training={"continue_from": "first"}, overfitting={"dropout": [0.0, 0.5]}
    )
    known = identity_for(study.base)
    origins = {
        origin_name(treatment.settings, seed): f"{treatment.name} {seed}"
        for treatment in design.treatments(study)
        for seed in study.seeds
    }
    identity = Identity(known.libraries, known.data, {"mine:act": "c0de", "mine:other": "x"}, origins)
    run = plan_runs(design.treatments(study), study.seeds, identity)[1]
    monkeypatch.chdir(tmp_path)
    made = scheduler.assignment(7, run, identity, Store(Path("reports/tiny")), tmp_path, "fit", keep_weights=True)
    assert (made.index, made.key, made.seed, made.trainer) == (7, run.key, 1, "fit")
    assert made.settings == run.treatment.settings.model_dump(exclude_none=True)
    assert made.code == {"mine:act": "c0de"}
    assert made.data_digest == "0" * 64
    assert made.model_file is None
    assert made.store == tmp_path / "reports" / "tiny"
    assert made.origin == (tmp_path / "reports" / "first", "dropout=0.5 1")


def test_without_a_budget_there_is_no_overtime() -> None:
    assert Options(jobs=1).overtime == -math.inf
    assert Options(jobs=1, budget=1.0, began=time.monotonic() - 5).overtime >= 4


def test_a_wish_is_watched_for_until_the_end_whatever_happens() -> None:
    stop, seen = StopSignal(), []

    def fail() -> None:
        with stop.watched():
            seen.append(stop.is_watched)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [*seen, stop.is_watched] == [True, False]


def test_no_run_is_begun_that_would_be_cut_off(store: Store) -> None:
    """By the longest run so far, with a margin: the first is begun on no evidence; then too little time is left."""

    def work(assignment: Assignment) -> Outcome:
        return Outcome(assignment.key, "ok", epochs=2, seconds=81.0)

    lanes = Lanes(work, jobs=1)
    assert len(execute(lanes, store, Options(1, budget=100.0, whole=True))) == 1
    assert len(execute(Lanes(work, jobs=1), store, Options(1, budget=110.0, whole=True))) == 4
    assert len(execute(Lanes(work, jobs=1), store, Options(1, budget=100.0))) == 4


def test_what_failed_since_the_study_was_begun_elsewhere_is_not_tried_again(store: Store) -> None:
    """However late this invocation comes: it is told how often runs had failed before."""
    failed, twice, *_ = [run.key for run in planned()[0]]
    for key in (failed, twice):
        store.record_failure(key, Failure("too bad", "", "2026-01-01"))
    lanes = Lanes()
    outcomes = execute(lanes, store, attempts={twice: 1})
    assert failed not in {assignment.key for assignment in lanes.sent}
    assert (outcomes[failed].status, outcomes[failed].message, outcomes[failed].elsewhere) == (
        "failed",
        "too bad",
        True,
    )
    assert outcomes[twice].status == "ok"


def test_a_run_whose_worker_is_gone_after_its_commit_has_not_failed(store: Store) -> None:
    def work(assignment: Assignment) -> Outcome:
        store.commit(record(assignment.key))
        return Outcome(assignment.key, "failed", "its process was killed")

    outcomes = execute(Lanes(work), store)
    assert {outcome.status for outcome in outcomes.values()} == {"ok"}
    assert not (store.root / "attempts").exists()


class CountingClaims:
    """Claims of a process that nobody shares the folder with."""

    taken: list[str]

    def __init__(self, root: Path) -> None:
        CountingClaims.taken = []

    def take(self, key: str) -> bool:
        self.taken.append(key)
        return True

    def renew(self) -> None:
        pass

    def give_back(self, key: str) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_finished_run_is_not_claimed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a network disk that is a file to be made and removed, for every run and worker."""
    monkeypatch.setattr(scheduler, "Claims", CountingClaims)
    done, *others = [run.key for run in planned()[0]]
    store.commit(record(done))
    outcomes = execute(Lanes(), store)
    assert outcomes[done].elsewhere
    assert sorted(CountingClaims.taken) == sorted(others)
