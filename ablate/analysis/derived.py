"""Metrics that are made of what is recorded, for claims: figures of single layers, and the gap that a history shows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ablate.studies.layer_metrics import RUNNING_GAP, LayerMetric, layer_metric


def with_derived(runs: pd.DataFrame, layers: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The runs table with a column for a metric that is made of others.

    - `running_gap`: `accuracy` minus `val_accuracy`, as `fit` prints them: the first is averaged over the epoch, while
      the weights move and dropout is active, the second is taken at its end in inference mode.
    - `initial_activations_sd_hidden_1` and alike: see `LayerMetric`. Runs without such a layer have NaN.

    Args:
        runs: one row per run.
        layers: one row per run, layer, kind and moment; see `layers_table`.
        metric: any metric; those that are columns of `runs` already leave it as it is.
    """
    if metric == RUNNING_GAP:
        return runs.assign(**{metric: runs["accuracy"] - runs["val_accuracy"]})
    asked = layer_metric(metric)
    if asked is None:
        return runs
    figures = _figures(layers[(layers["moment"] == asked.moment) & (layers["kind"] == asked.kind)], asked)
    return runs.assign(**{metric: runs["run"].map(figures).astype("float64")})


def share(row: Mapping[Any, Any], low: float, high: float) -> float:
    """The share of a histogram's values from `low` to `high`, taken as evenly spread within the bins that these cut.

    Args:
        row: `low`, `high` and `counts` of a `Probe`; the edges are powers of two, or 0.
        low: smallest value that counts.
        high: largest one.
    """
    counts = np.asarray(row["counts"], dtype=np.float64)
    if not counts.sum():
        return float("nan")
    edges = np.linspace(row["low"], row["high"], len(counts) + 1)
    below = np.interp([low, high], edges, np.concatenate([[0.0], np.cumsum(counts)]))
    return float((below[1] - below[0]) / counts.sum())


def _figures(rows: pd.DataFrame, asked: LayerMetric) -> dict[str, float]:
    """The figure of every run that has the layer, by key."""
    once = rows.drop_duplicates(["run", "layer"])  # treatments that train identically share their runs
    own = once[once["layer"] == asked.layer]
    if asked.statistic == "share":
        return {row["run"]: share(row, asked.low, asked.high) for row in own.to_dict("records")}
    if asked.statistic != "sd_ratio":
        return dict(zip(own["run"], own[asked.statistic].astype("float64"), strict=True))
    before = once[once["layer"] == f"hidden {asked.number - 1}"].set_index("run")["sd"]
    ratios = own.set_index("run")["sd"] / before
    return {str(run): float(ratio) for run, ratio in ratios.items() if np.isfinite(ratio)}
