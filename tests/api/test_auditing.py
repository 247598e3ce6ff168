"""Records are trained again and compared bit for bit; a difference on the same machine and versions is a failure."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ablate import api
from ablate.api import auditing
from ablate.cli.store import command
from ablate.errors import EmptyResultsError
from ablate.results.record import Record
from ablate.results.store import Store
from tests.conftest import STUDIES
from tests.results import builders

TWO_RUNS = ["study.replicates=1", "underfitting.batch_norm=[false, true]", "overfitting={}"]


def change(store: Store, key: str, **changes: Any) -> None:
    """Write a record anew, as if that had been measured."""
    path = store.record_path(key)
    path.write_bytes(replace(Record.from_json(path.read_bytes()), **changes).to_json())


def verify(folder: Path) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(command, ["verify", str(folder), "--retrain", "5", "--seed", "1", "--json"])
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.slow
def test_runs_are_trained_again_and_what_was_measured_otherwise_is_told(tmp_path: Path) -> None:
    results = api.run(api.load(STUDIES / "tiny.toml", TWO_RUNS), jobs=1, out=tmp_path)
    code, document = verify(results.store.root)
    assert code == 0
    assert [each["verdict"] for each in document["retrained"]] == ["equal", "equal"]
    assert document["records"] == 2
    wrong, other = results.snapshot.records.values()
    losses = [*wrong.history["val_loss"][:-1], wrong.history["val_loss"][-1] * (1 + 2**-52)]
    change(results.store, wrong.key, history={**wrong.history, "val_loss": losses})
    change(results.store, other.key, environment={**other.environment, "numpy": "1.0"}, weights="ab" * 32)
    code, document = verify(results.store.root)
    found = {each["run"]: each for each in document["retrained"]}
    assert found[wrong.key]["verdict"] == "different"
    assert "val_loss from epoch 2 on" in found[wrong.key]["differences"][0]
    assert found[other.key]["verdict"] == "elsewhere"
    assert found[other.key]["environment"].keys() == {"numpy"}
    assert code == 74
    assert results.store.load(wrong.key).history["val_loss"] == losses  # type: ignore[union-attr]


def test_every_figure_is_compared_and_times_are_not() -> None:
    record = builders.record()
    later = replace(record, seconds={}, environment={}, history={**record.history, "seconds": [9.0, 9.0]})
    assert list(auditing._differences(record, later)) == []
    changes: dict[str, Any] = {
        "status": "diverged",
        "trainer": "fit",
        "result": {**record.result, "test_loss": 1.0},
        "weights": "ef" * 32,
        "probes": (replace(record.probes[0], sd=1.5),),
    }
    for name, value in changes.items():
        assert len(list(auditing._differences(record, replace(record, **{name: value})))) == 1, name
    for column in set(record.history) - {"seconds"}:
        other = replace(record, history={**record.history, column: [0.5, 0.6]})
        assert [text.partition(" ")[0] for text in auditing._differences(record, other)] == [column]
    shorter = replace(record, history={name: values[:1] for name, values in record.history.items()})
    assert "loss: 2 epochs then, 1 now" in list(auditing._differences(record, shorter))
    assert list(auditing._differences(replace(record, weights=""), record)) == []


def test_without_a_finished_run_nothing_is_measured(tmp_path: Path) -> None:
    results = api.run(api.load(STUDIES / "tiny.toml", TWO_RUNS), jobs=1, out=tmp_path, only=["batch_norm=true"])
    for path in results.store.record_paths():
        path.unlink()
    with pytest.raises(EmptyResultsError, match="no finished runs"):
        api.retrain(api.read_folder(results.store.root), 1)
