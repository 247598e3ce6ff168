"""A trained network as a plain Keras model: ordinary layers, no trace of the program that trained it."""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from ablate.study.settings import RunSettings
from ablate.training import model as plain_model
from ablate.training.data import Scaling

Array = npt.NDArray[np.float32]

LAYERS = (keras.layers.Dense, keras.layers.BatchNormalization)  # those that hold what was learned


def weights_by_layer(trained: keras.Model) -> dict[str, Array]:
    """The weights of a network, as either trainer leaves it, by `layer/number`."""
    return {
        f"{layer.name}/{number}": weight
        for layer in trained.layers
        if isinstance(layer, LAYERS)
        for number, weight in enumerate(layer.get_weights())
    }


def plain_network(settings: RunSettings, scaling: Scaling, classes: int, weights: Mapping[str, Array]) -> keras.Model:
    """A network with trained weights, and with the scaling of features as its first layer.

    It takes features as they are in the data, is compiled with loss and metric objects, and needs nothing of this
    package to be loaded, evaluated or trained further. Its optimizer starts anew.

    Args:
        settings: of the run.
        scaling: what the run's features went through.
        classes: units of the output.
        weights: see `weights_by_layer`.
    """
    model = _network(settings, scaling.shift.numpy(), scaling.factor.numpy(), classes)
    put_weights(model, weights)
    remedies = settings.remedies.model_copy(update={"label_smoothing": 0.0})  # whose loss is a class of this package
    plain_model.compile_model(model, settings.model_copy(update={"remedies": remedies}), jit_compile="auto")
    return model


def put_weights(model: keras.Model, weights: Mapping[str, Array]) -> None:
    """Give a network the weights that `weights_by_layer` found in one of the same layers."""
    for layer in model.layers:
        if isinstance(layer, LAYERS):
            layer.set_weights([weights[f"{layer.name}/{number}"] for number in range(len(layer.weights))])


def read_weights(path: Path, settings: RunSettings, features: int, classes: int) -> dict[str, Array]:
    """The weights in a `.keras` file that `plain_network` was saved to; nothing but numbers is read of it.

    Args:
        path: the file.
        settings: of its run.
        features: numbers per example.
        classes: units of its output.
    """
    model = _network(settings, np.zeros(features, np.float32), np.ones(features, np.float32), classes)
    model.load_weights(path)
    return weights_by_layer(model)


def _network(settings: RunSettings, shift: Array, factor: Array, classes: int) -> keras.Model:
    network = plain_model.build(settings, len(shift), classes, seed=0)
    inputs = keras.Input((len(shift),), name="features")
    x = keras.layers.Rescaling(factor.tolist(), (-shift * factor).tolist(), name="scaling")(inputs)
    for layer in network.layers[1:]:
        x = layer(x)
    return keras.Model(inputs, x, name="network")
