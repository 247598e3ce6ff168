"""Replaces layers whose settings are baked into a compiled program by ones that read them from variables.

Keras' `Dropout`, `L1` and `L2` hold their strength as Python numbers, so every rate would be compiled anew; and Keras'
random numbers cost several times the network itself when XLA compiles them for a CPU. The stand-ins below take rate
and strength from variables and draw masks with an integer hash, which XLA vectorizes.
"""

from typing import Any

import keras
import tensorflow as tf

from ablate.training.networks import convolutions, layers


class VariableDropout(keras.layers.Layer):
    """Inverted dropout (as `keras.layers.Dropout`) with the rate in a variable and masks from a counter-based hash.

    The mask of a unit depends on the seed, on the step since `restart`, and on the unit's place in the batch.
    The hash is the "lowbias32" finalizer, found by C. Wellons' search for low-bias integer hashes, applied twice:
    to seed and step, and to that with the position.
    """

    stands_in = True

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name)
        self.supports_masking = True  # as Keras' does: a mask goes through it to the layers behind

    def build(self, input_shape: Any) -> None:
        """Make the variables: `rate` (a share), `seed` and `step`."""
        self.rate = self.add_weight(shape=(), initializer="zeros", trainable=False, name="rate")
        self.seed = self.add_weight(shape=(), dtype="uint32", initializer="zeros", trainable=False, name="seed")
        self.step = self.add_weight(shape=(), dtype="uint32", initializer="zeros", trainable=False, name="step")

    def restart(self, rate: float, seed: int) -> None:
        """Begin a run.

        Args:
            rate: share of units to silence, in [0, 1).
            seed: 32-bit seed of the masks.
        """
        self.rate.assign(rate)
        self.seed.assign(seed)
        self.step.assign(0)

    def call(self, inputs: tf.Tensor, training: bool | None = False) -> tf.Tensor:
        """Silence units in training; do nothing otherwise."""
        if not training:
            return inputs
        step = tf.convert_to_tensor(self.step)
        self.step.assign(step + 1)
        rate = tf.convert_to_tensor(self.rate)
        stream = _hash(tf.bitwise.bitwise_xor(_hash(step), tf.convert_to_tensor(self.seed)))
        positions = tf.reshape(tf.range(tf.size(inputs, out_type=tf.int32)), tf.shape(inputs))
        bits = _hash(tf.cast(positions, tf.uint32) * tf.constant(0x9E3779B9, tf.uint32) + stream)
        threshold = tf.cast(tf.cast(rate, tf.float64) * 2.0**32, tf.uint32)
        return tf.where(bits >= threshold, inputs * (1.0 / (1.0 - rate)), 0.0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input."""
        return input_shape


class VariableL1(keras.regularizers.Regularizer):
    """`strength * sum(|w|)`, as `keras.regularizers.L1`, with the strength in a variable and summed as in `VariableL2`.

    At a weight of 0, where the sum has no slope, its gradient is 0, as Keras' is.
    """

    def __init__(self, strength: tf.Variable) -> None:
        self.strength = strength

    def __call__(self, x: Any) -> Any:
        """The penalty of one kernel, shape (inputs, units)."""
        return _l1_penalty(tf.convert_to_tensor(x), tf.convert_to_tensor(self.strength))


class VariableL2(keras.regularizers.Regularizer):
    """`strength * sum(w ** 2)`, as `keras.regularizers.L2`, with the strength in a variable.

    XLA adds up a row of numbers one after the other on a CPU. Columns are added up side by side, and a product keeps
    it from making one sum of the two; at strength 0 there is none. The gradient, `2 * strength * w`, becomes part of
    the optimizer's update.
    """

    def __init__(self, strength: tf.Variable) -> None:
        self.strength = strength

    def __call__(self, x: Any) -> Any:
        """The penalty of one kernel, shape (inputs, units)."""
        return _l2_penalty(tf.convert_to_tensor(x), tf.convert_to_tensor(self.strength))


class Sum(keras.regularizers.Regularizer):
    """Several penalties of one kernel."""

    def __init__(self, *parts: keras.regularizers.Regularizer) -> None:
        self.parts = parts

    def __call__(self, x: Any) -> Any:
        """What the parts add up to."""
        return sum(part(x) for part in self.parts)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _l1_penalty(kernel: tf.Tensor, strength: tf.Tensor) -> Any:
    value = strength * _sum_by_columns(tf.abs(kernel))
    return value, lambda upstream: (upstream * strength * tf.sign(kernel), None)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _l2_penalty(kernel: tf.Tensor, strength: tf.Tensor) -> Any:
    def penalty() -> tf.Tensor:
        return strength * _sum_by_columns(tf.square(kernel))

    value = tf.cond(strength > 0, penalty, lambda: tf.zeros((), kernel.dtype))
    return value, lambda upstream: (2 * upstream * strength * kernel, None)


def _sum_by_columns(values: tf.Tensor) -> tf.Tensor:
    by_column = tf.reduce_sum(values, axis=0, keepdims=True)
    return tf.reshape(tf.matmul(by_column, tf.ones((values.shape[1], 1), values.dtype)), ())


def prepare(model: keras.Model, l1: tf.Variable | None, l2: tf.Variable | None) -> keras.Model:
    """A copy of a model, not compiled, whose dropout rates and penalty strengths are variables.

    Args:
        model: any Keras model; its layer names are kept.
        l1: the strength that all its L1 penalties will read; without it, penalties stay as they are.
        l2: likewise for L2.

    Raises:
        ModelError: one of its layers cannot be copied.
    """

    def replace(layer: keras.Operation) -> keras.Operation:
        if type(layer) is keras.layers.Dropout and layer.noise_shape is None:
            return VariableDropout(name=layer.name)
        penalty = getattr(layer, "kernel_regularizer", None)
        if l1 is not None and isinstance(penalty, keras.regularizers.L1L2):
            return layers.copy(layer, kernel_regularizer=Sum(VariableL1(l1), VariableL2(l2)))
        if l2 is not None and isinstance(penalty, keras.regularizers.L2):
            return layers.copy(layer, kernel_regularizer=VariableL2(l2))
        return layers.copy(layer, convolutions.stand_in(layer))

    return keras.models.clone_model(model, clone_function=replace, recursive=True)


def dropouts(model: keras.Model) -> dict[str, VariableDropout]:
    """The replaced dropout layers of a model, by name."""
    return {name: layer for name, layer in layers.walk(model) if isinstance(layer, VariableDropout)}


def _hash(x: tf.Tensor) -> tf.Tensor:
    """lowbias32 (https://nullprogram.com/blog/2018/07/31/): each input bit flips each output bit half of the time."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(shift, tf.uint32)))
        x = x * tf.constant(factor, tf.uint32)
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(16, tf.uint32)))
