"""What a store shows of runs that others train."""

from pathlib import Path

import pytest

from ablate.errors import StoreError
from ablate.execution.watching import Watch
from ablate.results.record import Failure
from ablate.results.store import Store
from tests import invented

RUNS = list({run.key: run for run in invented.snapshot().planned}.values())
FAILURE = Failure("odd", "its log", "2026-01-01")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "study")
    made.prepare()
    return made


def test_runs_are_news_once_in_the_order_of_the_study(store: Store) -> None:
    watch = Watch(store, RUNS[:5], {})
    assert watch.news() == []
    for run in (RUNS[3], RUNS[1], RUNS[9]):  # the last is of nobody's interest
        store.commit(invented.record(run))
    found = watch.news()
    assert [run for run, _ in found] == [RUNS[1], RUNS[3]]
    record = store.load(RUNS[1].key)
    assert record is not None
    outcome = found[0][1]
    assert (outcome.status, outcome.score) == (record.status, record.result["test_accuracy"])
    assert (outcome.epochs, outcome.seconds) == (record.result["stopped_epoch"], record.seconds["total"])
    assert watch.news() == []
    assert list(watch.pending) == [RUNS[0].key, RUNS[2].key, RUNS[4].key]


def test_failures_are_news_if_they_are_new(store: Store) -> None:
    store.record_failure(RUNS[0].key, FAILURE)
    store.record_failure(RUNS[1].key, FAILURE)
    watch = Watch(store, RUNS[:3], {RUNS[0].key: 1})
    assert [(run, outcome.status, outcome.message, outcome.log) for run, outcome in watch.news()] == [
        (RUNS[1], "failed", "odd", "its log")
    ]
    store.record_failure(RUNS[0].key, FAILURE)
    assert [run for run, _ in watch.news()] == [RUNS[0]]


def test_a_run_that_failed_and_was_finished_later_is_finished(store: Store) -> None:
    watch = Watch(store, RUNS[:1], {})
    store.record_failure(RUNS[0].key, FAILURE)
    store.commit(invented.record(RUNS[0]))
    (found,) = watch.news()
    assert found[1].status != "failed"


def test_a_damaged_record_is_waited_for(store: Store) -> None:
    watch = Watch(store, RUNS[:1], {})
    store.commit(invented.record(RUNS[0]))
    path = store.record_path(RUNS[0].key)
    path.write_bytes(path.read_bytes()[:-20])
    assert watch.news() == []
    assert len(store.damaged) == 1
    store.commit(invented.record(RUNS[0]))
    assert len(watch.news()) == 1


def test_a_folder_that_cannot_be_read_is_one_error(store: Store) -> None:
    (store.root / "attempts").write_bytes(b"")
    with pytest.raises(StoreError, match="attempts cannot be read: Not a directory"):
        Watch(store, RUNS[:1], {}).news()
