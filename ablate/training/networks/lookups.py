"""Whether a network looks up whole numbers as they are, such as tokens: seen in what stands behind its input."""

from collections.abc import Iterator
from typing import Any

import keras

from ablate.training.networks.layers import graph_of
from ablate.usercode import tokens

_PASS_ON = {"InputLayer", "Reshape", "Flatten", "Permute", "RepeatVector", "Identity", "Cast", "ExpandDims", "Squeeze"}
_PASS_ON |= {"GetItem", "Transpose", "Swapaxes", "Moveaxis", "Ravel", "Split", "Repeat", "Tile", "Flip", "Roll", "Take"}
_LOOK_UP = {*tokens.LAYERS, "Embedding", "OneHot"}


def looks_up(model: keras.Model) -> str:
    """The layer that takes whole numbers from the input of a network as they are; empty if there is none.

    It looks at every way from the input, through layers that only reorder or repeat numbers, and into models.
    """
    if any(_is_whole(tensor.dtype) for tensor in model.inputs):
        return str(model.inputs[0].name)
    return next(_finds(model), "")


def _is_whole(dtype: str) -> bool:
    return str(dtype).startswith(("int", "uint"))


def _finds(model: keras.Model) -> Iterator[str]:
    """Layers that look up what comes in, of a model that may be inside another."""
    graph = graph_of(model)
    waiting, seen = list(graph.inputs), set()
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        for operation in graph.operations:
            for node in operation._inbound_nodes:  # noqa: SLF001 - Keras has no public way to a layer's inputs
                if any(each is tensor for each in node.input_tensors):
                    yield from _found(operation)
                    if type(operation).__name__ in _PASS_ON:
                        waiting += node.output_tensors


def _found(operation: Any) -> Iterator[str]:
    inner = operation.layer if isinstance(operation, keras.layers.Wrapper) else operation
    if type(inner).__name__ in _LOOK_UP or (not _is_of_keras(inner) and _has_embedding(inner)):
        yield operation.name
    elif isinstance(inner, keras.Model) and len(inner.inputs) == 1:
        yield from _finds(inner)


def _is_of_keras(operation: Any) -> bool:
    return type(operation).__module__.partition(".")[0] == "keras"


def _has_embedding(operation: Any) -> bool:
    """Whether a layer of the user's is made of embeddings, as one for tokens and their positions is."""
    parts = operation._flatten_layers(include_self=False) if isinstance(operation, keras.layers.Layer) else ()  # noqa: SLF001
    return any(isinstance(part, keras.layers.Embedding) for part in parts)
