"""Plans: which runs a study has, which are there, and what is made of a folder of results without any training."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ablate.api import plans
from ablate.api.plans import Plan, early_lanes, load, make_plan, results_folder, run_plan
from ablate.errors import StudyError
from ablate.execution.scheduler import Options
from ablate.results import models
from tests import invented

STUDY = """
[study]
name = "small"
replicates = 2
[data]
source = "d.npz"
[model]
hidden = [4]
[training]
epochs = 2
[underfitting]
batch_norm = [false, true]
[overfitting]
dropout = [0.0, 0.5]
"""
OPTIONS = Options(jobs=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study of six runs with its data."""
    (tmp_path / "ablations.toml").write_text(STUDY)
    x, y = np.arange(60, dtype=np.float32).reshape(30, 2), np.arange(30) % 3
    np.savez(tmp_path / "d.npz", x_train=x[:18], y_train=y[:18], x_test=x[18:], y_test=y[18:])
    return tmp_path


def plan(folder: Path, *overrides: str, only: tuple[str, ...] = ()) -> Plan:
    return make_plan(load(folder / "ablations.toml", overrides), only=only)


def finish(made: Plan, *places: int) -> None:
    """Commit records for some runs of a plan, as if they had been trained."""
    made.store.prepare()
    for place in places or range(len(made.everything)):
        made.store.commit(invented.record(made.everything[place]))


def keep_weights(made: Plan) -> None:
    for run in made.everything:
        models.keep_weights(made.store, run.key, {"w": np.zeros(1, np.float32)})


def test_a_plan_knows_what_is_there_and_what_is_pending(folder: Path) -> None:
    before = plan(folder)
    assert (len(before.everything), len(before.pending), before.done) == (6, 6, {})
    assert not before.store.root.exists()
    finish(before, 0, 3)
    after = plan(folder)
    assert set(after.done) == {before.everything[0].key, before.everything[3].key}
    assert [run.key for run in after.pending] == [before.everything[place].key for place in (1, 2, 4, 5)]


def test_a_plan_of_a_part_leaves_the_rest_alone(folder: Path) -> None:
    made = plan(folder, only=("dropout=0.5",))
    assert {run.treatment.name for run in made.selected} == {"dropout=0.5"}
    assert (len(made.selected), len(made.everything)) == (2, 6)
    with pytest.raises(StudyError, match="no treatment of this one-at-a-time study has all of dropout"):
        plan(folder, only=("dropout=0.5", "batch_norm=true"))


def test_runs_that_share_a_program_are_grouped(folder: Path) -> None:
    groups = [sorted({run.treatment.name for run in group}) for group in plan(folder).programs]
    assert groups == [["baseline", "dropout=0.5"], ["batch_norm=true"]]


def test_the_time_for_the_rest_is_that_of_finished_runs(folder: Path) -> None:
    assert plan(folder).seconds_estimate(1) is None
    finish(plan(folder), 0, 1)
    rest = plan(folder).seconds_estimate(1)
    assert rest is not None
    assert rest > 0
    assert plan(folder).seconds_estimate(2) == pytest.approx(rest / 2)


def test_identical_treatments_are_pending_once(folder: Path) -> None:
    twins = "overfitting.early_stopping=[false, {patience=1}, {patience=1, monitor='val_loss'}]"
    made = plan(folder, "overfitting.dropout=0", "underfitting.batch_norm=false", twins)
    assert (len(made.everything), len(made.pending)) == (6, 4)


def test_results_lie_beside_the_study_file_or_where_they_are_wanted(folder: Path) -> None:
    study = load(folder / "ablations.toml")
    assert results_folder(study) == folder / "reports" / "small"
    assert results_folder(study, folder / "elsewhere") == folder / "elsewhere" / "small"


