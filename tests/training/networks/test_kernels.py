"""The kernels of layers, those in wrappers too, and what is changed in their settings."""

import keras
from keras import layers as kl

from ablate.training.networks import kernels, layers


def test_every_kernel_of_a_wrapped_layer_is_changed() -> None:
    wrapped = kl.Bidirectional(kl.GRU(3, recurrent_initializer="orthogonal"))
    penalty = {"regularizer": keras.regularizers.L2(0.5)}
    found = layers.copy(wrapped, **kernels.changed(wrapped, penalty, recurrent=True))
    for part in (found.forward_layer, found.backward_layer):
        assert (part.kernel_regularizer.l2, part.recurrent_regularizer.l2) == (0.5, 0.5)
    assert found.backward_layer.go_backwards
    assert [type(each).__name__ for each in kernels.own(wrapped, "initializer", recurrent=True)] == [
        "GlorotUniform",
        "Orthogonal",
    ] * 2


def test_a_class_derived_from_one_of_keras_is_left_alone() -> None:
    class Own(kl.Dense):
        pass

    assert kernels.parts(Own(3)) == {}
    assert kernels.parts(kl.Embedding(3, 2)) == {}
    assert kernels.parts(kl.TimeDistributed(kl.Dense(3))).keys() == {"layer"}
