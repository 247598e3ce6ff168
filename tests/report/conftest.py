"""Snapshots made by hand: real dataclasses, invented numbers, nothing trained."""

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.results.identity import DataFacts, Identity, PlannedRun, data_name, plan_runs
from ablate.results.record import Failure, Moment, Probe, Record
from ablate.results.snapshot import Snapshot
from ablate.study import design, spec

Make = Callable[..., Snapshot]
EPOCHS = 6


def study_document(**changes: Any) -> dict[str, Any]:
    """A small study file; every argument replaces a table of it."""
    document = {
        "study": {"name": "invented", "replicates": 6},
        "data": {"source": "digits"},
        "model": {"hidden": [8, 4]},
        "training": {"epochs": EPOCHS},
        "underfitting": {"batch_norm": [False, True]},
        "overfitting": {"dropout": [0.0, 0.5]},
    }
    return document | changes


def probe(counts: tuple[int, ...], reach: float = 1.0, low: float | None = None, **changes: Any) -> Probe:
    """A probe of the first hidden layer's weights with the given counts."""
    fields: dict[str, Any] = {
        "layer": "hidden 1",
        "kind": "weights",
        "moment": "initial",
        "low": -reach if low is None else low,
        "high": reach,
        "counts": counts,
        "mean": 0.0,
        "sd": reach / 4,
        "skewness": 0.0,
        "kurtosis": 0.0,
        "minimum": -reach,
        "maximum": reach,
        "zeros": 0.0,
        "saturated": None,
        "dead": None,
        "spectral_norm": 1.0,
        "non_finite": 0,
    }
    return Probe(**(fields | changes))


def _probes(random: np.random.Generator) -> tuple[Probe, ...]:
    counts = tuple(int(count) for count in random.integers(1, 50, 60))
    moments: tuple[Moment, ...] = ("initial", "best", "end")
    weights = [probe(counts, moment=moment) for moment in moments]
    activations = [probe(counts, low=0.0, kind="activations", moment=moment, zeros=0.1, dead=0.2) for moment in moments]
    return (*weights, *activations)


def record(run: PlannedRun, *, status: str = "ok", path: str = "") -> Record:
    """A record whose accuracies depend on its seed and on what its treatment changes."""
    random = np.random.default_rng([run.seed, len(run.treatment.name)])
    level = 0.9 + 0.03 * ("batch_norm" in run.treatment.changed) + 0.004 * random.normal()
    val = level - 0.5 * np.exp(-np.arange(EPOCHS))
    train = np.minimum(val + 0.02, 1.0)
    history = {
        "loss": 1 - train,
        "accuracy": train,
        "train_loss": 1 - train,
        "train_accuracy": train,
        "val_loss": 1 - val,
        "val_accuracy": val,
        "gap": train - val,
        "seconds": np.full(EPOCHS, 0.01),
    }
    columns = {name: [float(value) for value in values] for name, values in history.items()}
    if status == "diverged":
        columns["loss"][-1] = columns["val_loss"][-1] = math.nan
    result = {name: values[-1] for name, values in columns.items() if name != "seconds"}
    result |= {"test_loss": 1 - level, "test_accuracy": level, "best_epoch": EPOCHS, "stopped_epoch": EPOCHS}
    return Record(
        key=run.key,
        seed=run.seed,
        settings=run.treatment.settings.model_dump(mode="json", exclude_none=True),
        status=status,  # type: ignore[arg-type]
        trainer="compiled",
        history=columns,
        result=result | {"parameters": 100},
        probes=_probes(random),
        weights="",
        seconds={"train": 0.1, "compile": 0.0, "total": 0.2},
        environment={"keras": "3.15.1", "machine": f"Linux x86_64{path}", "rows": {"train": 80, "test": 20}},
    )


@pytest.fixture
def make() -> Make:
    """A function that makes a snapshot of a study document.

    Its arguments: `finished`, how many planned runs have a record (all by default); `diverged` and `failed`, places
    in the plan; further ones replace tables of the study file.
    """

    def snapshot(
        finished: int | None = None, diverged: tuple[int, ...] = (), failed: tuple[int, ...] = (), **changes: Any
    ) -> Snapshot:
        study = spec.build(study_document(**changes), Path("ablations.toml"))
        treatments = design.treatments(study)
        facts = DataFacts(hashlib.sha256(b"rows").hexdigest(), 100, 64, 10, 0.1)
        data = {data_name(treatment.settings.data): facts for treatment in treatments}
        identity = Identity({"keras": "3.15", "tensorflow": "2.21"}, data)
        planned = plan_runs(treatments, study.seeds, identity)
        kept = planned if finished is None else planned[:finished]
        records = {
            run.key: record(run, status="diverged" if place in diverged else "ok")
            for place, run in enumerate(kept)
            if place not in failed
        }
        failure = Failure("out of memory <b>", "File /home/somebody/work.py\nMemoryError", "2026-01-01T00:00:00+00:00")
        return Snapshot(study, tuple(planned), records, {planned[place].key: failure for place in failed}, identity)

    return snapshot


@pytest.fixture
def make_probe() -> Callable[..., Probe]:
    """The function `probe`."""
    return probe
