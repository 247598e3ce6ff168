"""Networks as people write them, and the same with remedies put in by hand: what surgery is compared with.

Without arguments a function returns the plain network; with them, the one that somebody would write who wants the
remedy. Layers have the same names in both, and a layer written for a remedy is named after the layer that it follows.
"""

from typing import Any

import keras
from keras import layers


def _kernel(settings: dict[str, Any], kernel: str = "kernel", axis: Any = 0) -> dict[str, Any]:
    """The arguments of a layer for its kernel."""
    found: dict[str, Any] = {}
    if "l2" in settings:
        found[f"{kernel}_regularizer"] = keras.regularizers.L2(settings["l2"])
    if "init" in settings:
        found[f"{kernel}_initializer"] = settings["init"]
    if "max_norm" in settings:
        found[f"{kernel}_constraint"] = keras.constraints.MaxNorm(settings["max_norm"], axis=axis)
    return found


def _norm(x: Any, name: str, settings: dict[str, Any]) -> Any:
    return layers.BatchNormalization(name=f"{name}_batch_norm")(x) if settings.get("batch_norm") else x


def _drop(x: Any, name: str, settings: dict[str, Any]) -> Any:
    rate = settings.get("dropout")
    return layers.Dropout(rate, name=f"{name}_dropout")(x) if rate else x


def _convolution(x: Any, name: str, filters: int, settings: dict[str, Any], **arguments: Any) -> Any:
    x = layers.Conv2D(filters, 3, padding="same", name=name, **_kernel(settings, axis=[0, 1, 2]), **arguments)(x)
    return _norm(x, name, settings)


def _dense(x: Any, name: str, settings: dict[str, Any]) -> Any:
    """A dense layer of five units with its activation in it, unless something is to come between."""
    normed = bool(settings.get("batch_norm"))
    x = layers.Dense(
        5,
        activation=None if normed else "relu",
        activity_regularizer=None if normed else _active(),
        name=name,
        **_kernel(settings),
    )(x)
    if normed:
        x = layers.Activation("relu", activity_regularizer=_active())(_norm(x, name, settings))
    return _drop(x, name, settings)


def _active() -> keras.regularizers.Regularizer:
    return keras.regularizers.L2(0.1)


def residual_cnn(**remedies: Any) -> keras.Model:
    """Its last activations come after an addition; its output layer is followed by an activation of its own."""
    images = keras.Input((8, 8, 3))
    x = _drop(layers.ReLU(name="r0")(_convolution(images, "c0", 4, remedies)), "r0", remedies)
    for block in ("a", "b"):
        y = layers.Activation("relu", name=f"{block}_r1")(_convolution(x, f"{block}_c1", 4, remedies))
        y = _convolution(_drop(y, f"{block}_r1", remedies), f"{block}_c2", 4, remedies)
        x = _drop(keras.ops.relu(layers.Add(name=f"{block}_add")([x, y])), "relu" + ("_1" * (block == "b")), remedies)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Softmax()(layers.Dense(5, name="out")(x)))


def fused_cnn(**remedies: Any) -> keras.Model:
    """A stranger's: activations are settings of layers, and the output is a dense that is reshaped afterwards."""
    normed = bool(remedies.get("batch_norm"))
    images = x = keras.Input((8, 8, 3))
    for name in ("c1", "c2"):
        x = _convolution(x, name, 4, remedies, activation=None if normed else "relu", use_bias=name == "c1")
        x = layers.Activation("relu")(x) if normed else x
        x = layers.MaxPooling2D()(_drop(x, name, remedies))
    x = layers.Dense(6, activation=None if normed else "tanh", name="d", **_kernel(remedies))(layers.Flatten()(x))
    x = _norm(x, "d", remedies)
    x = _drop(layers.Activation("tanh")(x) if normed else x, "d", remedies)
    return keras.Model(images, layers.Reshape((5,))(layers.Dense(5, activation="softmax", name="out")(x)))


def text_lstm(**remedies: Any) -> keras.Model:
    """Masked; batch normalization has no place in it, nor has anything at the embedding."""
    tokens = keras.Input((7,), dtype="int32")
    x = layers.Embedding(20, 4, mask_zero=True, name="e")(tokens)
    x = layers.LSTM(5, name="l", **_kernel(remedies))(x)
    return keras.Model(tokens, layers.Dense(5, activation="softmax", name="out")(_drop(x, "l", remedies)))


def text_gru(**remedies: Any) -> keras.Model:
    """Bidirectional, with recurrent kernels on request, and a dense at every step."""
    tokens = keras.Input((7,), dtype="int32")
    x = layers.Embedding(20, 4, name="e")(tokens)
    x = layers.Bidirectional(layers.GRU(3, return_sequences=True, **_kernel(remedies)), name="g")(x)
    normed = bool(remedies.get("batch_norm"))
    dense = layers.Dense(4, activation=None if normed else "relu", **_kernel(remedies))
    x = _norm(layers.TimeDistributed(dense, name="t")(_drop(x, "g", remedies)), "t", remedies)
    x = _drop(layers.Activation("relu")(x) if normed else x, "t", remedies)
    return keras.Model(tokens, layers.Dense(5, activation="softmax", name="out")(layers.Flatten()(x)))


def two_inputs(**remedies: Any) -> keras.Model:
    left, right = keras.Input((4,), name="left"), keras.Input((6,), name="right")
    x = layers.Concatenate()([_dense(left, "dl", remedies), _dense(right, "dr", remedies)])
    return keras.Model({"left": left, "right": right}, layers.Dense(5, activation="softmax", name="out")(x))


