"""Metrics made of others: the gap that a history shows, and figures of single layers."""

import numpy as np
import pandas as pd
import pytest

from ablate.analysis.claims import judge
from ablate.analysis.derived import share, with_derived
from ablate.studies.file import Claim

RUNS = pd.DataFrame(
    {
        "seed": [1, 2],
        "run": ["a", "b"],
        "status": ["ok", "diverged"],
        "accuracy": [0.9, 0.8],
        "val_accuracy": [0.95, 0.7],
    }
)


def layer(run, number, sd, moment="initial", kind="activations", **changes):
    fields = {"run": run, "layer": f"hidden {number}", "kind": kind, "moment": moment, "sd": sd, "saturated": 0.25}
    return fields | {"low": 0.0, "high": 1.0, "counts": (0,) * 24 + (10,) * 12 + (0,) * 24} | changes


LAYERS = pd.DataFrame(
    [
        layer("a", 1, 0.8),
        layer("a", 2, 0.4),
        layer("a", 2, 0.1, moment="end"),
        layer("a", 2, 7.0, kind="weights"),
        layer("b", 1, 0.5),
        layer("a", 1, 0.8),  # a second treatment that shares its runs
        layer("a", 2, 0.4),
    ]
)


def values(metric):
    return with_derived(RUNS, LAYERS, metric)[metric].tolist()


def test_the_running_gap_is_what_fit_prints():
    assert values("running_gap") == pytest.approx([-0.05, 0.1])


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("initial_activations_sd_hidden_2", 0.4),
        ("end_activations_sd_hidden_2", 0.1),
        ("initial_weights_sd_hidden_2", 7.0),
        ("initial_activations_saturated_hidden_2", 0.25),
        ("initial_activations_sd_ratio_hidden_2", 0.5),
        ("initial_activations_share_0.4_to_0.6_hidden_2", 1.0),
        ("initial_activations_share_-1_to_0.5_hidden_2", 0.5),
    ],
)
def test_figures_of_a_layer(metric, expected):
    first, second = values(metric)
    assert first == pytest.approx(expected)
    assert np.isnan(second)


def test_other_metrics_are_left_alone():
    assert with_derived(RUNS, LAYERS, "accuracy") is RUNS


def test_a_share_counts_a_part_of_the_bins_that_it_cuts():
    row = {"low": 0.0, "high": 60.0, "counts": (1,) * 60}
    assert share(row, 0.0, 60.0) == 1
    assert share(row, 1.5, 4.5) == pytest.approx(3 / 60)
    assert share(row, -5.0, 1.0) == pytest.approx(1 / 60)
    assert np.isnan(share({**row, "counts": (0,) * 60}, 0, 1))


def test_the_initial_layers_of_a_diverged_run_count():
    runs = pd.DataFrame({"seed": range(1, 7), "run": list("abcdef"), "status": ["diverged"] * 6})
    rows = [layer(run, 1, 0.5 + place / 100) for place, run in enumerate(runs["run"])]
    for metric, verdict in (
        ("initial_activations_sd_hidden_1", "supported"),
        ("end_weights_sd_hidden_1", "inconclusive"),
    ):
        moment, kind = metric.split("_")[:2]
        layers = pd.DataFrame([{**row, "moment": moment, "kind": kind} for row in rows])
        claim = Claim(says="it is so", metric=metric, treatment={}, between=[0.4, 0.7])
        assert judge(claim, with_derived(runs, layers, metric), {}, None, []).verdict == verdict
