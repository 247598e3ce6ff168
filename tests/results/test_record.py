"""Records survive their JSON, and damage to it does not go unnoticed."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate import api
from ablate.errors import StoreError
from ablate.results.held_out import HeldOut
from ablate.results.identity import canonical_json
from ablate.results.record import RECORD_SCHEMA, NewerRecordError, Record
from ablate.results.store import Store
from ablate.settings.metrics import ALWAYS, HISTORY_COLUMNS, Measured
from tests.results.builders import record

GOLDEN = Path(__file__).parents[1] / "golden"


def test_a_record_is_the_same_after_its_json() -> None:
    original = record()
    again = Record.from_json(original.to_json())
    assert again.to_json() == original.to_json()
    assert repr(again) == repr(original)


@given(st.lists(st.floats(), min_size=1, max_size=5))
def test_every_float_survives(values: list[float]) -> None:
    shares = dict.fromkeys(HISTORY_COLUMNS, [0.5] * len(values))
    again = Record.from_json(record(history={**shares, "loss": values}).to_json())
    assert list(map(repr, again.history["loss"])) == list(map(repr, values))


def test_the_document_is_strict_json() -> None:
    constants: list[str] = []
    json.loads(record().to_json(), parse_constant=constants.append)
    assert constants == []


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        ("history", {"val_accuracy": [0.5, 1.2]}),
        ("history", {"accuracy": [-0.1, 0.5]}),
        ("history", {"gap": [0.5, math.inf]}),
        ("history", {"seconds": [-1.0, 0.5]}),
        ("result", {"test_accuracy": 87.5}),
        ("result", {"train_accuracy": 2**53}),
        ("result", {"gap": -1.5}),
        ("seconds", {"total": -1.0}),
        ("seconds", {"train": math.inf}),
    ],
    ids=str,
)
def test_a_column_holds_what_its_kind_can_be(table: str, changes: dict[str, Any]) -> None:
    (name,) = changes
    text = record(**{table: {**getattr(record(), table), **changes}}).to_json()
    with pytest.raises(StoreError, match=rf"{name} in {table} should be from -?[01] to "):
        Record.from_json(text)
    rounded = {"val_accuracy": [0.5, 1.0 + 2**-22], "accuracy": [math.nan, 0.5]}  # sums in single precision
    kept = record(history={**record().history, **rounded})
    assert Record.from_json(kept.to_json()).history["val_accuracy"] == rounded["val_accuracy"]


@pytest.mark.parametrize("section", [[1], 3, "x", None])
def test_settings_are_tables(section: Any) -> None:
    text = record(settings={"training": {"epochs": 2}, "remedies": section}).to_json()
    with pytest.raises(StoreError, match=r"settings\.remedies: input should be a valid dictionary"):
        Record.from_json(text)


@pytest.mark.parametrize("position", range(0, 2000, 97))
def test_a_flipped_bit_is_noticed(position: int) -> None:
    text = bytearray(record().to_json())
    text[position % len(text)] ^= 4
    with pytest.raises(StoreError):
        Record.from_json(bytes(text))


@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_a_truncated_record_is_noticed(share: float) -> None:
    text = record().to_json()
    with pytest.raises(StoreError):
        Record.from_json(text[: int(len(text) * share)])


def newer(key: str) -> dict[str, Any]:
    """The document of a record as a later version might write it."""
    body = {**json.loads(record(key).to_json())["body"], "invented": "later"}
    content = {"schema": RECORD_SCHEMA + 1, "body": body}
    return {**content, "sha256": hashlib.sha256(canonical_json(content)).hexdigest()}


def test_a_newer_schema_asks_for_an_upgrade() -> None:
    """Its digest covers the number, so that a damaged number is not taken for a newer version."""
    document = newer("ab" * 32)
    with pytest.raises(NewerRecordError, match="upgrade ablate to read it"):
        Record.from_json(json.dumps(document).encode())
    with pytest.raises(StoreError, match="digest"):
        Record.from_json(json.dumps({**document, "schema": RECORD_SCHEMA + 2}).encode())


@pytest.mark.parametrize("schema", range(1, RECORD_SCHEMA + 1))
def test_records_of_every_schema_are_read(schema: int) -> None:
    """A folder as every version has left it; what its page says is compared with what it said then."""
    folder = GOLDEN / f"store-{schema}"
    store = Store(folder)
    paths = sorted(folder.rglob("runs/*/*.json"))
    assert len(paths) == 2
    for path in paths:
        document = json.loads(path.read_bytes())
        assert document["schema"] == schema
        found = store.load(path.stem)
        assert found is not None
        assert found.result == document["body"]["result"]
        assert bool(found.weights) == (schema >= 2)
        assert json.loads(found.to_json())["schema"] == (3 if found.held_out else 2)  # as older versions read it
    assert store.damaged == []
    results = api.open_results(folder / "study.toml")
    assert results.snapshot.missing == 0
    assert results.runs["treatment"].tolist() == ["baseline", "dropout=0.5"]


def numbers(**changes: Any) -> Record:
    """The record of a regression."""
    measured = Measured(ALWAYS["regression"], "rmse", "regression")
    scores = {"metrics": [*ALWAYS["regression"]], "gap": "rmse"}
    result = dict.fromkeys(measured.result, 0.5) | dict.fromkeys(measured.whole, 1)
    values: dict[str, Any] = {
        "settings": {"data": {"task": "regression"}, "training": {"epochs": 2}, "scores": scores},
        "history": {name: [0.5, 0.25] for name in measured.history},
        "result": result,
        "held_out": HeldOut(numbers=((1.0, 2.0), (1.5, 1e9))),
    }
    return record(**{**values, **changes})


def test_the_record_of_a_regression_comes_back_with_its_predictions() -> None:
    made = numbers()
    assert Record.from_json(made.to_json()) == made
    assert made.headline == ("test_rmse", 0.5)
    assert record().headline == ("test_accuracy", 0.9)


@pytest.mark.parametrize(
    ("held_out", "message"),
    [
        (HeldOut(numbers=((1.0, 2.0),)), "two rows of one length"),
        (HeldOut(numbers=((1.0, 2.0), (1.0,))), "two rows of one length"),
        (HeldOut(numbers=((1.0,) * 1001,) * 2), "at most 1000"),
    ],
)
def test_predictions_that_no_run_made_are_damage(held_out: HeldOut, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        Record.from_json(numbers(held_out=held_out).to_json())


def test_the_record_of_a_regression_without_its_columns_is_damaged() -> None:
    history = {name: values for name, values in numbers().history.items() if name != "val_r2"}
    with pytest.raises(StoreError, match="history has no val_r2"):
        Record.from_json(numbers(history=history).to_json())