def shared(**remedies: Any) -> keras.Model:
    """One layer is used twice, on the left and on the right."""
    rows = keras.Input((8,))
    normed = bool(remedies.get("batch_norm"))
    dense = layers.Dense(6, activation=None if normed else "relu", name="d", **_kernel(remedies))
    norm, relu = layers.BatchNormalization(name="d_batch_norm"), layers.Activation("relu")
    drop = layers.Dropout(remedies.get("dropout", 0.0), name="d_dropout")

    def half(x: Any) -> Any:
        x = relu(norm(dense(x))) if normed else dense(x)
        return drop(x) if remedies.get("dropout") else x

    x = layers.Concatenate()([half(rows[:, :4]), half(rows[:, 4:])])
    return keras.Model(rows, layers.Dense(5, activation="softmax", name="out")(x))


def nested(**remedies: Any) -> keras.Model:
    """A model of two models; the activation of the first one's layer is outside of it, and the second is used twice."""
    pixels = keras.Input((8,))
    first = keras.Model(
        pixels, _norm(layers.Dense(6, name="d", **_kernel(remedies))(pixels), "d", remedies), name="first"
    )
    normed = bool(remedies.get("batch_norm"))
    stack: list[Any] = [layers.Dense(6, name="d", activation=None if normed else "tanh", **_kernel(remedies))]
    stack += [layers.BatchNormalization(name="d_batch_norm"), layers.Activation("tanh")] if normed else []
    stack += [layers.Dropout(remedies["dropout"], name="d_dropout")] if "dropout" in remedies else []
    second = keras.Sequential([keras.Input((6,)), *stack], name="second")
    rows = keras.Input((8,))
    x = second(_drop(layers.ReLU(name="r")(first(rows)), "r", remedies))
    return keras.Model(rows, layers.Dense(5, activation="softmax", name="out")(second(x)))


def depthwise_cnn(**remedies: Any) -> keras.Model:
    """Depthwise, separable and transposed convolutions; the depthwise one has no activation behind it."""
    images = keras.Input((8, 8, 3))
    axis = {"axis": [0, 1]}
    x = layers.DepthwiseConv2D(3, name="dw", **_kernel(remedies, "depthwise", **axis))(images)
    both = {**_kernel(remedies, "depthwise", **axis), **_kernel(remedies, "pointwise", axis=[0, 1, 2])}
    x = layers.ReLU(name="r1")(_norm(layers.SeparableConv2D(4, 3, name="s", **both)(x), "s", remedies))
    x = _drop(x, "r1", remedies)
    x = layers.Conv2DTranspose(4, 3, name="tr", **_kernel(remedies, axis=[0, 1, 3]))(x)
    x = _drop(layers.LeakyReLU(name="r2")(_norm(x, "tr", remedies)), "r2", remedies)
    x = layers.GlobalMaxPooling2D()(x)
    return keras.Model(images, layers.Dense(5, activation="softmax", name="out")(x))


def transformer(**remedies: Any) -> keras.Model:
    """The second dense of its block has no activation, and what is normalized behind it is a sum."""
    normed = bool(remedies.get("batch_norm"))
    rows = keras.Input((6, 4))
    x = layers.LayerNormalization(name="n1")(rows + layers.MultiHeadAttention(2, 3, name="att")(rows, rows))
    y = layers.Dense(8, activation=None if normed else "gelu", name="d1", **_kernel(remedies))(x)
    y = _norm(y, "d1", remedies)
    y = _drop(layers.Activation("gelu")(y) if normed else y, "d1", remedies)
    y = layers.Dense(4, name="d2", **_kernel(remedies))(y)
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(name="n2")(x + y))
    return keras.Model(rows, layers.Dense(5, activation="softmax", name="out")(x))


@keras.saving.register_keras_serializable(package="tests")
class Scale(layers.Layer):
    """A layer of the user's, with weights of its own."""

    def __init__(self, power: int = 1, **settings: Any) -> None:
        super().__init__(**settings)
        self.power = power

    def build(self, shape: Any) -> None:
        self.factor = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x: Any) -> Any:
        return x * self.factor**self.power

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power": self.power}


def custom(**remedies: Any) -> keras.Model:
    """It has a layer of the user's between a layer and its activation."""
    rows = keras.Input((8,))
    x = _norm(layers.Dense(6, name="d", **_kernel(remedies))(rows), "d", remedies)
    x = _drop(layers.Activation("selu", name="a")(Scale(2, name="mine")(x)), "a", remedies)
    return keras.Model(rows, layers.Dense(5, activation="softmax", name="out")(x))


def with_its_own(**remedies: Any) -> keras.Model:
    """A network with batch normalization and dropout, of the author's choice of momentum and rate."""
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="c", use_bias=False)(images)
    x = layers.Activation("relu", name="r")(layers.BatchNormalization(momentum=0.8, name="own_norm")(x))
    x = layers.Flatten()(layers.Dropout(0.25, name="own_dropout")(x))
    return keras.Model(images, layers.Dense(5, activation="softmax", name="out")(x))


def mobile(**remedies: Any) -> keras.Model:
    """Keras' own MobileNetV3Small, untrained: squeeze-and-excitation, depthwise convolutions, residual additions."""
    return keras.applications.MobileNetV3Small(
        input_shape=(32, 32, 3), weights=None, classes=5, include_preprocessing=False
    )


EVERY = (
    residual_cnn, fused_cnn, text_lstm, text_gru, two_inputs, shared, nested, depthwise_cnn, transformer, custom,
    with_its_own, mobile,
)  # fmt: skip
