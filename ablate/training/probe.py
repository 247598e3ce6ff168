"""What the weights and activations of a model look like: histograms and moments, layer by layer."""

import math
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ablate.results.record import Moment, Probe

BINS = 60
SATURATION = {"sigmoid": (0.05, 0.95), "tanh": (-0.95, 0.95)}
SMALLEST_RANGE, LARGEST_RANGE = 2.0**-40, 2.0**40

Array = npt.NDArray[Any]


class Prober:
    """Looks at the layers of one model.

    Args:
        model: a model whose layers are named as `model.build` names them.
        activation: name of the hidden layers' activation.
    """

    def __init__(self, model: keras.Model, activation: str) -> None:
        self._kernels = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
        self._outputs = _block_outputs(model)
        self._activation = activation
        inner = keras.Model(model.inputs, [layer.output for layer in self._outputs])
        any_batch = (tf.TensorSpec((None, model.input_shape[1])),)
        self._forward = tf.function(lambda x: inner(x, training=False), input_signature=any_batch, autograph=False)

    def look(self, sample: tf.Tensor, moment: Moment) -> list[Probe]:
        """The distribution of every kernel, and of every block's activations for a sample.

        Args:
            sample: scaled features, shape (n, features).
            moment: of the training.
        """
        probes = []
        for layer in self._kernels:
            kernel = layer.kernel.numpy()
            probes.append(_probe(kernel, _place(layer), "weights", moment, spectral_norm=_spectral_norm(kernel)))
        outputs = self._forward(sample)
        for layer, output in zip(self._outputs, outputs if isinstance(outputs, list) else [outputs], strict=True):
            values = output.numpy()
            activated = isinstance(layer, keras.layers.Activation)
            bounds = SATURATION.get(self._activation) if activated else None
            saturated = float(np.mean((values < bounds[0]) | (values > bounds[1]))) if bounds else None
            dead = float(np.mean(np.all(values == 0, axis=0))) if activated and self._activation == "relu" else None
            probes.append(_probe(values, _place(layer), "activations", moment, saturated=saturated, dead=dead))
        return probes


def _block_outputs(model: keras.Model) -> list[keras.layers.Layer]:
    """The activation of every block (its last dense, if it has none) and the output layer."""
    by_place: dict[str, keras.layers.Layer] = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Activation | keras.layers.Dense):
            place = _place(layer).rstrip("b")
            if not isinstance(by_place.get(place), keras.layers.Activation):
                by_place[place] = layer
    return list(by_place.values())


def _place(layer: keras.layers.Layer) -> str:
    kind, _, number = str(layer.name).rpartition("_")
    return f"hidden {number}" if kind else str(layer.name)


def _spectral_norm(kernel: Array) -> float:
    return float(np.linalg.norm(kernel, 2)) if np.isfinite(kernel).all() else math.nan


def bin_range(values: Array) -> tuple[float, float]:
    """Edges for a histogram: the next power of two on both sides of zero, or from zero if nothing is negative.

    With such edges the bins of any two histograms coincide or nest, so that replicates can be added up.
    """
    largest = float(np.max(np.abs(values), initial=0.0))
    reach = 2.0 ** math.ceil(math.log2(min(max(largest, SMALLEST_RANGE), LARGEST_RANGE)))
    return (-reach if values.size and values.min() < 0 else 0.0), reach


def _probe(
    values: Array,
    layer: str,
    kind: Literal["weights", "activations"],
    moment: Moment,
    *,
    saturated: float | None = None,
    dead: float | None = None,
    spectral_norm: float | None = None,
) -> Probe:
    flat = values.astype(np.float64).ravel()
    finite = flat[np.isfinite(flat)]
    low, high = bin_range(finite)
    counts, _ = np.histogram(np.clip(finite, low, high), bins=BINS, range=(low, high))
    mean, sd, skewness, kurtosis = _moments(finite)
    return Probe(
        layer=layer,
        kind=kind,
        moment=moment,
        low=low,
        high=high,
        counts=tuple(int(count) for count in counts),
        mean=mean,
        sd=sd,
        skewness=skewness,
        kurtosis=kurtosis,
        minimum=float(finite.min()) if finite.size else math.nan,
        maximum=float(finite.max()) if finite.size else math.nan,
        zeros=float(np.mean(finite == 0)) if finite.size else math.nan,
        saturated=saturated,
        dead=dead,
        spectral_norm=spectral_norm,
        non_finite=int(flat.size - finite.size),
    )


def _moments(values: Array) -> tuple[float, float, float, float]:
    """Mean, standard deviation (population), skewness and excess kurtosis; NaN where they are not defined."""
    if not values.size:
        return math.nan, math.nan, math.nan, math.nan
    mean = float(values.mean())
    centred = values - mean
    square = centred * centred
    variance = float(square.mean())
    if variance == 0:
        return mean, 0.0, math.nan, math.nan
    skewness = float((square * centred).mean()) / variance**1.5
    return mean, math.sqrt(variance), skewness, float((square * square).mean()) / variance**2 - 3
