"""Convolution, pooling and normalization of maps: the channels of images, with the examples of a batch side by side.

A convolution is one product of the kernel with all patches of the images (K. Chellapilla et al. 2006, "High Performance
Convolutional Neural Networks for Document Processing"), a maximum is a chain of comparisons. Maps have the shape
(channels, height, width, n), as in A. Krizhevsky's cuda-convnet: XLA copies, adds up and compares what lies along the
last axis a vector at a time.
"""

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Window:
    """What moves over images, as Keras' layers describe it; sequences are images of one row.

    Attributes:
        size: rows and columns.
        strides: from one place to the next.
        dilation: from one row or column of the window to the next.
        padding: `valid`, `same` or `causal`.
    """

    size: tuple[int, int]
    strides: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)
    padding: str = "valid"

    @classmethod
    def of(cls, layer: keras.layers.Layer) -> "Window":
        """The window of a layer."""
        size = layer.pool_size if hasattr(layer, "pool_size") else layer.kernel_size
        dilation = getattr(layer, "dilation_rate", 1)
        return cls(_pair(size), _pair(layer.strides), _pair(dilation), layer.padding)

    def places(self, axis: int, length: int) -> tuple[int, tuple[int, int]]:
        """How many places it has along an axis (0: rows, 1: columns), and how much is padded before and after."""
        reach = (self.size[axis] - 1) * self.dilation[axis] + 1
        if self.padding == "same":
            count = -(-length // self.strides[axis])
            missing = max((count - 1) * self.strides[axis] + reach - length, 0)
            return count, (missing // 2, missing - missing // 2)
        before = reach - 1 if self.padding == "causal" and axis == 1 else 0
        return (length + before - reach) // self.strides[axis] + 1, (before, 0)

    def slices(self, maps: tf.Tensor, axis: int, padded_with: float = 0.0) -> list[tf.Tensor]:
        """What every row (axis 0) or column (axis 1) of the window sees of maps, place by place."""
        length = maps.shape[axis + 1]
        count, pads = self.places(axis, length)
        if any(pads):
            around = [(0, 0)] * 4
            around[axis + 1] = pads
            maps = tf.pad(maps, around, constant_values=tf.constant(padded_with, maps.dtype))
        size, stride, dilation = self.size[axis], self.strides[axis], self.dilation[axis]
        if stride == size and dilation == 1:
            return _split(maps, axis + 1, count, size)
        last = (count - 1) * stride + 1
        starts = [place * dilation for place in range(size)]
        cuts = [slice(start, start + last, stride) for start in starts]
        return [maps[:, cut] if axis == 0 else maps[:, :, cut] for cut in cuts]


def _pair(value: Any) -> tuple[int, int]:
    numbers = (value,) if isinstance(value, int) else tuple(value)
    return (1, *numbers) if len(numbers) == 1 else (numbers[0], numbers[1])


def _split(maps: tf.Tensor, axis: int, count: int, size: int) -> list[tf.Tensor]:
    """The slices of windows that do not overlap; a reshape, whose gradient is cheaper than that of strided slices."""
    shape = list(maps.shape)
    cut = [slice(None)] * axis + [slice(count * size)]
    parts = tf.reshape(maps[tuple(cut)], [*shape[:axis], count, size, *shape[axis + 1 :]])
    found: list[tf.Tensor] = tf.unstack(parts, axis=axis + 1)
    return found


def patches(maps: tf.Tensor, window: Window) -> tf.Tensor:
    """All that a window sees, shape (rows * columns * channels, places, n), from maps (channels, height, width, n).

    In two steps, columns and then rows: the second copies longer pieces.
    """
    for axis in (1, 0):
        parts = window.slices(maps, axis)
        maps = tf.concat(parts, axis=0) if len(parts) > 1 else parts[0]
    return tf.reshape(maps, (maps.shape[0], -1))


def convolve(maps: tf.Tensor, kernel: tf.Tensor, window: Window) -> tf.Tensor:
    """Maps of a convolution, from maps (channels, height, width, n) and a kernel (rows, columns, channels, filters)."""
    _, height, width, examples = maps.shape
    filters = kernel.shape[-1]
    product = tf.matmul(tf.reshape(kernel, (-1, filters)), patches(maps, window), transpose_a=True)
    return tf.reshape(product, (filters, window.places(0, height)[0], window.places(1, width)[0], examples))


def convolve_by_channel(maps: tf.Tensor, kernel: tf.Tensor, window: Window) -> tf.Tensor:
    """The same with filters of their own for every channel, from a kernel (rows, columns, channels, filters)."""
    rows = [window.slices(row, 1) for row in window.slices(maps, 0)]
    total = sum(
        _scaled(rows[row][column][:, None], kernel[row, column])
        for row in range(window.size[0])
        for column in range(window.size[1])
    )
    return tf.reshape(total, (-1, *total.shape[2:]))


def largest(maps: tf.Tensor, window: Window) -> tf.Tensor:
    """The largest number that a window sees in every map.

    Of equal ones the first, row by row, has the gradient, as in TensorFlow: after a ReLU many are equal.
    """
    if window.size == window.strides and not any(any(window.places(axis, maps.shape[axis + 1])[1]) for axis in (0, 1)):
        return _largest_apart(maps, window.size)
    parts = [part for row in window.slices(maps, 0, maps.dtype.min) for part in window.slices(row, 1, maps.dtype.min)]
    place = tf.stop_gradient(_first_largest(parts)[1])
    return tf.add_n([tf.where(place == number, part, tf.zeros_like(part)) for number, part in enumerate(parts)])


def _first_largest(parts: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """The largest of some tensors, number by number, and which of them it is in first."""
    largest, place = parts[0], tf.zeros_like(parts[0])
    for number, part in enumerate(parts[1:], 1):
        is_larger = part > largest
        largest, place = tf.where(is_larger, part, largest), tf.where(is_larger, tf.cast(number, part.dtype), place)
    return largest, place


def _largest_apart(maps: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """The same of windows that do not overlap and are not padded: every number has its gradient from one of them."""
    channels, height, width, examples = maps.shape
    rows, columns = height // size[0], width // size[1]
    numbers = np.arange(size[0] * size[1]).reshape(1, 1, size[0], 1, size[1], 1)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def choose(maps: tf.Tensor) -> Any:
        whole = maps[:, : rows * size[0], : columns * size[1]]
        apart = tf.reshape(whole, (channels, rows, size[0], columns, size[1], examples))
        largest, place = _first_largest([apart[:, :, row, :, column] for row, column in np.ndindex(size)])

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            is_chosen = place[:, :, None, :, None] == tf.constant(numbers, place.dtype)
            spread = tf.where(is_chosen, upstream[:, :, None, :, None], tf.zeros((), upstream.dtype))
            missing = (0, height - rows * size[0]), (0, width - columns * size[1])
            return tf.pad(tf.reshape(spread, whole.shape), ((0, 0), *missing, (0, 0)))

        return largest, gradient

    return choose(maps)


def average(maps: tf.Tensor, window: Window) -> tf.Tensor:
    """The mean of what a window sees in every map; what is padded does not count."""
    counts = tf.ones((1, *maps.shape[1:3], 1), maps.dtype)
    for axis in (1, 0):
        maps, counts = (tf.add_n(window.slices(each, axis)) for each in (maps, counts))
    return maps / counts


@tf.custom_gradient  # type: ignore[untyped-decorator]
def add_bias(maps: tf.Tensor, bias: tf.Tensor) -> Any:
    """Maps with a number added to each; its gradient is summed as `sum_of_maps` does."""
    return maps + _wide(bias), lambda upstream: (upstream, sum_of_maps(upstream))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _scaled(maps: tf.Tensor, factors: tf.Tensor) -> Any:
    """Maps (channels, 1, height, width, n) by factors (channels, filters)."""
    wide = tf.reshape(factors, (*factors.shape, 1, 1, 1))

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        products = tf.reshape(upstream * maps, (-1, *upstream.shape[2:]))
        return tf.reduce_sum(upstream * wide, axis=1, keepdims=True), tf.reshape(sum_of_maps(products), factors.shape)

    return maps * wide, gradient


def normalize(maps: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, epsilon: float) -> tuple[tf.Tensor, ...]:
    """Maps normalized over a batch, and the mean and variance of each, which have no gradient.

    The gradient is that of S. Ioffe and C. Szegedy 2015, "Batch Normalization", section 3, with two sums in all.
    """
    count = float(math.prod(maps.shape[1:]))

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def compute(maps: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> Any:
        mean = sum_of_maps(maps) / count
        centred = maps - _wide(mean)
        variance = sum_of_maps(centred * centred) / count
        factor = tf.math.rsqrt(variance + epsilon)
        normal = centred * _wide(factor)

        def gradient(upstream: tf.Tensor, *_: Any) -> tuple[tf.Tensor, ...]:
            of_offset, of_scale = sum_of_maps(upstream), sum_of_maps(upstream * normal)
            inner = upstream - _wide(of_offset / count) - normal * _wide(of_scale / count)
            return inner * _wide(factor * scale), of_scale, of_offset

        return (normal * _wide(scale) + _wide(offset), mean, variance), gradient

    normalized, mean, variance = compute(maps, scale, offset)
    return normalized, tf.stop_gradient(mean), tf.stop_gradient(variance)


def _wide(numbers: tf.Tensor) -> tf.Tensor:
    """One number for each map, to be combined with maps."""
    return tf.reshape(numbers, (-1, 1, 1, 1))


def sum_of_maps(maps: tf.Tensor) -> tf.Tensor:
    """The sum of every map, shape (channels,).

    XLA adds up the last axis one number after the other on a CPU, and others a vector at a time; the last is left to
    a product.
    """
    by_example = tf.reduce_sum(maps, axis=(1, 2))
    return tf.reshape(tf.matmul(by_example, tf.ones((by_example.shape[1], 1), maps.dtype)), (-1,))
