"""Histograms and moments, and what activations must look like at initialization for every scale of weights."""

import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ablate.results.record import Probe
from ablate.training import model as plain_model
from ablate.training.scores.probe import BINS, Prober, bin_range
from tests.conftest import study_of

WIDTH, DEPTH, INPUTS = 100, 5, 1000


def last_hidden(activation: str, stddev: float, seed: int) -> tuple[Probe, list[float]]:
    """The probe of the last of five hidden layers of 100 units, and the spread of all five, for normal inputs."""
    study = study_of(
        model={"hidden": [WIDTH] * DEPTH, "activation": activation},
        underfitting={"init": {"name": "random_normal", "stddev": stddev}},
    )
    model = plain_model.build(study.base, WIDTH, 10, seed)
    sample = tf.constant(np.random.default_rng(seed).normal(size=(INPUTS, WIDTH)), tf.float32)
    probes = [
        probe for probe in Prober(model, (WIDTH,), activation).look(sample, "initial") if probe.kind == "activations"
    ]
    hidden = [probe for probe in probes if probe.layer.startswith("hidden")]
    assert [probe.layer for probe in hidden] == [f"hidden {number}" for number in range(1, DEPTH + 1)]
    return hidden[-1], [probe.sd for probe in hidden]


def share_between(probe: Probe, low: float, high: float) -> float:
    edges = np.linspace(probe.low, probe.high, BINS + 1)
    inside = (edges[:-1] >= low - 1e-9) & (edges[1:] <= high + 1e-9)
    return float(np.array(probe.counts)[inside].sum() / sum(probe.counts))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_activations_at_initialization_show_the_scale_of_the_weights(seed: int) -> None:
    too_large, _ = last_hidden("sigmoid", 1.0, seed)
    assert too_large.saturated is not None
    assert too_large.saturated >= 0.55
    too_small, _ = last_hidden("sigmoid", 0.01, seed)
    assert share_between(too_small, 0.4, 0.6) >= 0.999
    xavier, _ = last_hidden("sigmoid", math.sqrt(1 / WIDTH), seed)
    assert xavier.saturated == 0
    assert 0.110 <= xavier.sd <= 0.135
    tanh, _ = last_hidden("tanh", 1.0, seed)
    assert tanh.saturated is not None
    assert tanh.saturated >= 0.80
    _, shrinking = last_hidden("relu", 0.01, seed)
    ratios = np.array(shrinking[1:]) / np.array(shrinking[:-1])
    assert ratios.mean() == pytest.approx(0.07, abs=0.01)
    he, _ = last_hidden("relu", math.sqrt(2 / WIDTH), seed)
    assert 0.65 <= he.sd <= 1.08
    assert he.dead is not None
    assert 0 <= he.dead < 0.15
    assert 0.35 < he.zeros < 0.65


@pytest.mark.parametrize("largest", [1e-9, 0.05, 0.5, 1.0, 1.5, 300.0])
@pytest.mark.parametrize("signed", [True, False])
def test_edges_are_powers_of_two_around_the_values(largest: float, signed: bool) -> None:
    low, high = bin_range(np.array([-largest if signed else 0.0, largest]))
    assert high >= largest > high / 2
    assert math.log2(high).is_integer()
    assert low == (-high if signed else 0.0)


def probes_of(kernel: Any) -> dict[str, Probe]:
    model = plain_model.build(study_of(model={"hidden": [3]}).base, 2, 2, 1)
    model.get_layer("dense_1").kernel.assign(kernel)
    found = Prober(model, (2,), "relu").look(tf.ones((4, 2)), "end")
    return {f"{probe.layer} {probe.kind}": probe for probe in found}


def test_moments_agree_with_scipy() -> None:
    from scipy import stats

    kernel = np.random.default_rng(3).gamma(2.0, size=(2, 3)).astype(np.float32)
    probe = probes_of(kernel)["hidden 1 weights"]
    values = kernel.astype(np.float64).ravel()
    assert probe.mean == pytest.approx(values.mean())
    assert probe.sd == pytest.approx(values.std())
    assert probe.skewness == pytest.approx(stats.skew(values))
    assert probe.kurtosis == pytest.approx(stats.kurtosis(values))
    assert probe.spectral_norm == pytest.approx(np.linalg.norm(values.reshape(2, 3), 2), rel=1e-5)  # float32's
    assert sum(probe.counts) == 6


def test_what_is_not_finite_is_counted_and_left_out() -> None:
    probe = probes_of([[math.nan, math.inf, 1.0], [0.0, -1.0, 2.0]])["hidden 1 weights"]
    assert probe.non_finite == 2
    assert sum(probe.counts) == 4
    assert (probe.minimum, probe.maximum, probe.zeros) == (-1.0, 2.0, 0.25)
    assert probe.spectral_norm is not None
    assert math.isnan(probe.spectral_norm)


def test_dead_units_and_constant_values() -> None:
    probes = probes_of([[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]])
    activations = probes["hidden 1 activations"]
    assert activations.dead == pytest.approx(2 / 3)
    assert activations.zeros == pytest.approx(2 / 3)
    zeros = probes_of(np.zeros((2, 3)))["hidden 1 weights"]
    assert zeros.sd == 0
    assert math.isnan(zeros.skewness)
    assert zeros.zeros == 1
