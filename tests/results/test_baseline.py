"""The stored baseline: its file, and everything that can be wrong with one."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ablate.errors import AblateError, NotComparableError, StoreError
from ablate.results import baseline
from ablate.results.baseline import Baseline, Kept, from_json, read
from ablate.results.identity import DataFacts, Identity, data_name
from ablate.studies import design
from tests import invented
from tests.conftest import study_of

COMMON = {"dropout": 0.0, "optimizer": {"name": "sgd"}, "training.epochs": 2}


def stored(**changes: Any) -> Baseline:
    rows = [
        ("baseline", 1, "ok", 0.1 + 0.2, False),
        ("baseline", 2, "diverged", math.nan, True),
        ("dropout=0.5", 1, "ok", 1 / 3, False),
    ]
    columns = ("treatment", "seed", "status", "epochs_to_val_loss_0.5", "epochs_to_val_loss_0.5_censored")
    values: dict[str, Any] = {
        "study": "tiny <&é>",
        "primary": "epochs_to_val_loss_0.5",
        "treatments": {
            "baseline": Kept(COMMON, "aa"),
            "dropout=0.5": Kept({**COMMON, "dropout": 0.5, "l1": 0.1}, "aa"),
            "plain": Kept({"dropout": 0.0}, "bb"),
        },
        "code": {"mine:act": "cc"},
        "versions": {"keras": "3.15.1"},
        "runs": baseline.table(rows, columns),
    }
    return Baseline(**{**values, **changes})


def test_what_is_written_is_read_back_exactly() -> None:
    there = stored()
    back = from_json(there.to_json())
    pd.testing.assert_frame_equal(back.runs, there.runs)
    assert {key: value for key, value in vars(back).items() if key != "runs"} == {
        key: value for key, value in vars(there).items() if key != "runs"
    }
    assert back.to_json() == there.to_json()


def test_the_file_has_a_line_for_each_run_and_treatment_and_is_small() -> None:
    lines = stored().to_json().decode().splitlines()
    assert '  ["baseline", 1, "ok", 0.30000000000000004, false],' in lines
    assert '  {"name": "dropout=0.5", "data": "aa", "differs": {"dropout": 0.5, "l1": 0.1}},' in lines
    assert '  {"name": "plain", "data": "bb", "differs": {"optimizer": null, "training.epochs": null}}' in lines
    names = [f"t{number}" for number in range(14)]
    rows = [(name, seed, "ok", *np.random.default_rng([seed, 1]).random(8)) for name in names for seed in range(10)]
    table = baseline.table(rows, ("treatment", "seed", "status", *(f"m{number}" for number in range(8))))
    assert len(stored(treatments=dict.fromkeys(names, Kept(COMMON, "aa")), runs=table).to_json()) < 40_000


def test_it_is_made_of_a_study_without_what_does_not_matter() -> None:
    study = study_of(study={"secondary": ["best_epoch", "seconds_train"]}, overfitting={"dropout": [0.0, 0.5]})
    treatments = design.treatments(study)
    data = {data_name(study.base.data): DataFacts("dd", 10, 2, 2, 0.5)}
    columns = ("seconds_train", "best_epoch", "test_accuracy", "val_loss", "parameters")
    runs = pd.DataFrame({"treatment": ["baseline"], "seed": [1], "status": ["ok"], **dict.fromkeys(columns, 1.0)})
    made = baseline.make(study, treatments, Identity({}, data), {"keras": "3"}, runs)
    assert list(made.runs.columns) == ["treatment", "seed", "status", "test_accuracy", "val_loss", "best_epoch"]
    base, other = made.treatments.values()
    assert base.data == "dd"
    assert "data.source" not in base.settings
    assert {key for key in base.settings if base.settings[key] != other.settings[key]} == {"dropout"}


def damaged(change: Callable[[dict[str, Any]], object], *, sign: bool = True) -> bytes:
    """A document that something was done to, with the digest that fits."""
    document = json.loads(stored().to_json())
    change(document)
    if sign:
        body = {key: value for key, value in document.items() if key not in ("ablate_baseline", "sha256")}
        document["sha256"] = baseline._head(body)["sha256"]
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "the key ablate_baseline is missing"),
        (b'{"schema": 1}', "the key ablate_baseline is missing"),
        (damaged(lambda document: document.update(study="other"), sign=False), "sha256: the digest does not match"),
        (damaged(lambda document: document.pop("runs")), "runs: field required"),
        (damaged(lambda document: document.update(more=1)), "more: extra inputs are not permitted"),
        (damaged(lambda document: document.update(versions={"keras": 3})), "versions.keras: input should be a valid"),
        (damaged(lambda document: document.update(treatments=[])), "treatments: list should have at least 1"),
        (damaged(lambda document: document["treatments"][0].pop("data")), "treatments.0.data: field required"),
        (damaged(lambda document: document["columns"].pop()), "columns: they do not fit the runs"),
        (damaged(lambda document: document["columns"].reverse()), "columns: they do not fit the runs"),
        (damaged(lambda document: document["runs"][0].__setitem__(3, "much")), "runs: could not convert"),
        (damaged(lambda document: document["runs"][0].__setitem__(1, None)), "runs: "),
        (damaged(lambda document: None).replace(b"0.30000000000000004", b"1e999"), "a damaged baseline"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_key_and_what_to_do(
    content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "baseline.json"
    path.write_bytes(content)
    with pytest.raises(AblateError) as caught:
        read(path)
    assert type(caught.value) is AblateError
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "'ablate check --save-baseline FILE' stores one anew" in str(caught.value)


def test_a_newer_one_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_bytes(damaged(lambda document: document.update(ablate_baseline=2, unknown="yes")))
    with pytest.raises(NotComparableError, match="ablate_baseline = 2: written by a newer version of ablate"):
        read(path)


def test_what_cannot_be_read_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        read(tmp_path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "absent.json")
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(baseline.LARGEST + 1)
    with pytest.raises(StoreError, match="more than the 16,000,000 that are read"):
        read(large)


def test_gaps_that_older_versions_stored_are_read_as_those_of_the_kept_weights():
    snapshot = invented.snapshot()
    found = baseline.of(snapshot, snapshot.runs, "1.0")
    older = replace(found, runs=found.runs.assign(gap=0.5))
    read = from_json(older.to_json())
    expected = found.runs["train_accuracy"] - found.runs["val_accuracy"]
    assert read.runs["gap"].to_numpy() == pytest.approx(expected.to_numpy())
