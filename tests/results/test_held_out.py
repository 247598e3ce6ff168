"""What records hold of the answers to the test set."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ablate.errors import StoreError
from ablate.results.held_out import HeldOut
from ablate.results.identity import canonical_json
from ablate.results.record import Record, _digest
from tests.results.builders import record

BINS = ((1.0,) * 15, (0.5,) * 15, (1.0,) * 15)
HELD_OUT = HeldOut(("no", "yes"), ((3, 1), (0, 2)), BINS)
METRICS = {"scores": {"metrics": ["f1"], "gap": "accuracy"}}


def measured(**changes: Any) -> Record:
    found = record()
    columns = {f"{side}_f1": [0.5, 0.6] for side in ("train", "val")}
    result = {f"{side}_f1": 0.6 for side in ("train", "val", "test")} | {"predicted_classes": 2}
    values = {
        "settings": {**found.settings, **METRICS},
        "history": {**found.history, **columns},
        "result": {**found.result, **result},
        "held_out": HELD_OUT,
    }
    return replace(found, **{**values, **changes})


def spoiled(path: tuple[Any, ...], value: Any) -> bytes:
    """A record with one value replaced, and the digest that it has then."""
    document = json.loads(measured().to_json())
    place = document["body"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return canonical_json({**document, "sha256": _digest(document["schema"], document["body"])})


def test_it_comes_back_as_it_was() -> None:
    found = Record.from_json(measured().to_json())
    assert found.held_out == HELD_OUT
    assert found.result["test_f1"] == 0.6


def test_records_without_it_are_written_as_they_always_were() -> None:
    document = json.loads(record().to_json())
    assert document["schema"] == 2
    assert "held_out" not in document["body"]
    assert json.loads(measured().to_json())["schema"] == 3


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("held_out", "confusion"), [[1, 2]], "as many columns as rows"),
        (("held_out", "confusion", 0), [-1, 2], "greater than or equal to 0"),
        (("held_out", "classes"), ["yes"], "a row for each class"),
        (("held_out", "calibration"), [[1.0] * 15], "should have three rows"),
        (("held_out", "calibration", 0), [1.0] * 14, "at least 15"),
        (("held_out", "calibration", 0, 3), "NaN", "valid number"),
        (("held_out", "more"), 1, "extra inputs"),
        (("history",), record().history, "history has no train_f1, val_f1"),
        (("result",), record().result, "result has no test_f1, train_f1, val_f1, predicted_classes"),
        (("result", "predicted_classes"), 1.5, "predicted_classes should be a whole number"),
        (("settings", "scores"), {"metrics": "f1"}, "should hold a list of metrics"),
        (("settings", "scores"), 3, "should be a valid dictionary"),
    ],
)
def test_what_no_run_writes_is_refused(path: tuple[Any, ...], value: Any, message: str) -> None:
    from ablate.results.record import _encode

    with pytest.raises(StoreError, match=message):
        Record.from_json(spoiled(path, _encode(value)))
