"""Confirmation: the best treatment and the baseline, with seeds that chose neither."""

from dataclasses import replace
from pathlib import Path

import pytest

from ablate.api.confirming import confirm, plan_confirmation
from ablate.api.plans import Plan
from ablate.errors import EmptyResultsError
from ablate.execution.scheduler import Options
from ablate.results import entries
from ablate.results.record import Failure
from tests import invented
from tests.api.test_plans import finish, plan
from tests.api.test_plans import folder as folder  # noqa: PLC0414 - a fixture


def everything_tried(folder: Path) -> Plan:
    finish(plan(folder))
    return plan(folder)


def test_the_best_and_the_baseline_get_as_many_fresh_seeds(folder: Path) -> None:
    made = everything_tried(folder)
    found = plan_confirmation(made)
    assert found is not None
    assert [(run.seed, run.treatment.name) for run in found.everything] == [
        (3, "baseline"),
        (3, "batch_norm=true"),
        (4, "baseline"),
        (4, "batch_norm=true"),
    ]
    assert found.everything == found.selected
    assert not {run.key for run in found.everything} & {run.key for run in made.everything}
    assert (len(found.pending), found.warnings, found.store) == (4, (), made.store)


def test_what_was_confirmed_before_is_not_trained_again(folder: Path) -> None:
    made = everything_tried(folder)
    begun = plan_confirmation(made).everything
    entries.write(made.store, begun)
    for run in begun[:3]:
        made.store.commit(invented.record(run))
    again = plan_confirmation(made)
    assert [(run.seed, run.treatment.name) for run in again.pending] == [(4, "batch_norm=true")]


def test_a_study_on_its_way_has_no_best_to_confirm(folder: Path) -> None:
    finish(plan(folder), 0, 1, 2)
    with pytest.raises(EmptyResultsError, match="needs the whole study: 3 of its runs are still to be trained"):
        plan_confirmation(plan(folder))


def test_a_run_that_failed_was_tried(folder: Path) -> None:
    made = plan(folder)
    finish(made, 0, 1, 2, 3, 4)
    made.store.record_failure(made.everything[5].key, Failure("odd", "", "2026-01-01T00:00:00+00:00"))
    assert plan_confirmation(plan(folder)) is not None


def test_where_all_runs_failed_nothing_is_the_best(folder: Path) -> None:
    made = plan(folder)
    made.store.prepare()
    for run in made.everything:
        made.store.record_failure(run.key, Failure("odd", "", "2026-01-01T00:00:00+00:00"))
    with pytest.raises(EmptyResultsError, match="no treatment has enough finished runs to be the best one"):
        plan_confirmation(plan(folder))


def test_a_baseline_that_is_best_needs_no_confirmation(folder: Path) -> None:
    made = plan(folder)
    made.store.prepare()
    for run in made.everything:
        record = invented.record(run)
        worse = 0.5 * bool(run.treatment.changed)
        result = {**record.result, "val_accuracy": record.result["val_accuracy"] - worse}
        made.store.commit(replace(record, result=result))
    assert plan_confirmation(plan(folder)) is None


def test_nothing_pending_starts_no_worker(folder: Path) -> None:
    made = everything_tried(folder)
    fresh = plan_confirmation(made).everything
    entries.write(made.store, fresh)
    for run in fresh:
        made.store.commit(invented.record(run))
    assert confirm(plan_confirmation(made), Options(jobs=1)) == {}
