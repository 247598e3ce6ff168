"""Code as a user might write it beside a study: activations and callbacks."""

from typing import Any

import keras
import tensorflow as tf


def my_silu(x: Any) -> Any:
    return x * keras.ops.sigmoid(x)


@tf.custom_gradient
def relu_in_numpy(x: Any) -> Any:
    """Leaves TensorFlow for NumPy, where XLA cannot follow."""
    positive = tf.numpy_function(lambda values: values * (values > 0), [x], tf.float32)
    positive.set_shape(x.shape)
    return positive, lambda upstream: upstream * tf.cast(positive > 0, tf.float32)


class PerBatch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        pass


def one() -> keras.callbacks.Callback:
    return keras.callbacks.Callback()


def two() -> list[keras.callbacks.Callback]:
    return [keras.callbacks.Callback(), keras.callbacks.CSVLogger("log.csv")]


def none_at_all() -> dict[str, str]:
    return {}
