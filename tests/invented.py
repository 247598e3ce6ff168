"""Snapshots made by hand: real dataclasses, invented numbers, nothing trained.

For the tests of the report, the browser suite, `benchmarks/page.py` and `tools/screenshots`.
"""

import hashlib
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ablate.results import confirmation, entries
from ablate.results.held_out import HeldOut
from ablate.results.identity import DataFacts, Identity, PlannedRun, data_name, plan_runs
from ablate.results.record import Failure, Moment, Probe, Record
from ablate.results.snapshot import Snapshot
from ablate.results.store import Store
from ablate.settings import document
from ablate.settings.metrics import ALWAYS
from ablate.studies import design, spec

EPOCHS = 6
Floats = npt.NDArray[np.float64]
NUMBER = {"source": "diabetes", "task": "regression"}  # the data section of a regression
BINS = 60
MOMENTS: tuple[Moment, ...] = ("initial", "best", "end")
FAILURE = Failure("out of memory <b>", "File /home/somebody/work.py\nMemoryError", "2026-01-01T00:00:00+00:00")


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


def record(run: PlannedRun, *, status: str = "ok", path: str = "", layers: Sequence[str] = ("hidden 1",)) -> Record:
    """A record whose accuracies depend on its seed and on what its treatment changes, with probes of some layers."""
    epochs = run.treatment.settings.training.epochs
    random = np.random.default_rng([run.seed, len(run.treatment.name)])
    level = 0.9 + 0.03 * ("batch_norm" in run.treatment.changed) + 0.004 * random.normal()
    val = level - 0.5 * np.exp(-np.arange(epochs)) + 0.002 * random.normal(size=epochs)
    train = np.minimum(val + 0.02, 1.0)
    train_loss, val_loss = (2 * (1 - each) + 0.002 * random.random(epochs) for each in (train, val))
    history = {
        "loss": train_loss,
        "accuracy": train,
        "train_loss": train_loss,
        "train_accuracy": train,
        "val_loss": val_loss,
        "val_accuracy": val,
        "gap": train - val,
        "seconds": np.full(epochs, 0.01),
    }
    if run.treatment.settings.is_regression:
        history = _errors(val_loss, train_loss, run.treatment.settings.measured.score)
    columns = {name: [float(value) for value in values] for name, values in history.items()}
    if status == "diverged":
        columns["loss"][-1] = columns["val_loss"][-1] = math.nan
    result = {name: values[-1] for name, values in columns.items() if name != "seconds"}
    result |= {"best_epoch": epochs, "stopped_epoch": epochs}
    if run.treatment.settings.is_regression:
        result |= {f"test_{name}": result[f"val_{name}"] for name in ("loss", *ALWAYS["regression"])}
        true = np.linspace(50, 400, 40)
        numbers = (tuple(true), tuple(true + result["test_rmse"] * random.normal(size=40)))
    else:
        result |= {"test_loss": 1 - level, "test_accuracy": level}
        numbers = ()
    return Record(
        key=run.key,
        seed=run.seed,
        settings=run.treatment.settings.model_dump(mode="json", exclude_none=True),
        status=status,  # type: ignore[arg-type]
        trainer="compiled",
        history=columns,
        result=result | {"parameters": 100},
        probes=_probes(random, layers),
        weights="",
        seconds={"train": 0.1, "compile": 0.0, "total": 0.2},
        environment={"keras": "3.15.1", "machine": f"Linux x86_64{path}", "rows": {"train": 80, "test": 20}},
        held_out=HeldOut(numbers=numbers) if numbers else None,
    )


def _errors(val_loss: Floats, train_loss: Floats, score: str) -> dict[str, Floats]:
    """The columns of a regression whose target has a standard deviation of 75."""
    found = {"loss": train_loss * 75**2, "seconds": np.full(len(val_loss), 0.01)}
    for side, losses in (("train", train_loss), ("val", val_loss)):
        rmse = 75 * np.sqrt(losses)
        found |= {f"{side}_loss": rmse**2, f"{side}_rmse": rmse, f"{side}_mae": rmse * 0.8, f"{side}_r2": 1 - losses}
    worse = found[f"val_{score}"] - found[f"train_{score}"]
    return {**found, "gap": -worse if score == "r2" else worse}


