"""The library as one package: its names, and a run of a study that needs no training."""

import os
from pathlib import Path
from typing import Any

import pytest

from ablate import api
from ablate.api import Progress
from tests.api.test_plans import finish, plan
from tests.api.test_plans import folder as folder  # noqa: PLC0414 - a fixture


def test_every_name_that_is_announced_is_there() -> None:
    assert [name for name in api.__all__ if not hasattr(api, name)] == []
    assert len(set(api.__all__)) == len(api.__all__)


def test_a_study_whose_runs_are_there_is_read_and_not_trained(folder: Path) -> None:
    finish(plan(folder))
    results = api.run(api.load(folder / "ablations.toml"))
    assert results.snapshot.missing == 0
    assert len(results.runs) == 6
    assert (results.store.root / "study.toml").is_file()


def test_there_are_as_many_workers_as_this_process_may_use_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2, 5}, raising=False)
    assert api.default_jobs() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert api.default_jobs() == 1


def test_a_run_takes_the_options_of_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(plan(folder))
    seen: list[api.Options] = []
    original = api.run_plan

    def run_plan(plan: api.Plan, options: api.Options, *arguments: Any, **more: Any) -> Any:
        seen.append(options)
        return original(plan, options, *arguments, **more)

    monkeypatch.setattr(api, "run_plan", run_plan)
    api.run(api.load(folder / "ablations.toml"), jobs=3, trainer="fit", timeout=9.0, budget=99.0, fail_fast=True)
    (options,) = seen
    found = (options.jobs, options.trainer, options.timeout, options.budget, options.fail_fast, options.trust_model)
    assert found == (3, "fit", 9.0, 99.0, True, False)


def test_notes_are_warnings_where_nobody_listens() -> None:
    with pytest.warns(UserWarning, match="the trained network of baseline, seed 1 could not be saved"):
        api._warn(Progress(1, 1, notes=("the trained network of baseline, seed 1 could not be saved",)))
