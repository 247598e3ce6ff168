"""Records made by hand, for tests that need no training."""

import io
import math
import zipfile
from typing import Any

from ablate.results.record import Probe, Record
from ablate.settings.metrics import HISTORY_COLUMNS


def record(key: str = "ab" * 32, **changes: Any) -> Record:
    """A record of two epochs with one NaN in it."""
    values: dict[str, Any] = {
        "key": key,
        "seed": 1,
        "settings": {"training": {"epochs": 2}},
        "status": "ok",
        "trainer": "compiled",
        "history": {name: [0.5, math.nan if name == "val_loss" else 0.1 + 0.2] for name in HISTORY_COLUMNS},
        "result": {
            "test_accuracy": 0.9,
            "test_loss": math.inf,
            "gap": 0.01,
            "best_epoch": 1,
            "stopped_epoch": 2,
            "accuracy": 0.8,
            "loss": 0.3,
            "train_accuracy": 0.91,
            "train_loss": 0.2,
            "val_accuracy": 0.9,
            "val_loss": 0.25,
            "parameters": 42,
        },
        "probes": (
            Probe(
                layer="output",
                kind="weights",
                moment="initial",
                low=-1.0,
                high=1.0,
                counts=(0,) * 59 + (3,),
                mean=0.0,
                sd=1.0,
                skewness=math.nan,
                kurtosis=-math.inf,
                minimum=-1.0,
                maximum=1.0,
                zeros=0.0,
                saturated=None,
                dead=None,
                spectral_norm=1.5,
                non_finite=0,
            ),
        ),
        "weights": "cd" * 32,
        "seconds": {"train": 0.1, "compile": 0.0, "total": 0.2},
        "environment": {"keras": "3.15.1"},
    }
    return Record(**{**values, **changes})


def network(**changes: bytes | None) -> bytes:
    """A `.keras` file as Keras lays it out, without a network in it."""
    parts = {"metadata.json": b"{}", "config.json": b"{}", "model.weights.h5": b"\x89HDF" * 500, **changes}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name, part in parts.items():
            if part is not None:
                made.writestr(name, part)
    return content.getvalue()
