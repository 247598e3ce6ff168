"""What a network ends in: the function that its outputs come out of, as far as layers and operations show it."""

import re
from typing import Any

import keras

from ablate.training.networks.layers import FUNCTIONAL, graph_of

_PASSED = {  # layers and operations after which values are what they were, or between those that they were
    "ActivityRegularization", "AlphaDropout", "Dropout", "Flatten", "GaussianDropout", "GaussianNoise", "Identity",
    "Permute", "Reshape", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
    "ExpandDims", "GetItem", "Ravel", "Squeeze", "StopGradient", "Transpose",
    *(f"{pooled}Pooling{rank}D" for pooled in ("Average", "Max", "GlobalAverage", "GlobalMax") for rank in (1, 2, 3)),
}  # fmt: skip
_LAYERS = (keras.layers.Softmax, keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU)
_OPERATIONS = {"absolute", "arctan", "clip", "cos", "exp", "sin", "sqrt", "square"}  # beside `keras.activations`


def last(model: keras.Model) -> Any:
    """The layer or operation that a model's output comes out of, seen through models and what only passes values on.

    Returns:
        `None` if nothing else stands between the input and the output.
    """
    return _before(graph_of(model).outputs[0])


def activation(model: keras.Model) -> str:
    """The name of the function that a model ends in.

    Returns:
        The name that Keras has for it, `linear` for a layer whose activation does nothing; `module:name` for one that
        is not Keras' own. Empty where the model ends in something else, as a sum.
    """
    return _function(last(model))


def _before(tensor: Any) -> Any:
    """What a tensor comes out of, in its model; likewise."""
    operation, node, place = tensor._keras_history  # noqa: SLF001 - where Keras keeps what a tensor came from
    if isinstance(operation, keras.layers.InputLayer):
        return None
    came_from = operation._inbound_nodes[node].input_tensors[0]  # noqa: SLF001 - likewise
    if isinstance(operation, keras.Sequential | FUNCTIONAL):
        inside = _before(graph_of(operation).outputs[place])
        return _before(came_from) if inside is None else inside
    return _before(came_from) if _passes_on(operation) else operation


def _function(operation: Any) -> str:
    """The function that comes last in a layer or an operation, named as `activation` does; empty without one."""
    if isinstance(operation, keras.layers.TimeDistributed | keras.layers.SpectralNormalization):
        return _function(operation.layer)
    if isinstance(operation, keras.Model):
        return activation(operation) if isinstance(operation, keras.Sequential | FUNCTIONAL) else ""
    if isinstance(operation, _LAYERS):
        return _spelled(operation)
    function = getattr(operation, "activation", None)
    if isinstance(function, keras.layers.Layer):
        return _function(function) or _full_name(type(function))
    if callable(function):
        return function.__name__ if _is_keras_own(function) else _full_name(function)
    name = "" if isinstance(operation, keras.layers.Layer) else _spelled(operation)
    return name if name in _OPERATIONS or hasattr(keras.activations, name) else ""


def _passes_on(operation: Any) -> bool:
    return any(kind.__name__ in _PASSED and _is_keras_own(kind) for kind in type(operation).__mro__)


def _spelled(operation: Any) -> str:
    """The class of an operation, as Keras spells functions: `leaky_relu` of `LeakyReLU`."""
    name = type(operation).__name__.replace("LU", "lu")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _is_keras_own(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).startswith("keras.") and hasattr(function, "__name__")


def _full_name(named: Any) -> str:
    return f"{getattr(named, '__module__', '')}:{getattr(named, '__name__', type(named).__name__)}"
