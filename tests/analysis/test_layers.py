"""What stands out inside networks: saturation, dead units, spread by depth, shape."""

import numpy as np
import pandas as pd
import pytest

from ablate.analysis.layers import findings, normal_distance
from ablate.settings.thresholds import Thresholds

BINS = 60


def row(layer="hidden 1", kind="activations", moment="initial", run="a", **changes):
    """One layer of one run, with nothing wrong."""
    normal = np.histogram(np.random.default_rng(1).normal(size=4000), bins=BINS, range=(-4, 4))[0]
    fields = {
        "treatment": "baseline", "seed": 1, "run": run, "activation": "sigmoid", "normalized": False, "layer": layer,
        "kind": kind, "moment": moment, "low": -4.0, "high": 4.0, "counts": tuple(normal), "mean": 0.0, "sd": 1.0,
        "saturated": np.nan, "dead": np.nan,
    }  # fmt: skip
    return fields | changes


def symptoms(*rows, **thresholds):
    found = findings(pd.DataFrame(rows), Thresholds(**thresholds))
    return found[["moment", "symptom", "layer"]].to_numpy().tolist()


def test_nothing_wrong_is_nothing_found():
    rows = [row(layer=f"hidden {number}", kind=kind) for number in (1, 2) for kind in ("weights", "activations")]
    assert symptoms(*rows, row(kind="weights", moment="end")) == []


def test_saturated_and_dead_layers_at_both_moments():
    assert symptoms(row(saturated=0.71, layer="hidden 3")) == [["initial", "saturated", "hidden 3"]]
    assert symptoms(row(saturated=0.71, moment="end")) == [["end", "saturated", "hidden 1"]]
    assert symptoms(row(saturated=0.71), saturated=0.8) == []
    assert symptoms(row(dead=0.4, activation="relu")) == [["initial", "dead units", "hidden 1"]]


@pytest.mark.parametrize(("last", "expected"), [(0.05, "fading"), (20.0, "growing"), (0.5, None)])
def test_spread_by_depth(last, expected):
    rows = [row(), row(layer="hidden 2", sd=last**0.5), row(layer="hidden 3", sd=last), row(layer="output", sd=99)]
    assert symptoms(*rows) == ([["initial", expected, "hidden 3"]] if expected else [])
    assert symptoms(*(each | {"normalized": True} for each in rows)) == []


def test_equal_weights_and_odd_shapes():
    assert symptoms(row(kind="weights", sd=0.0)) == [["initial", "equal weights", "hidden 1"]]
    heaps = tuple(1000 if place in (2, 57) else 0 for place in range(BINS))
    assert symptoms(row(kind="weights", moment="end", counts=heaps, sd=3.6)) == [["end", "not normal", "hidden 1"]]
    few = tuple(3 if place in (2, 57) else 0 for place in range(BINS))
    assert symptoms(row(kind="weights", moment="end", counts=few, sd=3.6)) == []


def test_most_runs_have_to_show_it():
    rows = [row(run=name, saturated=0.9 if name in "ab" else 0.1) for name in "abcd"]
    assert symptoms(*rows) == []
    found = findings(pd.DataFrame([*rows, row(run="e", saturated=0.8)]))
    assert found[["value", "runs", "of"]].to_numpy().tolist() == [[pytest.approx(2.6 / 3), 3, 5]]


def test_the_distance_from_a_normal_shape():
    random = np.random.default_rng(2)
    for values, expected in ((random.normal(size=100_000), 0.0), (random.uniform(-1, 1, 100_000), 0.0577)):
        counts, edges = np.histogram(values, bins=200)
        found = normal_distance(counts, edges[0], edges[-1], values.mean(), values.std())
        assert found == pytest.approx(expected, abs=0.006)
