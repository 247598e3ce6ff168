"""The layers of any model: found by name however deep they lie, and copied with nothing lost."""

from typing import Any

import keras
import numpy as np
import pytest

from ablate.errors import ModelError
from ablate.training.networks import layers


def nested() -> keras.Model:
    """A model with another one inside that is used twice, and with a layer that has no weights."""
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, name="a"), keras.layers.ReLU()], name="inner")
    given = keras.Input((3,))
    twice = inner(inner(given))
    return keras.Model(given, keras.layers.Dense(2, name="b")(twice), name="outer")


def test_layers_are_named_by_where_they_lie_and_each_is_there_once() -> None:
    names = [name for name, layer in layers.walk(nested()) if layer.weights]
    assert names == ["inner/a", "b"]


def test_weights_come_back_into_a_network_of_the_same_layers() -> None:
    one, other = nested(), nested()
    weights = layers.weights_by_layer(one)
    assert list(weights) == ["inner/a/0", "inner/a/1", "b/0", "b/1"]
    layers.put_weights(other, weights)
    for kept, found in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(found, kept)


@pytest.mark.parametrize("change", ["missing", "shape"])
def test_weights_of_another_network_are_refused_by_the_layer(change: str) -> None:
    weights = layers.weights_by_layer(nested())
    if change == "missing":
        del weights["b/1"]
    else:
        weights["b/0"] = np.zeros((7, 7), np.float32)
    with pytest.raises(ModelError, match="the weights are not those of this network: layer 'b'"):
        layers.put_weights(nested(), weights)


def test_parameters_are_those_that_keras_counts() -> None:
    model = nested()
    assert layers.parameters(model) == model.count_params() == 12 + 8


def test_what_stands_in_for_a_layer_is_not_learned() -> None:
    model = nested()
    model.get_layer("b").stands_in = True
    assert list(layers.weights_by_layer(model)) == ["inner/a/0", "inner/a/1"]
    assert layers.parameters(model) == 12


def own(x: Any) -> Any:
    return x + 1


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Dense(3, activation=own, kernel_regularizer=keras.regularizers.L2(0.1), name="d"),
        keras.layers.Activation(own, name="act"),
        keras.layers.Dropout(0.25, seed=3, name="drop"),
        keras.layers.LeakyReLU(negative_slope=0.3, name="leaky"),
    ],
    ids=lambda layer: layer.name,
)
def test_a_copy_has_the_settings_and_the_functions_of_the_layer(layer: keras.layers.Layer) -> None:
    made = layers.copy(layer)
    assert made is not layer
    assert made.name == layer.name
    for name in ("activation", "rate", "seed", "negative_slope", "units"):
        assert getattr(made, name, None) == getattr(layer, name, None)
    assert getattr(made, "activation", None) is getattr(layer, "activation", None)


def test_a_copy_may_be_changed() -> None:
    made = layers.copy(keras.layers.Dropout(0.25, name="drop"), rate=0.75)
    assert (made.rate, made.name) == (0.75, "drop")


class Odd(keras.layers.Layer):
    """A layer that does not say what it was made with."""

    def __init__(self, width: int, **rest: Any) -> None:
        super().__init__(**rest)
        self.width = width

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


def test_a_layer_that_hides_what_it_was_made_with_is_named() -> None:
    with pytest.raises(ModelError, match=r"(?s)layer 'odd' \(Odd\) cannot be made from its get_config\(\): .*width"):
        layers.copy(Odd(3, name="odd"))
