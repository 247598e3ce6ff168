"""Every stand-in computes what Keras' layer does, values and gradients, also where many numbers are equal."""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ablate.training.networks import convolutions

layers = keras.layers
TOLERANCE = 1e-12  # sums of at most 1,000 float64 numbers below 100: 1e3 * 1e2 * 2^-53 = 1e-11 at worst, relative 1e-13

STEPS = [{"strides": 1}, {"strides": 2}, {"dilation_rate": 2}, {"strides": 3}]
POOLS = [(2, None), (3, 2), ((2, 3), (1, 2)), (2, 3), (1, 1)]
LAYERS: list[tuple[type, dict[str, Any]]] = [
    *(
        (kind, {**sizes, **steps, "padding": padding})
        for padding in ("valid", "same")
        for steps in STEPS
        for kind, sizes in (
            (layers.Conv2D, {"filters": 3, "kernel_size": (2, 3), "activation": "relu"}),
            (layers.Conv1D, {"filters": 3, "kernel_size": 3, "use_bias": False}),
            (layers.DepthwiseConv2D, {"kernel_size": 3, "depth_multiplier": 2}),
            (layers.DepthwiseConv1D, {"kernel_size": 3}),
            (layers.SeparableConv2D, {"filters": 3, "kernel_size": (3, 2)}),
            (layers.SeparableConv1D, {"filters": 3, "kernel_size": 2, "depth_multiplier": 2}),
        )
    ),
    *((layers.Conv1D, {"filters": 3, "kernel_size": 3, "padding": "causal", **steps}) for steps in STEPS[:3]),
    *(
        (kind, {"pool_size": size, "strides": strides, "padding": padding})
        for padding in ("valid", "same")
        for size, strides in POOLS
        for kind in (layers.MaxPooling2D, layers.AveragePooling2D, layers.MaxPooling1D, layers.AveragePooling1D)
        if "2D" in kind.__name__ or isinstance(size, int)
    ),
    *((layers.BatchNormalization, settings) for settings in ({}, {"scale": False}, {"center": False})),
]


def images(layer: type) -> tf.Tensor:
    """Whole numbers from 0 to 2, most of them 0: as after a ReLU, with equal ones in every window."""
    shape = (4, 9, 2) if "1D" in layer.__name__ else (4, 7, 6, 2)
    return tf.constant(np.maximum(np.random.default_rng(0).integers(-3, 3, shape), 0), "float64")


def stand_in(layer: keras.layers.Layer, inputs: tf.Tensor) -> keras.layers.Layer:
    """A built stand-in with the weights of a layer."""
    kind: Any = convolutions.stand_in(layer)
    other = kind.from_config(layer.get_config())
    other(inputs)
    other.set_weights(layer.get_weights())
    return other


def computed(layer: keras.layers.Layer, inputs: tf.Tensor) -> list[Any]:
    """The output of a layer in training, the gradients of its input and weights, and its weights afterwards."""
    options = {"training": True} if isinstance(layer, keras.layers.BatchNormalization) else {}
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        output = layer(inputs, **options)
        upstream = np.random.default_rng(1).integers(-3, 4, output.shape).astype(output.dtype.name)
        loss = tf.reduce_sum(output * upstream)
    weights = [weight.value for weight in layer.trainable_variables]
    return [output, *tape.gradient(loss, [inputs, *weights]), *layer.get_weights()]


@pytest.mark.parametrize(("kind", "settings"), LAYERS, ids=lambda value: getattr(value, "__name__", ""))
def test_it_computes_what_keras_does(kind: type, settings: dict[str, Any]) -> None:
    inputs = images(kind)
    layer = kind(**settings, dtype="float64")
    layer(inputs)
    rng = np.random.default_rng(2)
    layer.set_weights([rng.random(weight.shape) for weight in layer.get_weights()])
    other = stand_in(layer, inputs)
    expected = computed(layer, inputs)
    with convolutions.as_products():
        found = computed(other, inputs)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE)


def test_of_equal_numbers_the_first_has_the_gradient_in_float32_too() -> None:
    """TensorFlow has other code for float32, which studies train in."""
    inputs = tf.cast(images(layers.MaxPooling2D), "float32")
    for settings in ({}, {"pool_size": 3, "strides": 2, "padding": "same"}):
        layer = layers.MaxPooling2D(**settings)
        with convolutions.as_products():
            ours = computed(stand_in(layer, inputs), inputs)[1]
        np.testing.assert_array_equal(ours, computed(layer, inputs)[1])


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Conv2D(4, 3, groups=2),
        lambda: layers.Conv2D(4, 3, data_format="channels_first"),
        lambda: layers.MaxPooling2D(data_format="channels_first"),
        lambda: layers.Conv3D(4, 3),
        lambda: layers.Conv2DTranspose(4, 3),
        lambda: layers.TimeDistributed(layers.Conv1D(4, 3)),
        layers.BatchNormalization,
        lambda: layers.Dense(4),
    ],
)
def test_others_have_no_stand_in(make: Callable[[], keras.layers.Layer]) -> None:
    layer = make()
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.build((None, 8))  # of rows of numbers: as it ever was
    assert convolutions.stand_in(layer) is None


@pytest.mark.parametrize("kind", [*convolutions.STAND_INS, layers.BatchNormalization])
def test_what_is_saved_of_it_loads_as_keras_layer(kind: type) -> None:
    """A callback may save the model that is trained."""
    takes = inspect.signature(kind).parameters
    needed = {name: 2 for name in ("filters", "kernel_size", "pool_size") if name in takes}
    layer = kind(**needed)
    layer(tf.zeros(images(kind).shape))
    other = stand_in(layer, tf.zeros(images(kind).shape))
    assert type(other) is not kind
    written = keras.saving.serialize_keras_object(other)
    assert "ablate" not in str(written)
    assert type(keras.saving.deserialize_keras_object(written)) is kind


def test_outside_of_a_compiled_epoch_it_is_keras_layer() -> None:
    """Scores of the test set and pictures of layers, for batches of any size, would need much memory for patches."""
    layer = layers.Conv2D(3, 3, dtype="float64")
    inputs = images(layers.Conv2D)
    layer(inputs)
    other = stand_in(layer, inputs)

    def kinds() -> set[str]:
        return {operation.type for operation in tf.function(other).get_concrete_function(inputs).graph.get_operations()}

    assert "Conv2D" in kinds()
    with convolutions.as_products():
        assert "Conv2D" not in kinds()
    assert "Conv2D" in kinds()


def test_patches_that_are_too_large_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = images(layers.Conv2D)
    layer = layers.Conv2D(3, 3, dtype="float64")
    layer(inputs)
    other = stand_in(layer, inputs)
    monkeypatch.setattr(convolutions, "LARGEST", 4 * 2 * 9 * (5 * 4) - 1)
    with convolutions.as_products():
        graph = tf.function(other).get_concrete_function(inputs).graph
    assert "Conv2D" in {operation.type for operation in graph.get_operations()}
