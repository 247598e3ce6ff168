"""Networks and data of the studies cnn.toml, cifar.toml and lstm.toml."""

from typing import Any

import keras
import numpy as np
from keras import layers

Shape = tuple[int, ...]
Part = tuple[np.ndarray, np.ndarray]


def cnn(input_shape: Shape, classes: int, dropout: float = 0.0) -> keras.Model:
    """Two convolutions and a hidden layer, for images without an axis of channels."""
    return _images(input_shape, [*_block(16), *_block(32)], classes, dropout)


def cifar(input_shape: Shape, classes: int, dropout: float = 0.0) -> keras.Model:
    """Four convolutions and a hidden layer, for images with channels."""
    return _images(input_shape, [*_block(16, 2), *_block(32, 2)], classes, dropout)


def lstm(input_shape: Shape, classes: int, dropout: float = 0.0) -> keras.Model:
    """One LSTM of 32 units."""
    end = [layers.Dropout(dropout)] if dropout else []
    return keras.Sequential([keras.Input(input_shape), layers.LSTM(32), *end, layers.Dense(classes, "softmax")])


def images() -> tuple[Part, Part]:
    """Random images of 32 x 32 x 3 with a spot whose place tells their class: 2,000 to train on, 500 to test."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 128, (2500, 32, 32, 3), np.uint8), np.arange(2500) % 10
    for number, label in enumerate(y):
        x[number, 3 * label : 3 * label + 4, 8:24] += 64
    return (x[:2000], y[:2000]), (x[2000:], y[2000:])


def sequences() -> tuple[Part, Part]:
    """Random sequences of 64 steps of 8 numbers; the class is whether they rise. 2,000 to train on, 500 to test."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2500, 64, 8)).astype(np.float32), np.arange(2500) % 2
    x += (2 * y[:, None, None] - 1) * np.linspace(-0.2, 0.2, 64, dtype=np.float32)[:, None]
    return (x[:2000], y[:2000]), (x[2000:], y[2000:])


def _block(filters: int, convolutions: int = 1) -> list[Any]:
    return [*(layers.Conv2D(filters, 3, activation="relu") for _ in range(convolutions)), layers.MaxPooling2D()]


def _images(input_shape: Shape, convolutions: list[Any], classes: int, dropout: float) -> keras.Model:
    shape = input_shape if len(input_shape) == 3 else (*input_shape, 1)
    end = [layers.Dropout(dropout)] if dropout else []
    start = [keras.Input(input_shape), layers.Reshape(shape)]
    return keras.Sequential(
        [*start, *convolutions, layers.Flatten(), layers.Dense(64, "relu"), *end, layers.Dense(classes, "softmax")]
    )
