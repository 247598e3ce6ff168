"""The layers of any Keras model, those of models inside it too: what they have learned, by name, and copies of them."""

from collections.abc import Iterator, Mapping
from copy import copy as shallow_copy
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ablate.errors import ModelError

Array = npt.NDArray[np.float32]

_POINT = keras.Input((1,))
FUNCTIONAL = type(
    keras.Model(_POINT, _POINT)
)  # the class that Keras makes of inputs and outputs; it has no public name


def variable_dtype() -> str:
    """The type that new layers keep their weights in: float32, unless Keras is told otherwise."""
    return str(keras.config.dtype_policy().variable_dtype)


def walk(model: keras.Model, inside: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """The layers of a model with their names, each once; those of a model inside it as `model/layer`."""
    seen: set[int] = set()
    for layer in model.layers:
        name = f"{inside}{layer.name}"
        if isinstance(layer, keras.Sequential | FUNCTIONAL):
            for inner, found in walk(layer, f"{name}/"):
                if id(found) not in seen:
                    seen.add(id(found))
                    yield inner, found
        elif id(layer) not in seen:
            seen.add(id(layer))
            yield name, layer


def graph_of(model: keras.Model) -> Any:
    """The graph of a model, which a sequential one keeps inside."""
    return model._functional if isinstance(model, keras.Sequential) else model  # noqa: SLF001 - what it is made of


def nodes(model: keras.Model) -> Iterator[Any]:
    """The uses of the layers and operations of a model, in the order of computation; Keras calls them nodes.

    Those of models inside it are not among them.
    """
    by_depth = graph_of(model)._nodes_by_depth  # noqa: SLF001 - Keras has no public way to the arguments of an operation
    for depth in sorted(by_depth, reverse=True):
        yield from (node for node in by_depth[depth] if node.operation and not node.is_input)


def arrays_in_operations(model: keras.Model) -> Iterator[tuple[str, Any]]:
    """The variables and arrays that operations of a model are called with, beside what flows through it, by operation.

    A copy of the model has the same ones, not its own.
    """
    for node in nodes(model):
        for value in keras.tree.flatten((node.arguments.args, node.arguments.kwargs)):
            if isinstance(value, keras.Variable | tf.Variable | tf.Tensor | np.ndarray):
                yield node.operation.name, value
        if isinstance(node.operation, keras.Sequential | FUNCTIONAL):
            yield from arrays_in_operations(node.operation)


def is_learned(layer: keras.layers.Layer) -> bool:
    """Whether a layer belongs to the network; the variables of a stand-in (see `surgery`) do not."""
    return not getattr(layer, "stands_in", False)


def learned_variables(model: keras.Model) -> list[keras.Variable]:
    """The variables of a network that `weights_by_layer` has the values of, in the same order."""
    return [variable for _, layer in walk(model) if is_learned(layer) for variable in layer.weights]


def weights_by_layer(model: keras.Model) -> dict[str, Array]:
    """The weights of a network, as any trainer leaves it, by `layer/number`."""
    return {
        f"{name}/{number}": weight
        for name, layer in walk(model)
        if is_learned(layer)
        for number, weight in enumerate(layer.get_weights())
    }


def put_weights(model: keras.Model, weights: Mapping[str, Array]) -> None:
    """Give a network weights that `weights_by_layer` found in one of the same layers.

    Raises:
        ModelError: they are of other layers.
    """
    for name, layer in walk(model):
        if layer.weights and is_learned(layer):
            try:
                layer.set_weights([weights[f"{name}/{number}"] for number in range(len(layer.weights))])
            except (KeyError, ValueError) as error:
                raise ModelError(f"the weights are not those of this network: layer '{name}', {error}") from None


def batch_norm_momentum(model: keras.Model) -> float | None:
    """The largest momentum of the moving averages that batch normalization keeps; `None` without any that does."""
    found = [
        float(layer.momentum)
        for _, layer in walk(model)
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    return max(found, default=None)


def parameters(model: keras.Model) -> int:
    """Weights of the network, trainable or not."""
    return sum(layer.count_params() for _, layer in walk(model) if layer.weights and is_learned(layer))


def settings(layer: keras.layers.Layer) -> dict[str, Any]:
    """What a layer says it was made with.

    Raises:
        ModelError: it cannot say.
    """
    try:
        found: dict[str, Any] = layer.get_config()
    except Exception as error:
        raise _not_copied(layer, error) from error
    return found


def copy(layer: keras.Operation, kind: Any = None, /, **changes: Any) -> keras.Operation:
    """A layer made anew from its settings, with some of them changed; functions are handed over as they are.

    Args:
        layer: what is copied.
        kind: the class of the copy; that of the layer by default.
        changes: settings that take the place of the layer's.

    What is no layer, such as the addition that Keras makes of `x + y` or the comparison behind a mask, has no weights
    and no seed, and is copied as it is.

    Raises:
        ModelError: its class cannot be made from what its `get_config` says.
    """
    if not isinstance(layer, keras.layers.Layer):
        found = shallow_copy(layer)
        found._inbound_nodes, found._outbound_nodes = [], []  # noqa: SLF001 - else it would hold every copy's graph
        return found
    config = settings(layer)
    try:
        functions = {key: getattr(layer, key) for key, value in config.items() if _is_function(value, layer, key)}
        return (kind or type(layer)).from_config({**config, **functions, **changes})
    except Exception as error:
        raise _not_copied(layer, error) from error


def _not_copied(layer: keras.layers.Layer, error: Exception) -> ModelError:
    why = " ".join(str(error).split())[:300]
    return ModelError(f"layer '{layer.name}' ({type(layer).__name__}) cannot be made from its get_config(): {why}")


def _is_function(value: Any, layer: keras.layers.Layer, key: str) -> bool:
    """Whether a setting is a function of the user's, for which Keras has a name that it may not find again."""
    written = isinstance(value, dict) and value.get("class_name") in ("function", "__lambda__")
    return (written or isinstance(layer, keras.layers.Activation)) and callable(getattr(layer, key, None))
