"""What networks end in is seen in layers, operations, models inside, and activations that are layers."""

from typing import Any

import keras
import pytest

from ablate.training.networks import endings


def own(x: Any) -> Any:
    return x


def dense(activation: Any = None) -> keras.layers.Layer:
    return keras.layers.Dense(3, activation=activation)


@pytest.mark.parametrize(
    ("last", "named"),
    [
        ([dense()], "linear"),
        ([dense("softmax")], "softmax"),
        ([dense(keras.ops.sigmoid)], "sigmoid"),
        ([dense(), keras.layers.Softmax()], "softmax"),
        ([dense(), keras.layers.LeakyReLU()], "leaky_relu"),
        ([dense(keras.layers.PReLU())], "prelu"),
        ([dense(keras.layers.Activation("hard_sigmoid"))], "hard_sigmoid"),
        ([dense("sigmoid"), keras.layers.Dropout(0.5), keras.layers.Reshape((3, 1))], "sigmoid"),
        ([dense("relu"), keras.layers.Reshape((1, 3)), keras.layers.GlobalAveragePooling1D()], "relu"),
        ([keras.layers.Reshape((1, 4)), keras.layers.TimeDistributed(dense("tanh")), keras.layers.Flatten()], "tanh"),
        ([keras.Sequential([dense("tanh")]), keras.Sequential([keras.layers.Flatten()])], "tanh"),
        ([dense("tanh"), keras.layers.Rescaling(2.0)], ""),
        ([keras.layers.Flatten()], ""),
        ([dense(own)], f"{__name__}:own"),
    ],
)
def test_layers(last: list[keras.layers.Layer], named: str) -> None:
    assert endings.activation(keras.Sequential([keras.Input((4,)), *last])) == named


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (keras.ops.sigmoid, "sigmoid"),
        (keras.ops.leaky_relu, "leaky_relu"),
        (lambda x: keras.ops.expand_dims(keras.ops.softmax(x), 1)[:, 0], "softmax"),
        (lambda x: x + 1, ""),
    ],
)
def test_operations(function: Any, named: str) -> None:
    inputs = keras.Input((4,))
    assert endings.activation(keras.Model(inputs, function(dense()(inputs)))) == named


def test_a_layer_used_twice_is_seen_where_it_ends_the_network() -> None:
    inputs, shared = keras.Input((3,)), keras.layers.Dropout(0.1)
    output = shared(dense("sigmoid")(shared(inputs)))
    assert endings.activation(keras.Model(inputs, output)) == "sigmoid"
