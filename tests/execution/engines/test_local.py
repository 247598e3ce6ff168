"""Lanes: what became of a run whose process is gone, a new process in its place, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pebble import ProcessExpired

from ablate.execution import compilation_cache, worker
from ablate.execution.assignment import Assignment, Outcome
from ablate.execution.engines import local
from ablate.execution.engines.local import Lanes


@pytest.fixture(autouse=True)
def without_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(compilation_cache.SWITCH, "off")


def assigned(index: int = 0) -> Assignment:
    return Assignment(index, f"key {index}", {}, 1, Path(), "", {}, None, Path(), "compiled", keep_weights=False)


@dataclass
class Pool:
    """What a lane knows of a pool of one process, without the process."""

    active: bool = True
    sent: list[tuple[Callable[..., Any], Any, float | None]] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    def schedule(self, work: Callable[..., Any], args: Any, timeout: float | None) -> "Future[Any]":
        self.sent.append((work, args[0], timeout))
        return Future()

    def stop(self) -> None:
        self.active = False
        self.ends.append("stop")

    def close(self) -> None:
        self.active = False
        self.ends.append("close")

    def join(self) -> None:
        self.ends.append("join")


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> list[Pool]:
    """All pools that were made since, in place of those with a process."""
    made: list[Pool] = []

    def new(**options: Any) -> Pool:
        assert (options["max_workers"], options["initializer"]) == (1, worker.start)
        made.append(Pool())
        return made[-1]

    monkeypatch.setattr(local, "ProcessPool", new)
    return made


@pytest.fixture
def lanes(pools: list[Pool]) -> Iterator[Lanes]:
    with Lanes(2, 3) as made:
        yield made


def answered(error: BaseException | None = None, result: Outcome | None = None) -> "Future[Outcome]":
    """A future that is done."""
    future: Future[Outcome] = Future()
    if error is None:
        future.set_result(result or Outcome("key 0", "ok"))
    else:
        future.set_exception(error)
    return future


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (FutureTimeoutError(), "failed", "stopped after 2.5 s (--timeout)"),
        (ProcessExpired("", 3), "failed", "its process ended itself with exit code 3 before the run was over"),
        (ProcessExpired("", 0), "failed", "its process ended itself with exit code 0 before the run was over"),
        (ProcessExpired("", -9), "failed", "its process was killed (SIGKILL), by hand or because memory ran out"),
        (ProcessExpired("", -11), "failed", "its process crashed (SIGSEGV)"),
        (ProcessExpired("", -6), "failed", "its process crashed (SIGABRT)"),
        (ProcessExpired("", -15), "failed", "its process was ended by SIGTERM"),
        (ProcessExpired("", -63), "failed", "its process was ended by signal 63"),
        (BrokenProcessPool(), "unborn", "a worker process ended before it began to train"),
        (CancelledError(), "stopped", ""),
    ],
    ids=repr,
)
def test_the_end_of_a_process_is_told_in_words(error: Exception, status: str, message: str) -> None:
    found, alive = local._outcome(assigned(), answered(error), 2.5)
    assert (found.key, found.status, found.message, alive) == ("key 0", status, message, False)


def test_an_answer_is_handed_on_and_silence_is_an_end(lanes: Lanes) -> None:
    good = Outcome("key 0", "ok", epochs=3)
    assert local._outcome(assigned(), answered(result=good), None) == (good, True)
    silent: Future[Outcome] = Future()
    found, alive = local._outcome(assigned(), silent, None)
    assert (found.status, alive, silent.cancelled()) == ("failed", False, True)
    assert "exit code 0" in found.message


def test_a_run_is_sent_to_its_lane(lanes: Lanes, pools: list[Pool]) -> None:
    lanes._board.processes[2] = 77  # of a process that began it before
    lanes.submit(1, assigned(2), 5.0)
    assert [pool.sent for pool in pools] == [[], [(worker.run, assigned(2), 5.0)]]
    assert lanes._board.processes[2] == 0


def test_a_pool_whose_process_died_idle_is_replaced_before_the_next_run(lanes: Lanes, pools: list[Pool]) -> None:
    pools[0].active = False
    lanes.submit(0, assigned(), None)
    assert len(pools) == 3
    assert pools[0].ends == ["stop", "join"]
    assert [len(pool.sent) for pool in pools] == [0, 0, 1]


def test_what_a_failing_run_printed_comes_before_its_traceback(lanes: Lanes, pools: list[Pool]) -> None:
    lanes.submit(0, assigned(), None)
    os.write(lanes._lanes[0].tail.writer.fileno(), b"a word\n")
    failed = Outcome("key 0", "failed", "odd", "Traceback")
    assert lanes.outcome(0, assigned(), answered(result=failed), None).log == "a word\nTraceback"
    assert len(pools) == 2, "its process is fit for the next run"
    lanes.submit(0, assigned(), None)
    assert lanes.outcome(0, assigned(), answered(result=failed), None).log == "Traceback"


def test_a_crash_gives_the_lane_a_new_process_and_ends_what_the_old_one_left(lanes: Lanes, pools: list[Pool]) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as left:
        lanes.submit(0, assigned(), None)
        lanes._board.processes[0] = left.pid  # as the leader of its group
        found = lanes.outcome(0, assigned(), answered(ProcessExpired("gone", -11)), None)
        assert left.wait(10) == -signal.SIGKILL
    assert found.status == "failed"
    assert len(pools) == 3
    assert pools[0].ends[0] == "stop"


def test_a_process_that_has_grown_is_replaced_and_its_run_counts(
    lanes: Lanes, pools: list[Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "_growth", 100)
    sizes = [1000, 1100, 1101, 5000, 5101]
    found = [lanes.outcome(0, assigned(), answered(result=Outcome("k", "ok", memory=size)), None) for size in sizes]
    assert {outcome.status for outcome in found} == {"ok"}
    assert len(pools) == 2 + 2  # after the third and, counted anew from its first, after the fifth


def test_a_process_that_is_gone_is_silent_after_a_while(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not lanes.is_silent(assigned()), "nobody has begun it"
    lanes._board.processes[0] = os.getpid()
    assert not lanes.is_silent(assigned()), "it is at work"
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    lanes._board.processes[0] = gone.pid
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert not lanes.is_silent(assigned()), "its answer may be on the way"
    monkeypatch.setattr(time, "monotonic", lambda: now + local.SILENCE + 0.01)
    assert lanes.is_silent(assigned())
    lanes.submit(0, assigned(), None)
    assert not lanes.is_silent(assigned()), "it was begun anew"
    lanes._board.processes[0] = gone.pid
    assert not lanes.is_silent(assigned()), "that answer may be on the way as well"


def test_other_work_goes_round_the_lanes(lanes: Lanes, pools: list[Pool]) -> None:
    futures = lanes.spread(worker.save_model, [assigned(number) for number in range(3)])
    assert len(futures) == 3
    assert [[each.index for _, each, _ in pool.sent] for pool in pools] == [[0, 2], [1]]


def test_epochs_are_counted_over_all_runs_and_settled_ones_in_full(lanes: Lanes) -> None:
    lanes._board.epochs[0] = 3
    lanes.settle(assigned(1), 10)
    assert lanes.epochs_done == 13
    assert lanes._board.stop.value == 0
    lanes.stop_after_epoch()
    assert lanes._board.stop.value == 1


def test_lanes_are_closed_when_they_are_done_and_those_without_work_at_once(pools: list[Pool]) -> None:
    with Lanes(2, 1) as made:
        made.submit(0, assigned(), None)
        assert len(made) == 2
    assert [pool.ends for pool in pools] == [["close", "join"], ["stop", "join"]]
    made.close()
    assert len(made) == 0
    assert [pool.ends for pool in pools] == [["close", "join"], ["stop", "join"]]


def test_after_an_exception_nothing_is_waited_for(pools: list[Pool]) -> None:
    def fail() -> None:
        with Lanes(1, 1) as made:
            made.submit(0, assigned(), None)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert pools[0].ends == ["stop", "join"]


def test_what_workers_left_running_is_ended_with_the_lanes(pools: list[Pool]) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as left:
        with Lanes(1, 1) as made:
            made._board.processes[0] = left.pid
        assert left.wait(10) == -signal.SIGKILL


def test_signals_are_held_back_only_while_processes_start() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, set())
    with local._interrupts_blocked():
        during = signal.pthread_sigmask(signal.SIG_BLOCK, set())
    assert {signal.SIGINT, signal.SIGHUP} <= during
    assert signal.pthread_sigmask(signal.SIG_BLOCK, set()) == before


def about_itself(assignment: Assignment) -> tuple[int, int, bool, str]:
    """What a worker says of its process: its number, its session, whether it is deaf to Ctrl-C, its threads."""
    deaf = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    sys.stdout.write("printed there\n")
    return os.getpid(), os.getsid(0), deaf, os.environ["TF_NUM_INTRAOP_THREADS"]


def test_a_process_of_its_own_answers_and_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real one, but for TensorFlow, whose import takes seconds: a broken one stands in its place."""
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("raise ImportError('no such instruction set')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])  # which a spawned process is handed
    with Lanes(1, 1) as lanes:
        (future,) = lanes.spread(about_itself, [assigned()])
        process, session, deaf, threads = future.result(60)
        assert (session, deaf, threads) == (process, True, "1")
        assert process != os.getpid()
        assert lanes._lanes[0].tail.text() == "printed there\n"
        answer = lanes.submit(0, assigned(), None)
        answer.result(60)
        found = lanes.outcome(0, assigned(), answer, None)
        assert found.message == "TensorFlow cannot be used here: ImportError: no such instruction set"
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
