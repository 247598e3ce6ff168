"""A trained network as a plain Keras model: ordinary layers, no trace of the program that trained it."""

import keras

from ablate.study.settings import RunSettings
from ablate.training import model as plain_model
from ablate.training.data import Scaling


def plain_copy(trained: keras.Model, settings: RunSettings, scaling: Scaling) -> keras.Model:
    """The network that `model.build` describes, with trained weights and with the scaling as its first layer.

    It takes features as they are in the data, is compiled with loss and metric objects, and needs nothing of this
    package to be loaded, evaluated or trained further. Its optimizer starts anew.

    Args:
        trained: the network as either trainer leaves it; layers of one name have the same weights in both.
        settings: of the run.
        scaling: what the run's features went through.
    """
    features, classes = trained.input_shape[1], trained.output_shape[1]
    network = plain_model.build(settings, features, classes, seed=0)
    inputs = keras.Input((features,), name="features")
    offset = -scaling.shift * scaling.factor
    x = keras.layers.Rescaling(scaling.factor.numpy().tolist(), offset.numpy().tolist(), name="scaling")(inputs)
    for layer in network.layers[1:]:
        x = layer(x)
        if layer.weights:
            layer.set_weights(trained.get_layer(layer.name).get_weights())
    copy = keras.Model(inputs, x, name="network")
    plain_model.compile_model(copy, settings, jit_compile="auto")
    return copy
