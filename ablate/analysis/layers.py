"""What is wrong inside a network: saturated layers, dead units, spreads that fade or grow with depth, odd shapes."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from ablate.analysis.estimates import Floats
from ablate.settings.thresholds import DEFAULTS, Thresholds

Symptom = Literal["equal weights", "saturated", "dead units", "fading", "growing", "not normal"]
COLUMNS = ("treatment", "moment", "symptom", "layer", "activation", "value", "runs", "of")
MOMENTS = ("initial", "end")
LILLIEFORS = 0.886  # over the root of the number of values: what normal numbers exceed once in twenty times


@dataclass(frozen=True)
class _Finding:
    moment: str
    symptom: Symptom
    layer: str
    activation: str
    value: float


def findings(layers: pd.DataFrame, thresholds: Thresholds = DEFAULTS) -> pd.DataFrame:
    """What stands out in the layers of each treatment, at initialization and at the end.

    - `equal weights`: a kernel whose weights are all the same at initialization: its units learn the same.
    - `saturated`: more than a share of a layer's sigmoid outputs beyond 0.05 and 0.95, or tanh outputs beyond 0.95;
      `value` is the share (Glorot and Bengio 2010).
    - `dead units`: more than a share of a ReLU layer's units are zero for every example; `value` is the share.
    - `fading`, `growing`: the standard deviation of the activations falls, or rises, at initialization by more than
      a factor from the first hidden layer to the last; `value` is last divided by first. Not looked for where batch
      normalization stands between the layers.
    - `not normal`: a kernel's weights at the end are farther from a normal shape than their number explains; `value`
      is the distance.

    Args:
        layers: one row per run, layer, kind and moment; see `layers_table`.
        thresholds: where findings begin.

    Returns:
        One row per treatment, moment, symptom and layer, for symptoms that most of the treatment's runs show: `value`
        is their mean, `runs` how many runs show it, `of` how many there are. Treatments in their order.
    """
    rows: list[dict[str, Any]] = []
    for treatment, own in layers.groupby("treatment", sort=False):
        runs: dict[str, list[dict[Any, Any]]] = {}
        for row in own.to_dict("records"):
            runs.setdefault(row["run"], []).append(row)
        count = len(runs)
        tally: dict[tuple[str, Symptom, str, str], list[float]] = {}
        for run in runs.values():
            for found in _of_run(run, thresholds):
                name = (found.moment, found.symptom, found.layer, found.activation)
                tally.setdefault(name, []).append(found.value)
        for (moment, symptom, layer, activation), numbers in tally.items():
            if 2 * len(numbers) > count:
                entry = (str(treatment), moment, symptom, layer, activation, float(np.mean(numbers)), len(numbers))
                rows.append(dict(zip(COLUMNS, (*entry, count), strict=True)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def normal_distance(counts: Floats, low: float, high: float, mean: float, sd: float) -> float:
    """The largest difference between a histogram's distribution function and that of a normal of its mean and sd.

    Kolmogorov's distance, at the edges of the bins: 0 for a normal shape, about 0.06 for a uniform one.

    Args:
        counts: values per bin, shape (bins,).
        low: left edge of the first bin.
        high: right edge of the last one.
        mean: of the values.
        sd: of the values, above 0.
    """
    edges = np.linspace(low, high, len(counts) + 1)[1:-1]
    below = np.cumsum(counts)[:-1] / counts.sum()
    return float(np.abs(below - stats.norm.cdf(edges, mean, sd)).max())


def _of_run(run: Iterable[dict[Any, Any]], thresholds: Thresholds) -> Iterator[_Finding]:
    rows = [row for row in run if row["moment"] in MOMENTS]
    for row in rows:
        where = (row["layer"], row["activation"])
        distance = _distance(row) if row["kind"] == "weights" and row["moment"] == "end" else 0.0
        if row["kind"] == "weights" and row["sd"] == 0 and row["moment"] == "initial":
            yield _Finding("initial", "equal weights", *where, row["mean"])
        if distance > thresholds.normal_distance:
            yield _Finding("end", "not normal", *where, distance)
        if row["kind"] == "activations" and row["saturated"] > thresholds.saturated:
            yield _Finding(row["moment"], "saturated", *where, row["saturated"])
        if row["kind"] == "activations" and row["dead"] > thresholds.dead:
            yield _Finding(row["moment"], "dead units", *where, row["dead"])
    yield from _by_depth(rows, thresholds)


def _distance(row: Mapping[Any, Any]) -> float:
    """How far a kernel's weights are from a normal shape; 0 where as many normal numbers may be as far (19 of 20)."""
    counts = np.asarray(row["counts"], dtype=np.float64)
    if not counts.sum() or not 0 < row["sd"] < math.inf:
        return 0.0
    found = normal_distance(counts, row["low"], row["high"], row["mean"], row["sd"])
    return found if found > LILLIEFORS / math.sqrt(counts.sum()) else 0.0


def _by_depth(rows: list[dict[Any, Any]], thresholds: Thresholds) -> Iterator[_Finding]:
    """Whether the spread of the hidden layers' activations changes with depth at initialization."""
    hidden = [
        row
        for row in rows
        if row["kind"] == "activations" and row["moment"] == "initial" and row["layer"].startswith("hidden")
    ]
    if len(hidden) < 2 or any(row["normalized"] for row in hidden) or not hidden[0]["sd"] > 0:
        return
    ratio = hidden[-1]["sd"] / hidden[0]["sd"]
    if ratio < thresholds.fading:
        yield _Finding("initial", "fading", hidden[-1]["layer"], hidden[-1]["activation"], ratio)
    elif ratio * thresholds.fading > 1:
        yield _Finding("initial", "growing", hidden[-1]["layer"], hidden[-1]["activation"], ratio)
