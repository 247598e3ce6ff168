"""What tracing took over of a model, so that a callback that changes it is noticed, and what it was traced to."""

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from ablate.training.networks import layers

_SIMPLE = (bool, int, float, str, type(None))
_OF_CALLS = {  # what Keras keeps in a model of the last call of its methods
    "history",
    "stop_training",
    "train_function",
    "test_function",
    "predict_function",
}


class Traced:
    """The attributes of a model, its optimizer and its layers, as they were when this was made.

    A compiled epoch holds what they were when it was traced. Weights, learning rate and whatever else is a variable may
    change; a layer that is frozen, an optimizer that is replaced or given an average of the weights, and a method of
    the user's own would be traced once and act on every later run, or not at all.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._before = {name: value for name, value, _ in _attributes(model)}

    def is_as_before(self) -> bool:
        """Whether nothing was replaced since; what somebody noted on a layer under a name of their own is nothing."""
        now = list(_attributes(self._model))
        if self._before.keys() - {name for name, _, _ in now}:
            return False
        return all(
            _same(value, self._before[name]) if name in self._before else not overrides
            for name, value, overrides in now
        )


def operations(model: keras.Model, shape: tuple[int, ...]) -> set[str]:
    """The kinds of TensorFlow's operations that a model's output is computed with.

    Args:
        model: any.
        shape: of one example, as it takes it.
    """
    example = tf.TensorSpec((1, *shape), layers.variable_dtype())
    graph = tf.function(lambda x: model(x, training=False), autograph=False).get_concrete_function(example).graph
    written = graph.as_graph_def()
    nodes = [written.node, *(function.node_def for function in written.library.function)]
    return {node.op for node in itertools.chain.from_iterable(nodes)}


def _attributes(model: keras.Model) -> Iterator[tuple[tuple[str, str], Any, bool]]:
    """What the parts of a model are made of, by part and name, and whether it hides something of the part's class."""
    for part, made in [("", model), ("optimizer", model.optimizer), *layers.walk(model)]:
        for name, value in vars(made).items():
            if name not in _OF_CALLS:
                yield (part, name), value, hasattr(type(made), name)


def _same(value: Any, before: Any) -> bool:
    return value is before or (isinstance(value, _SIMPLE) and type(value) is type(before) and value == before)