def test_the_study_that_is_kept_has_its_results_beside_itself(folder: Path) -> None:
    run_plan_of_finished(folder)
    kept = load(folder / "reports" / "small" / "study.toml")
    assert results_folder(kept) == folder / "reports" / "small"
    assert results_folder(kept, folder / "elsewhere") == folder / "elsewhere" / "small"
    (folder / "elsewhere").mkdir()
    shutil.copy(folder / "reports" / "small" / "study.toml", folder / "elsewhere")
    extracted = load(folder / "elsewhere" / "study.toml")
    assert results_folder(extracted) == folder / "elsewhere" / "reports" / "small"


def run_plan_of_finished(folder: Path, *overrides: str) -> Plan:
    """A plan whose runs are all there, carried out."""
    finish(plan(folder, *overrides))
    made = plan(folder, *overrides)
    assert run_plan(made, OPTIONS) == {}
    return made


def test_a_plan_with_nothing_to_train_still_keeps_its_study(folder: Path) -> None:
    made = run_plan_of_finished(folder)
    assert load(made.store.root / "study.toml").document() == made.study.document()
    assert made.store.read_identity() == made.identity


def test_workers_are_started_for_what_is_missing_alone(folder: Path) -> None:
    study = load(folder / "ablations.toml")
    finish(plan(folder))
    with early_lanes(study, 2) as lanes:
        assert lanes is None
    with early_lanes(study, 2, out=folder / "elsewhere", max_runs=5) as lanes:
        assert lanes is None


def test_no_network_is_wanted_of_a_study_that_keeps_none(folder: Path) -> None:
    made = run_plan_of_finished(folder, "study.save_models='none'")
    keep_weights(made)
    assert plans._wanted_models(made) == []
    assert models.keys(made.store, "npz") == set()


def test_all_networks_are_wanted_of_a_study_that_keeps_all(folder: Path) -> None:
    made = run_plan_of_finished(folder, "study.save_models='all'")
    keep_weights(made)
    assert {run.key for run in plans._wanted_models(made)} == {run.key for run in made.everything}


def test_the_best_is_known_when_every_run_was_tried(folder: Path) -> None:
    made = plan(folder)
    finish(made, 0, 1, 2, 3, 4)
    keep_weights(made)
    assert plans._wanted_models(plan(folder)) == []
    assert len(models.keys(made.store, "npz")) == 6
    finish(made)
    wanted = {run.treatment.name for run in plans._wanted_models(plan(folder))}
    assert wanted == {"baseline", "batch_norm=true"}
    assert len(models.keys(made.store, "npz")) == 4


def test_a_program_that_is_measured_needs_no_probe(folder: Path) -> None:
    made = run_plan_of_finished(folder)
    assert plans.probe(made, 1) == made.costs != {}


def test_an_override_replaces_what_the_file_says(folder: Path) -> None:
    assert load(folder / "ablations.toml", ["training.epochs=9"]).base.training.epochs == 9


def test_without_a_path_the_nearest_file_upwards_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert load().source == folder / "ablations.toml"


def test_what_was_read_and_what_is_odd_is_kept_and_said(tmp_path: Path) -> None:
    rows = "".join(f"{number},p{number % 9},{number * 7 % 50},{'ab'[number % 2]}\n" for number in range(90))
    (tmp_path / "t.csv").write_text(f"id,patient,age,kind\n{rows}")
    table = 'source = "t.csv"\nlabel = "kind"\ngroups = "patient"'
    (tmp_path / "ablations.toml").write_text(STUDY.replace('source = "d.npz"', table))
    plan = make_plan(load(tmp_path / "ablations.toml"))
    facts = plan.data["t.csv"]
    assert facts.summary[0].endswith("to test); 2 numbers each")
    assert facts.summary[1] == "2 classes: a (45), b (45)"
    assert facts.summary[2].startswith("left out: column patient; 1 note on what is odd")
    (note,) = facts.notes
    assert note.startswith("column id counts the rows")
    assert f"t.csv: {note}" in plan.warnings
