"""What the weights and activations of a model look like: histograms and moments, layer by layer."""

import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ablate.results.record import Moment, Probe
from ablate.training.networks import layers

BINS = 60
SATURATION = {"sigmoid": (0.05, 0.95), "tanh": (-0.95, 0.95)}
MOST_VALUES, FEWEST_ROWS = 2**20, 16  # of the outputs of one layer that are looked at, where they are images
SMALLEST_RANGE, LARGEST_RANGE = 2.0**-40, 2.0**40

Array = npt.NDArray[Any]
Outputs = dict[str, tuple[keras.KerasTensor, str]]  # by name, with the name of the activation


class Prober:
    """Looks at the layers of one model.

    Args:
        model: a model whose layers are named as `model.build` names them, or one of the user's.
        shape: of one example, as it takes it.
        activation: name of the hidden layers' activation; `None` for a model of the user's, whose layers go by their
            own names and have activations of their own.
        split: layers that are the activation of another, and shown by the name of that one.
    """

    def __init__(
        self, model: keras.Model, shape: tuple[int, ...], activation: str | None, split: Mapping[str, str] | None = None
    ) -> None:
        own = activation is None
        self._kernels = {
            name if own else _place(name): layer for name, layer in layers.walk(model) if _has_kernel(layer)
        }
        outputs = _activated(model, split or {}) if own else _block_outputs(model, str(activation))
        self._activations = {name: named for name, (_, named) in outputs.items()}
        tensors = [tensor for tensor, _ in outputs.values()]
        largest = max((math.prod(size) for tensor in tensors if len(size := _maps(tensor)) > 1), default=1)
        self._rows = max(FEWEST_ROWS, MOST_VALUES // largest)
        inner = keras.Model(model.inputs, tensors)
        any_batch = (tf.TensorSpec((None, *shape), layers.variable_dtype()),)
        self._learned = layers.learned_variables(model)
        self._forward = tf.function(lambda x: inner(x, training=False), input_signature=any_batch, autograph=False)

    def look(self, sample: tf.Tensor, moment: Moment) -> list[Probe]:
        """The distribution of every kernel, and of every block's activations for a sample.

        Args:
            sample: scaled features, shape (n, *shape); only some of them are looked at where a layer's output is an
                image, with a number for every unit and place.
            moment: of the training.
        """
        probes = []
        for name, layer in self._kernels.items():
            kernel = layer.kernel.numpy()
            matrix = kernel.reshape(-1, kernel.shape[-1])
            probes.append(_probe(kernel, name, "weights", moment, spectral_norm=_spectral_norm(matrix)))
        outputs = self._forward(sample[: self._rows])
        outputs = outputs if isinstance(outputs, list) else [outputs]
        for (name, activation), output in zip(self._activations.items(), outputs, strict=True):
            values = output.numpy()
            bounds = SATURATION.get(activation)
            saturated = float(np.mean((values < bounds[0]) | (values > bounds[1]))) if bounds else None
            axes = tuple(range(values.ndim - 1))
            dead = float(np.mean(np.all(values == 0, axis=axes))) if activation == "relu" else None
            probes.append(_probe(values, name, "activations", moment, saturated=saturated, dead=dead))
        return probes

    def look_back(self, sample: tf.Tensor, moments: Mapping[Moment, Sequence[Array]]) -> list[Probe]:
        """The same with the weights of several moments; the model has its own before and after.

        Args:
            sample: see `look`.
            moments: the values of `layers.learned_variables` by moment.
        """
        kept = [variable.numpy() for variable in self._learned]
        probes = []
        for moment, weights in moments.items():
            self._assign(weights)
            probes += self.look(sample, moment)
        self._assign(kept)
        return probes

    def _assign(self, weights: Sequence[Array]) -> None:
        for variable, weight in zip(self._learned, weights, strict=True):
            variable.assign(weight)


def _has_kernel(layer: keras.layers.Layer) -> bool:
    """Whether a layer has a matrix of weights, of two or more dimensions."""
    kernel = getattr(layer, "kernel", None)
    return isinstance(kernel, keras.Variable) and len(kernel.shape) > 1


def _block_outputs(model: keras.Model, activation: str) -> Outputs:
    """What comes out of the activation of every block (its last dense, if it has none) and of the output layer."""
    by_place: dict[str, keras.layers.Layer] = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Activation | keras.layers.Dense):
            place = _place(layer.name).rstrip("b")
            if not isinstance(by_place.get(place), keras.layers.Activation):
                by_place[place] = layer
    return {
        _place(layer.name): (layer.output, activation if isinstance(layer, keras.layers.Activation) else "")
        for layer in by_place.values()
    }


def _activated(model: keras.Model, split: Mapping[str, str]) -> Outputs:
    """What comes out of the layers of a user's model that end in an activation, and out of the model.

    Left out are layers of models inside it, and layers that are used several times.
    """
    found: Outputs = {}
    for layer in model.layers:
        if (named := _activation(layer)) not in ("", "linear"):
            with contextlib.suppress(AttributeError):  # it has several outputs
                found[split.get(layer.name, layer.name)] = layer.output, named
    return {**found, model.layers[-1].name: (model.outputs[0], "")}


def _activation(layer: keras.layers.Layer) -> str:
    """The name of the activation that a layer is or ends in; empty without one."""
    if isinstance(layer, keras.layers.ReLU):
        return "relu"
    return str(getattr(getattr(layer, "activation", None), "__name__", ""))


def _maps(tensor: keras.KerasTensor) -> tuple[int, ...]:
    """The shape of one example in the output of a layer; sizes that are not known count as 1."""
    return tuple(size or 1 for size in tensor.shape[1:])


def _place(name: str) -> str:
    kind, _, number = name.rpartition("_")
    return f"hidden {number}" if kind else name


def _spectral_norm(kernel: Array) -> float:
    with contextlib.suppress(np.linalg.LinAlgError), np.errstate(over="ignore"):  # weights close to overflow
        return float(np.linalg.norm(kernel, 2)) if np.isfinite(kernel).all() else math.nan
    return math.nan


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
