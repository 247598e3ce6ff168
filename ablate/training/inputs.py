"""Whether a network takes its features as they are: whole numbers that it looks up, such as tokens or categories."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ablate.data.dataset import Dataset
from ablate.data.ondisk import OnDisk
from ablate.errors import ModelError
from ablate.settings.run import RunSettings
from ablate.training.blueprint import Blueprint
from ablate.usercode import tokens

ROWS = 4096  # that are shown to a network at once
LARGEST = 2**24  # below which float32 holds every whole number
_PASS_ON = {"InputLayer", "Reshape", "Flatten", "Permute", "RepeatVector", "Identity", "Cast", "ExpandDims", "Squeeze"}
_PASS_ON |= {"GetItem", "Transpose", "Swapaxes", "Moveaxis", "Ravel", "Split", "Repeat", "Tile", "Flip", "Roll", "Take"}
_LOOK_UP = {*tokens.LAYERS, "Embedding", "OneHot"}


def as_taken(dataset: Dataset, settings: RunSettings, blueprint: Blueprint | None, folder: Path) -> Dataset:
    """A data set with the scaling that a network can use: none, where it looks whole numbers up and nobody chose one.

    Args:
        dataset: the data; its arrays are shared.
        settings: of the treatment.
        blueprint: of its model, unless that is one of hidden layers.
        folder: of the study.

    Raises:
        ModelError: the numbers are too large to be held exactly; or nothing in the study's files shows that the network
            looks them up, so that older records of the run may be of scaled ones.
    """
    first = looks_up(blueprint.model) if blueprint else ""
    if not first:
        return dataset
    if not isinstance(dataset.x, OnDisk) and abs(dataset.x).max() >= LARGEST:
        message = f"layer '{first}' looks up whole numbers, and those from {LARGEST:,} on are not exact in float32"
        raise ModelError(f"{message}; give them smaller numbers")
    if dataset.automatic and dataset.pivots is not None:
        message = f"layer '{first}' looks up whole numbers, and a column has values that are not exact in float32"
        raise ModelError(f"{message} (a large offset); make it small, or say scale = 'none' under [data]")
    if not dataset.automatic or dataset.scale == "none":
        return dataset
    if not tokens.may_take(settings, folder):
        message = f"layer '{first}' looks up whole numbers, but is not named in the builder's module"
        raise ModelError(f"{message}; say scale = 'none' under [data]")
    return replace(dataset, scale="none", divisor=1.0, looked_up_by=first)


def check_range(model: keras.Model, dataset: Dataset) -> None:
    """See that a network has a row for every number that it looks up.

    It is shown all examples once, outside of XLA, which would take the nearest row for a number that has none. Features
    that are scaled because somebody chose that, and those that are not made of a table's columns yet, are passed over.

    Args:
        model: the network, of any weights.
        dataset: its data, as networks take it.

    Raises:
        ModelError: it has not.
    """
    are_as_taken = (dataset.automatic or dataset.scale == "none") and dataset.recipe is None and dataset.pivots is None
    name = looks_up(model)
    if not name or not are_as_taken:
        return
    for start in range(0, len(dataset.x), ROWS):
        rows = dataset.x[np.arange(start, min(start + ROWS, len(dataset.x)))].astype(np.float32)
        try:
            model(tf.cast(rows.reshape(-1, *model.input_shape[1:]), model.inputs[0].dtype), training=False)
        except tf.errors.InvalidArgumentError as error:
            detail = re.search(r"= (-?\d+) is not in (\[\d+, \d+\))", str(error))
            said = f": {detail[1]} is not in {detail[2]}" if detail else f" from {rows.min():g} to {rows.max():g}"
            message = f"layer '{name}' looks up whole numbers, and has no place for some of the data's{said}"
            raise ModelError(f"{message}; give it as many rows as there are numbers") from None


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
    graph = model._functional if isinstance(model, keras.Sequential) else model  # noqa: SLF001 - what it is made of
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
