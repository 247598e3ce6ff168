"""A study that goes on from the networks of another."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate import api
from ablate.errors import StudyError
from ablate.results import models, origins
from ablate.results.identity import Identity, origin_name, plan_runs
from ablate.results.store import Store
from ablate.settings import document
from ablate.studies import design
from ablate.studies.spec import Study
from tests.conftest import STUDIES, study_of
from tests.results import builders
from tests.results.test_identity import identity_for

pytestmark = pytest.mark.usefixtures("warm")

TINY = STUDIES / "tiny.toml"
ON = ["study.name='second'", "training.continue_from='tiny'"]


def sd(record: Any, moment: str) -> dict[str, float]:
    return {probe.layer: probe.sd for probe in record.probes if (probe.kind, probe.moment) == ("weights", moment)}


@pytest.mark.parametrize("keep", ["all", "best"])
def test_every_run_starts_from_the_weights_that_the_other_ended_with(tmp_path: Path, keep: str) -> None:
    only = ["overfitting.dropout=0.0"] if keep == "best" else []  # of one treatment the best is all
    first = api.run(api.load(TINY, [f"study.save_models='{keep}'", *only]), jobs=1, out=tmp_path)
    second = api.run(api.load(TINY, [*ON, "training.epochs=3", *only]), jobs=1, out=tmp_path)
    fresh = api.run(api.load(TINY, ["study.name='third'", "training.epochs=3", *only]), jobs=1, out=tmp_path)
    pairs = [
        (one, other, alone)
        for one in first.snapshot.records.values()
        for other in second.snapshot.records.values()
        for alone in fresh.snapshot.records.values()
        if one.seed == other.seed == alone.seed and one.settings["remedies"] == other.settings["remedies"]
        if other.settings["remedies"] == alone.settings["remedies"]
    ]
    assert len(pairs) == len(first.snapshot.records)
    for one, other, alone in pairs:
        assert sd(other, "initial") == sd(one, "end")
        assert sd(alone, "initial") == sd(one, "initial")
        assert other.history["train_loss"][0] < one.history["train_loss"][0]
        assert other.key != alone.key
    later = api.open_results(TINY, [*ON, "training.epochs=3", *only], out=tmp_path)
    assert later.snapshot.missing == 0


def test_other_weights_to_start_from_make_other_runs(tmp_path: Path) -> None:
    keys = []
    for rate in (0.1, 0.2):
        out = tmp_path / str(rate)
        first = api.load(TINY, ["study.save_models='all'", f"training.learning_rate={rate}"])
        api.run(first, jobs=1, out=out)
        keys.append({run.key for run in api.make_plan(api.load(TINY, ON), out=out).everything})
    assert not keys[0] & keys[1]


def test_what_is_missing_of_the_other_study_is_said(tmp_path: Path) -> None:
    study = api.load(TINY, ON)
    with pytest.raises(StudyError, match="no results of that study"):
        api.make_plan(study, out=tmp_path)
    api.run(api.load(TINY, ["study.save_models='none'"]), jobs=1, out=tmp_path)
    with pytest.raises(StudyError, match="did not keep the network of baseline with seed 1"):
        api.make_plan(study, out=tmp_path)
    with pytest.raises(StudyError, match="has no run with the data, model and remedies"):
        api.make_plan(api.load(TINY, [*ON, "model.hidden=[7]"]), out=tmp_path)
    for record in (tmp_path / "tiny" / "runs").rglob("*.json"):
        record.unlink()
    with pytest.raises(StudyError, match="has not finished its run"):
        api.make_plan(study, out=tmp_path)


def kept_first(folder: Path, **changes: Any) -> tuple[Study, Identity, Store]:
    """A study that was run with all its networks kept, as `first`, and the identity of its data."""
    first = study_of(study={"name": "first", "replicates": 2, "save_models": "all"}, **changes)
    identity = identity_for(first.base)
    store = Store(folder / "first")
    store.prepare()
    store.write("study.toml", document.write(first.document()).encode())
    store.write_identity(identity)
    for run in plan_runs(design.treatments(first), first.seeds, identity):
        store.commit(builders.record(run.key))
        models.keep_weights(store, run.key, {"w": np.zeros(1, np.float32)})
    return first, identity, store


def going_on(**sections: Any) -> Study:
    training = {"continue_from": "first", "epochs": 5}
    head = {"name": "second", "replicates": 2, **sections.pop("study", {})}
    return study_of(study=head, training=training, **sections)


def test_each_run_is_led_to_that_of_the_same_treatment_and_seed(tmp_path: Path) -> None:
    varied = {"overfitting": {"dropout": [0.0, 0.5]}}
    first, identity, _ = kept_first(tmp_path, **varied)
    second = going_on(**varied)
    found = origins.find(second, design.treatments(second), identity, tmp_path)
    for treatment in design.treatments(second):
        for seed in second.seeds:
            name = origin_name(treatment.settings, seed)
            (run,) = (
                run
                for run in plan_runs(design.treatments(first), first.seeds, identity)
                if (run.seed, run.treatment.name) == (seed, treatment.name)
            )
            assert found[name] == run.key
    assert len(found) == 4


def test_the_class_that_scores_are_about_does_not_part_a_run_from_the_one_it_goes_on_from(tmp_path: Path) -> None:
    metrics = {"metrics": ["brier"]}
    first, identity, _ = kept_first(tmp_path)
    second = going_on(data={"positive": "3"}, study=metrics)
    found = origins.find(second, design.treatments(second), identity, tmp_path)
    assert sorted(found.values()) == sorted(run.key for run in plan_runs(design.treatments(first), (1, 2), identity))


def test_a_study_that_starts_afresh_needs_no_other(tmp_path: Path) -> None:
    fresh = study_of()
    assert origins.find(fresh, design.treatments(fresh), identity_for(fresh.base), tmp_path / "absent") == {}


def test_other_data_than_before_is_an_error(tmp_path: Path) -> None:
    kept_first(tmp_path)
    second = going_on()
    changed = identity_for(second.base, digest="1" * 64)
    with pytest.raises(StudyError, match=r'continue_from = "first": was trained on other data than is there now'):
        origins.find(second, design.treatments(second), changed, tmp_path)


def test_two_runs_that_fit_leave_it_open(tmp_path: Path) -> None:
    _, identity, _ = kept_first(tmp_path, factors={"training.epochs": [1, 2]})
    second = going_on()
    with pytest.raises(StudyError, match="has 2 runs with the data, model and remedies of baseline with seed 1"):
        origins.find(second, design.treatments(second), identity, tmp_path)


def test_a_network_that_was_dropped_is_missed_by_the_name_of_its_run(tmp_path: Path) -> None:
    first, identity, store = kept_first(tmp_path)
    models.drop(store, [plan_runs(design.treatments(first), [2], identity)[0].key])
    second = going_on()
    with pytest.raises(StudyError, match="did not keep the network of baseline with seed 2"):
        origins.find(second, design.treatments(second), identity, tmp_path)
