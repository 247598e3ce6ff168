"""Tables: one row per run, one per epoch, missing things missing."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ablate.analysis import effects
from ablate.errors import EmptyResultsError
from ablate.results import export, table
from ablate.results.identity import PlannedRun
from ablate.results.record import Failure
from ablate.results.snapshot import Snapshot
from ablate.results.store import Store
from ablate.results.table import countable, histories_table, runs_table
from ablate.settings.metrics import HISTORY_COLUMNS
from ablate.studies import design
from tests import invented
from tests.conftest import study_of
from tests.results.builders import record
from tests.results.test_identity import identity_for

STUDY = study_of(study={"replicates": 2}, overfitting={"dropout": [0.0, 0.5]})


def planned() -> list[PlannedRun]:
    names = iter("abcd")
    return [
        PlannedRun(treatment, seed, next(names) * 64) for seed in STUDY.seeds for treatment in design.treatments(STUDY)
    ]


def snapshot() -> Snapshot:
    runs = planned()
    records = {run.key: record(run.key, seed=run.seed) for run in runs[:2]}
    failures = {runs[2].key: Failure("broke", "", "")}
    return Snapshot(STUDY, tuple(runs), records, failures, identity_for(STUDY.base))


def test_runs_have_a_row_each_and_pending_ones_none() -> None:
    runs = snapshot().runs
    assert runs["dropout"].tolist() == ["0", "0.5", "0"]
    assert runs["status"].tolist() == ["ok", "ok", "failed"]
    assert runs["run"].tolist() == [run.key for run in planned()[:3]]
    assert runs["best_epoch"].tolist()[:2] == [1, 1]
    assert runs["best_epoch"].isna().tolist() == [False, False, True]
    assert pd.isna(runs["test_accuracy"].iloc[2])
    assert snapshot().missing == 2


def test_histories_have_a_row_per_epoch_from_one() -> None:
    histories = snapshot().histories
    assert histories["epoch"].tolist() == [1, 2, 1, 2]
    assert list(histories.columns[-len(HISTORY_COLUMNS) :]) == list(HISTORY_COLUMNS)
    assert histories["loss"].iloc[1] == 0.1 + 0.2


def test_nothing_finished_gives_empty_tables_with_all_columns() -> None:
    assert list(table.runs_table(["dropout"], planned(), {}).columns) == list(snapshot().runs.columns)
    assert list(table.histories_table(["dropout"], planned(), {}).columns) == list(snapshot().histories.columns)


def test_csv_keeps_full_precision_and_names_what_is_missing(tmp_path: Path) -> None:
    runs_path, histories_path = export.write(snapshot(), Store(tmp_path), "csv")
    assert (runs_path.name, histories_path.name) == ("runs.csv", "histories.csv")
    again = pd.read_csv(histories_path)
    assert again["loss"].tolist() == snapshot().histories["loss"].tolist()
    assert ",NaN," in histories_path.read_text()
    assert "inf" not in runs_path.read_text()
    assert pd.read_csv(runs_path)["test_loss"].isna().all()


def test_json_has_null_for_what_is_missing(tmp_path: Path) -> None:
    runs_path, _ = export.write(snapshot(), Store(tmp_path), "json")
    rows = json.loads(runs_path.read_text())
    assert rows[2]["test_accuracy"] is None
    assert rows[0]["test_loss"] is None
    assert rows[0]["seed"] == 1
    assert rows[0]["best_epoch"] == 1
    assert rows[2]["best_epoch"] is None


def test_json_keeps_full_precision(tmp_path: Path) -> None:
    _, histories_path = export.write(snapshot(), Store(tmp_path), "json")
    assert json.loads(histories_path.read_text())[1]["loss"] == 0.1 + 0.2


def test_text_that_looks_like_a_formula_is_quoted() -> None:
    cells = pd.DataFrame({"=a": ["=cmd|x", "+1", "-1", "@x", "\t=x", "fine"], "n": [-1.0, 1, 2, 3, 4, 5]})
    lines = export.to_csv(cells).splitlines()
    assert lines[1:] == ["'=cmd|x,-1.0", "'+1,1.0", "'-1,2.0", "'@x,3.0", "'\t=x,4.0", "fine,5.0"]


def test_an_empty_study_exports_nothing(tmp_path: Path) -> None:
    empty = Snapshot(STUDY, tuple(planned()), {}, {}, identity_for(STUDY.base))
    with pytest.raises(EmptyResultsError, match="ablate run"):
        export.write(empty, Store(tmp_path), "csv")


def test_what_no_run_can_measure_is_missing_and_warns_of_nothing() -> None:
    """Infinite losses are measured; squares of 1e308 are not numbers."""
    given = np.array([1e308, -1e308, 3e38, np.inf, -np.inf, np.nan, 0.5])
    np.testing.assert_array_equal(countable(given), [np.nan, np.nan, 3e38, np.inf, -np.inf, np.nan, 0.5])
    content = invented.snapshot()
    first, *others = content.records.values()
    huge = replace(
        first,
        history={name: [1e308] * len(values) for name, values in first.history.items()},
        result={**first.result, "test_accuracy": 1e308, "test_loss": -1e308},
        seconds=dict.fromkeys(first.seconds, 1e308),
    )
    records = {record.key: record for record in (huge, *others)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runs = runs_table(content.factor_names, content.planned, records)
        histories = histories_table(content.factor_names, content.planned, records)
        effects.effects(runs, content.levels)
    assert runs[runs["run"] == first.key][["test_accuracy", "test_loss", "seconds"]].isna().all(axis=None)
    assert histories[histories["run"] == first.key]["val_loss"].isna().all()


def test_compiling_is_no_part_of_the_training_time():
    run = next(iter(invented.snapshot().planned))
    usual = invented.record(run)
    epochs = [7.0, *[0.5] * (len(usual.history["seconds"]) - 1)]
    history = {**usual.history, "seconds": epochs}
    for compiled, expected in ((6.8, 0.5 * len(epochs)), (0.0, sum(epochs))):
        seconds = {"train": sum(epochs), "compile": compiled, "total": 20.0}
        found = runs_table([], [run], {run.key: replace(usual, history=history, seconds=seconds)})
        assert found["seconds_train"][0] == pytest.approx(expected)
        assert found["seconds_compile"][0] == compiled


def test_the_gap_is_that_of_the_kept_weights_whatever_a_record_says():
    """Records say the mean of the last epochs where the last one was kept; that is no figure of the kept weights."""
    run = next(iter(invented.snapshot().planned))
    usual = invented.record(run)
    result = {**usual.result, "train_accuracy": 0.98, "val_accuracy": 0.9, "gap": 0.5}
    found = runs_table([], [run], {run.key: replace(usual, result=result)})
    assert found["gap"][0] == pytest.approx(0.08)
