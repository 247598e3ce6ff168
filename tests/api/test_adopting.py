"""Runs of a study that had another name are taken over instead of trained again."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ablate import api
from ablate.api import Plan
from ablate.cli import main
from ablate.errors import StudyError
from ablate.results import confirmation, entries, models
from ablate.results.store import Store
from tests.conftest import STUDIES
from tests.results.builders import record

TINY = STUDIES / "tiny.toml"


def plan_as(name: str, out: Path, **changes: str) -> Plan:
    settings = [f"study.name={name}", *(f"{key.replace('__', '.')}={value}" for key, value in changes.items())]
    return api.make_plan(api.load(TINY, settings), out=out)


def train(plan: Plan, count: int) -> None:
    """What a study leaves behind that was run under another name, but for one damaged record."""
    plan.store.prepare()
    plan.store.write("study.toml", b"")
    plan.store.write_identity(plan.identity)
    for number, run in enumerate(plan.everything[:count]):
        plan.store.commit(record(run.key, seed=run.seed, weights=""))
        models.keep_weights(plan.store, run.key, {})
        if number == 0:
            plan.store.record_path(run.key).write_bytes(b"{}")


def test_a_renamed_study_is_told_of_its_runs_and_takes_them_over(tmp_path: Path) -> None:
    old, new = plan_as("old", tmp_path), plan_as("new", tmp_path)
    train(old, 3)
    assert api.adoptable(new) == [
        f"3 of these 4 runs are in {tmp_path / 'old'}: 'ablate run --adopt old' takes them over"
    ]
    plan, found = api.adopt(new, "old")
    assert (len(found.added), len(found.there), len(found.refused)) == (2, 0, 1)
    assert set(plan.done) == set(found.added) == {run.key for run in new.everything[1:3]}
    assert models.keys(plan.store, "npz") == set(found.added)
    assert new.store.load(found.added[0]) == old.store.load(found.added[0])
    assert old.store.count() == 3
    again, found = api.adopt(plan, tmp_path / "old")
    assert (len(found.added), len(found.there)) == (0, 2)
    assert again.done == plan.done


def test_other_settings_have_nothing_to_take_over(tmp_path: Path) -> None:
    train(plan_as("old", tmp_path), 4)
    other = plan_as("new", tmp_path, training__epochs="9")
    assert api.adoptable(other) == []
    _, found = api.adopt(other, "old")
    assert found.added == ()
    assert api.adoptable(plan_as("old", tmp_path)) == []


def test_a_confirmation_comes_along(tmp_path: Path) -> None:
    old, new = plan_as("old", tmp_path), plan_as("new", tmp_path)
    train(old, 4)
    treatments = [run.treatment for run in old.everything if run.seed == 1]
    _, fresh = confirmation.plan_anew(old.study, treatments, "dropout=0.5", old.identity, old.store)
    entries.write(old.store, fresh)
    for run in fresh:
        old.store.commit(record(run.key))
    _, found = api.adopt(new, "old")
    assert len(found.added) == 3
    assert entries.read(new.store) == entries.read(old.store)
    assert set(new.store.load_all(run.key for run in fresh)) == {run.key for run in fresh}


@pytest.mark.parametrize(
    ("other", "message"), [("nowhere", "'nowhere' is no study in"), ("new", "is this study's own folder of results")]
)
def test_what_cannot_be_taken_over_is_said(tmp_path: Path, other: str, message: str) -> None:
    new = plan_as("new", tmp_path)
    Store(new.store.root).prepare()
    with pytest.raises(StudyError, match=message):
        api.adopt(new, other)


def test_the_plan_hints_at_them(tmp_path: Path) -> None:
    train(plan_as("old", tmp_path), 4)
    done = CliRunner().invoke(main, ["plan", "-c", str(TINY), "-o", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert f"4 of these 4 runs are in {tmp_path / 'old'}: 'ablate run --adopt old' takes them over" in done.stderr