def _probes(random: np.random.Generator, layers: Sequence[str]) -> tuple[Probe, ...]:
    """Bell-shaped weights and half bells of activations, wider with every moment."""
    middles = np.linspace(-4, 4, BINS)
    found = []
    for layer, (place, moment) in itertools.product(layers, enumerate(MOMENTS)):
        width = 1 + 0.3 * place
        weights = random.poisson(200 / width * np.exp(-((middles / width) ** 2) / 2))
        active = random.poisson(200 / width * np.exp(-(((middles + 4) / 2 / width) ** 2) / 2))
        about: dict[str, Any] = {"layer": layer, "moment": moment, "sd": width / 4}
        found.append(probe(tuple(map(int, weights)), **about))
        found.append(probe(tuple(map(int, active)), low=0.0, kind="activations", zeros=0.1, dead=0.2, **about))
    return tuple(found)


def snapshot(
    finished: int | None = None,
    diverged: Sequence[int] = (),
    failed: Sequence[int] = (),
    failure: Failure = FAILURE,
    layers: Sequence[str] = ("hidden 1",),
    path: str = "",
    **changes: Any,
) -> Snapshot:
    """The snapshot of a study document.

    Args:
        finished: how many planned runs have a record, all by default.
        diverged: places in the plan.
        failed: likewise.
        failure: of every failed run.
        layers: what there are probes of.
        path: appended to the machine's name.
        **changes: replace tables of the study file.
    """
    study = spec.build(study_document(**changes), Path("ablations.toml"))
    treatments = design.treatments(study)
    names = {data_name(treatment.settings.data) for treatment in treatments}
    classes = (0, 0.0) if study.base.is_regression else (10, 0.1)
    data = {name: DataFacts(hashlib.sha256(name.encode()).hexdigest(), 100, 64, *classes) for name in sorted(names)}
    identity = Identity({"keras": "3.15", "tensorflow": "2.21"}, data)
    planned = plan_runs(treatments, study.seeds, identity)
    kept = planned if finished is None else planned[:finished]
    records = {
        run.key: record(run, status="diverged" if place in diverged else "ok", path=path, layers=layers)
        for place, run in enumerate(kept)
        if place not in failed
    }
    failures = {planned[place].key: failure for place in failed}
    return Snapshot(study, tuple(planned), records, failures, identity)


def kept(made: Snapshot, reports: Path) -> Store:
    """What a run of a snapshot's study would have left in a folder of results."""
    store = Store(reports / made.study.name)
    store.prepare()
    store.write("study.toml", document.write(made.study.document()).encode())
    store.write_identity(made.identity)
    for each in (made, *([made.confirmation] if made.confirmation else [])):
        for finished in each.records.values():
            store.commit(finished)
        for key, failure in each.failures.items():
            store.record_failure(key, failure)
    return store


def confirmed(made: Snapshot, store: Store, best: str) -> list[PlannedRun]:
    """A study's best treatment and baseline with fresh seeds, trained to confirm it."""
    treatments = list({run.treatment.name: run.treatment for run in made.planned}.values())
    _, runs = confirmation.plan(made.study, treatments, best, made.identity, store.root.parent)
    entries.write(store, runs)
    for run in runs:
        store.commit(record(run))
    return runs


def large(treatments: int) -> Snapshot:
    """A grid of 50 or of 500 treatments, each with 10 replicates, 50 epochs and probes of four layers."""
    init = ["glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "random_normal"]
    underfitting: dict[str, Any] = {"batch_norm": [False, True], "init": init}
    overfitting: dict[str, Any] = {"dropout": [0.0, 0.1, 0.2, 0.3, 0.5]}
    if treatments == 500:
        underfitting |= {"optimizer": ["adam", "sgd"]}
        overfitting |= {"l2": [0.0, 1e-5, 1e-4, 1e-3, 1e-2]}
    made = snapshot(
        layers=("hidden 1", "hidden 2", "hidden 3", "output"),
        study={"name": f"grid-of-{treatments}", "design": "grid", "replicates": 10},
        model={"hidden": [64, 32, 64]},
        training={"epochs": 50},
        underfitting=underfitting,
        overfitting=overfitting,
    )
    if len(made.planned) != 10 * treatments:
        raise ValueError(f"a grid of 50 or of 500 treatments, not of {treatments}")
    return made
