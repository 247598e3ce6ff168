"""Tidy pandas tables of a study: one row per run, and one per run and epoch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ablate.results.identity import PlannedRun
from ablate.results.record import LARGEST, Probe, Record
from ablate.settings.metrics import SECONDS_COLUMNS, USUAL, Measured, gap


def runs_table(
    factors: Sequence[str],
    runs: Iterable[PlannedRun],
    records: Mapping[str, Record],
    failed: Iterable[str] = (),
    measured: Measured = USUAL,
) -> pd.DataFrame:
    """One row per finished or failed run, in the order of the plan.

    Args:
        factors: names of the study's factors.
        runs: the planned runs; those neither finished nor failed have no row.
        records: finished runs by key.
        failed: keys of runs whose latest attempt failed.
        measured: what the study measures.

    Returns:
        Columns: one per factor (labels of levels), `treatment`, `seed`, `run` (the key), `trainer`, `status`
        (`ok`, `diverged`, `failed`), `Measured.result` (shares and losses; epochs count from 1), `seconds` in all,
        `seconds_compile` (of the run that compiled its program) and `seconds_train` (of all epochs; the first epoch of
        such a run counts as the mean of its others, since treatments should not differ by who came first). The gap is
        that of the kept weights, as every other figure. Missing numbers are NaN, missing whole numbers `<NA>`.
    """
    failed = set(failed)
    rows = []
    for run in runs:
        record = records.get(run.key)
        if record is None and run.key not in failed:
            continue
        row = _names(run)
        if record is None:
            rows.append({**row, "status": "failed"})
            continue
        seconds = {
            "seconds": record.seconds["total"],
            "seconds_compile": record.seconds["compile"],
            "seconds_train": _train_seconds(record),
        }
        figures = {**record.result, "gap": gap(record.result, measured.score)}
        rows.append({**row, "trainer": record.trainer, "status": record.status, **figures, **seconds})
    columns = [*factors, "treatment", "seed", "run", "trainer", "status", *measured.result, *SECONDS_COLUMNS]
    return as_runs_table(pd.DataFrame(rows, columns=columns), measured)


def _train_seconds(record: Record) -> float:
    """Seconds of all epochs, without the time that compiling took."""
    epochs = countable(np.asarray(record.history["seconds"], dtype=np.float64))
    if not record.seconds["compile"] or len(epochs) < 2:
        return record.seconds["train"]
    return float(np.mean(epochs[1:])) * len(epochs)


def as_runs_table(table: pd.DataFrame, measured: Measured = USUAL) -> pd.DataFrame:
    """A table with the columns of `runs_table`, and with their types: missing numbers are NaN or `<NA>`."""
    whole = measured.whole
    numbers = {name: "Int64" if name in whole else "float64" for name in (*measured.result, *SECONDS_COLUMNS)}
    found = table.astype(numbers)
    floats = [name for name, kind in numbers.items() if kind == "float64"]
    return found.assign(**{name: countable(found[name].to_numpy()) for name in floats})


def countable(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Numbers whose fourth powers can be added up; what is larger, and finite, was not measured and becomes NaN."""
    return np.where((np.abs(numbers) > LARGEST) & np.isfinite(numbers), np.nan, numbers)


def histories_table(
    factors: Sequence[str], runs: Iterable[PlannedRun], records: Mapping[str, Record], measured: Measured = USUAL
) -> pd.DataFrame:
    """One row per finished run and epoch, in the order of the plan.

    Returns:
        Columns: one per factor, `treatment`, `seed`, `run`, `trainer`, `epoch` (from 1) and `Measured.history`
        (losses, accuracies as shares, `gap` = train minus validation accuracy in inference mode, seconds).
    """
    columns = [*factors, "treatment", "seed", "run", "trainer", "epoch", *measured.history]
    kept = [(run, records[run.key]) for run in runs if run.key in records]
    if not kept:
        return pd.DataFrame(columns=columns)
    # Column by column: a frame of its own for every run takes most of the time of a large study's page.
    names = pd.DataFrame([{**_names(run), "trainer": record.trainer} for run, record in kept])
    counts = [len(record.history["loss"]) for _, record in kept]
    table = names.loc[names.index.repeat(counts)].reset_index(drop=True)
    table["epoch"] = np.concatenate([np.arange(1, count + 1) for count in counts])
    for name in measured.history:
        table[name] = countable(
            np.concatenate([np.asarray(record.history[name], dtype=np.float64) for _, record in kept])
        )
    return table[columns]


def layers_table(runs: Iterable[PlannedRun], records: Mapping[str, Record]) -> pd.DataFrame:
    """One row per finished run, layer, kind and moment, in the order of the plan: see `Probe`.

    Returns:
        Columns: `treatment`, `seed`, `run`, `activation` (of the hidden layers; `linear` for the output; empty in a
        model of the user's), `normalized` (whether a hidden layer has a normalization) and the fields of `Probe`;
        missing shares are NaN.
    """
    rows = []
    for run in runs:
        record = records.get(run.key)
        if record is None:
            continue
        settings = run.treatment.settings
        normalized = any(level != "none" for level in settings.normalizations[1])
        names = {"treatment": run.treatment.name, "seed": run.seed, "run": run.key, "normalized": normalized}
        for probe in record.probes:
            activation = "linear" if probe.layer == "output" else settings.model.activation
            activation = activation if settings.model.hidden else ""
            rows.append({**names, "activation": activation, **vars(probe)})
    columns = ["treatment", "seed", "run", "activation", "normalized", *(field.name for field in fields(Probe))]
    found = pd.DataFrame(rows, columns=columns).astype({"saturated": "float64", "dead": "float64"})
    floats = found.select_dtypes("float64")
    return found.assign(**{str(name): countable(floats[name].to_numpy()) for name in floats})


def _names(run: PlannedRun) -> dict[str, Any]:
    return {**run.treatment.levels, "treatment": run.treatment.name, "seed": run.seed, "run": run.key}
