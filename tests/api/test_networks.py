"""Kept networks: found by key, treatment and seed; scored scores are held against the record."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ablate.api import networks
from ablate.api.networks import find_runs
from ablate.api.results import Results, open_results
from ablate.errors import EmptyResultsError, StudyError
from ablate.results.identity import PlannedRun
from tests import invented

PARTS = ("train", "val", "test")


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Six runs of the baseline and twelve others, of which all but the last two kept their networks."""
    made = invented.snapshot(finished=17)
    store = invented.kept(made, tmp_path)
    for run in made.planned[:16]:
        store.keep_weights(run.key, {"w": np.zeros(1, np.float32)})
    return open_results(out=tmp_path)


def what(runs: list[PlannedRun]) -> list[tuple[str, int]]:
    return [(run.treatment.name, run.seed) for run in runs]


def test_every_kept_network_is_found_in_the_order_of_the_plan(results: Results) -> None:
    assert find_runs(results) == list(results.snapshot.planned[:16])


def test_treatments_and_seeds_narrow_down(results: Results) -> None:
    assert what(find_runs(results, only=["dropout=0.5"], seeds=[1, 3])) == [("dropout=0.5", 1), ("dropout=0.5", 3)]
    with pytest.raises(EmptyResultsError, match="no run matches all of these filters"):
        find_runs(results, [results.snapshot.planned[0].key], seeds=[2])
    with pytest.raises(StudyError, match=r"--seed.*\n.*no runs with seed 9; this study's seeds are 1, 2, 3, 4, 5, 6"):
        find_runs(results, seeds=[9])


def test_a_run_is_found_by_how_its_key_begins(results: Results) -> None:
    run = results.snapshot.planned[4]
    assert find_runs(results, [run.key[:16].upper()]) == [run]
    assert find_runs(results, [run.key, run.key[:20]]) == [run]


def test_a_beginning_of_no_key_or_of_several_is_refused(results: Results) -> None:
    with pytest.raises(StudyError, match="'x' is the beginning of no run's key in this study"):
        find_runs(results, ["x"])
    with pytest.raises(StudyError, match=r"'' is the beginning of 18 keys: .* and 13 more; give more of it"):
        find_runs(results, [""])


def test_a_run_that_is_named_and_has_no_network_says_why(results: Results) -> None:
    unfinished, dropped = results.snapshot.planned[17], results.snapshot.planned[16]
    with pytest.raises(EmptyResultsError, match=r"\(dropout=0\.5, seed 6\) is not finished; 'ablate run' trains it"):
        find_runs(results, [unfinished.key])
    with pytest.raises(EmptyResultsError, match=r"\(batch_norm=true, seed 6\) was not kept: save_models = 'best'"):
        find_runs(results, [dropped.key])


def test_where_no_network_was_kept_the_first_reason_is_given(tmp_path: Path) -> None:
    invented.kept(invented.snapshot(), tmp_path)
    with pytest.raises(EmptyResultsError, match=r"\(baseline, seed 1\) was not kept"):
        find_runs(open_results(out=tmp_path))


@pytest.mark.parametrize(
    ("off", "agrees"),
    [
        ({}, True),
        ({"test_accuracy": 1 / 20}, True),  # one example of 20
        ({"test_accuracy": 2 / 20}, False),
        ({"test_accuracy": -2 / 20}, False),
        ({"test_loss": 5e-6}, True),
        ({"test_loss": 1e-3}, False),
        ({"val_loss": 1e-3}, False),
        ({"train_loss": -1e-3}, False),
    ],
    ids=str,
)
def test_a_score_agrees_with_its_record_up_to_rounding(results: Results, off: dict[str, float], agrees: bool) -> None:
    run = results.snapshot.planned[0]
    record = results.snapshot.records[run.key]
    score = {name: record.result[name] for part in PARTS for name in (f"{part}_accuracy", f"{part}_loss")}
    score |= {name: score[name] + value for name, value in off.items()}
    found = networks._scored(run, record, {**score, "loss_with_penalties": 9.0})
    assert found.agrees is agrees
    assert (found.run, found.treatment, found.seed, found.loss_with_penalties) == (run.key, "baseline", 1, 9.0)
    assert found.recorded_score == record.result["test_accuracy"]


