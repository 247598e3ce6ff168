"""A snapshot: what is asked and what is there, at one moment."""

from pathlib import Path

import pandas as pd

from ablate.results import snapshot
from tests import invented


def test_what_a_store_holds_is_what_was_kept(tmp_path: Path) -> None:
    made = invented.snapshot(finished=10, failed=(2,))
    store = invented.kept(made, tmp_path)
    found = snapshot.take(made.study, made.planned, made.identity, store)
    assert found.records.keys() == made.records.keys()
    assert found.failures == made.failures
    pd.testing.assert_frame_equal(found.runs, made.runs)


def test_a_failure_counts_until_there_is_a_record(tmp_path: Path) -> None:
    made = invented.snapshot(failed=(2,))
    key = made.planned[2].key
    store = invented.kept(made, tmp_path)
    store.commit(invented.record(made.planned[2]))
    found = snapshot.take(made.study, made.planned, made.identity, store)
    assert key in found.records
    assert found.failures == {}


def test_runs_of_another_study_in_the_folder_are_left_out(tmp_path: Path) -> None:
    made = invented.snapshot()
    store = invented.kept(made, tmp_path)
    found = snapshot.take(made.study, made.planned[:3], made.identity, store)
    assert len(found.records) == 3


def test_missing_runs_are_counted_once_however_many_treatments_share_them() -> None:
    made = invented.snapshot(finished=10)
    assert made.missing == 8
    twice = snapshot.Snapshot(made.study, made.planned * 2, made.records, {}, made.identity)
    assert twice.missing == 8


def test_levels_that_the_design_does_not_use_are_no_levels_of_the_tables() -> None:
    dropout = [0.0, 0.5, 0.9]
    made = invented.snapshot(overfitting={"dropout": dropout}, exclude=[{"dropout": 0.9}])
    assert made.levels == {"batch_norm": ["false", "true"], "dropout": ["0", "0.5"]}
    assert made.factor_names == ["batch_norm", "dropout"]


def test_guessing_is_known_for_the_data_of_every_run() -> None:
    made = invented.snapshot()
    assert made.largest_class == dict.fromkeys((run.key for run in made.planned), 0.1)


def test_only_a_pairwise_design_is_for_coverage_alone() -> None:
    assert invented.snapshot(study={"name": "pairs", "design": "pairwise", "replicates": 1}).is_coverage_only
    assert not invented.snapshot().is_coverage_only
