"""A study that goes on from the networks of another."""

from pathlib import Path
from typing import Any

import pytest

from ablate import api
from ablate.errors import StudyError
from tests.conftest import STUDIES

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