def test_a_recorded_loss_that_is_not_finite_is_no_disagreement(results: Results) -> None:
    run = results.snapshot.planned[0]
    record = results.snapshot.records[run.key]
    record.result["test_loss"] = math.nan  # type: ignore[index]
    score = {name: record.result[name] for part in PARTS for name in (f"{part}_accuracy", f"{part}_loss")}
    score |= {"test_loss": 1.0, "loss_with_penalties": 1.0}
    assert networks._scored(run, record, score).agrees


def test_code_and_data_of_a_kept_study_lie_beside_its_study_file(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    monkeypatch.chdir(nowhere)
    assert networks._home(results.study, results.snapshot.planned) == tmp_path.parent.resolve()
    own = nowhere / "ablations.toml"
    own.write_text((tmp_path / "invented" / "study.toml").read_text())
    assert networks._home(results.study, results.snapshot.planned) == nowhere.resolve()
    own.write_text(own.read_text().replace('"invented"', '"another"'))
    assert networks._home(results.study, results.snapshot.planned) == tmp_path.parent.resolve()


def test_a_network_that_is_too_large_says_so(tmp_path: Path) -> None:
    made = invented.snapshot(finished=1)
    store = invented.kept(made, tmp_path)
    run = made.planned[0]
    (path,) = store.record_paths()
    path.unlink()
    store.commit(replace(invented.record(run), result={**invented.record(run).result, "parameters": 10**9}))
    with pytest.raises(EmptyResultsError, match="was not kept: it has more than 2,147,483,648 bytes"):
        find_runs(open_results(out=tmp_path), [run.key])


def test_a_fault_that_treatments_share_is_told_once() -> None:
    names = ["baseline", "dropout=0.5", "l2=0.1"]
    assert networks.named(names) == "baseline and 2 more treatments"
    assert networks.named(names[:2]) == "baseline and dropout=0.5"
    assert networks.named(names[:1]) == "baseline"


@pytest.mark.parametrize(
    ("off", "agrees"),
    [
        ({}, True),
        ({"val_roc_auc": 5e-6}, True),
        ({"val_roc_auc": 0.01}, False),
        ({"test_f1_macro": 0.01}, False),
        ({"test_f1_macro": 0.01, "test_accuracy": 1 / 20}, True),  # an answer on a border is another one
        ({"test_roc_auc": 0.01, "test_accuracy": 1 / 20}, False),  # which no probability moves with
    ],
    ids=str,
)
def test_scores_of_a_studys_metrics_are_compared_as_well(results: Results, off: dict[str, float], agrees: bool) -> None:
    run = results.snapshot.planned[0]
    plain = results.snapshot.records[run.key]
    own = {f"{part}_{name}": 0.8 for part in PARTS for name in ("f1_macro", "roc_auc")}
    settings = {**plain.settings, "scores": {"metrics": ["f1_macro", "roc_auc"], "gap": "accuracy"}}
    record = replace(plain, settings=settings, result={**plain.result, **own})
    names = ("accuracy", "loss", "f1_macro", "roc_auc")
    score = {f"{part}_{name}": record.result[f"{part}_{name}"] for part in PARTS for name in names}
    score |= {name: score[name] + value for name, value in off.items()}
    found = networks._scored(run, record, {**score, "loss_with_penalties": 9.0})
    assert found.agrees is agrees
    assert found.parts[-1].recorded_scores == {"f1_macro": 0.8, "roc_auc": 0.8}
    assert found.parts[-1].scores["f1_macro"] == score["test_f1_macro"]
