"""The library as one package: its names, and a run of a study that needs no training."""

import os
from pathlib import Path

import pytest

from ablate import api
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
