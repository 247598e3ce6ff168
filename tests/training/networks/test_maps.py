"""Windows move over images as TensorFlow's do."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from ablate.training.networks import maps
from ablate.training.networks.maps import Window


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_window_has_as_many_places_as_in_tensorflow(padding: str) -> None:
    for length, size, stride, dilation in itertools.product((5, 6, 7), (1, 2, 3), (1, 2, 3), (1, 2)):
        if stride > 1 and dilation > 1:
            continue  # which TensorFlow does not take
        kernel, line = tf.ones((1, size, 1, 1)), tf.ones((1, 1, length, 1))
        steps = {"strides": [1, stride], "dilations": [1, dilation], "padding": padding.upper()}
        expected = tf.nn.convolution(line, kernel, **steps).shape[2]
        window = Window((1, size), (1, stride), (1, dilation), padding)
        assert window.places(1, length)[0] == expected
        assert [part.shape[2] for part in window.slices(line, 1)] == [expected] * size


def test_patches_are_in_the_order_of_a_kernel() -> None:
    numbers = tf.reshape(tf.range(2.0 * 3 * 3), (2, 3, 3, 1))
    found = maps.patches(numbers, Window((2, 2), (1, 1)))
    assert found.shape == (2 * 2 * 2, 4)
    first = [numbers[channel, row, column, 0] for row in (0, 1) for column in (0, 1) for channel in (0, 1)]
    np.testing.assert_array_equal(found[:, 0], first)


def test_the_first_of_equal_numbers_is_found_row_by_row() -> None:
    """In the window ((0, 1), (1, 0)) the first 1 is in the first row."""
    window = tf.reshape(tf.constant([0.0, 1.0, 1.0, 0.0]), (1, 2, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch(window)
        largest = maps.largest(window, Window((2, 2), (2, 2)))
    np.testing.assert_array_equal(tf.reshape(tape.gradient(largest, window), -1), [0, 1, 0, 0])
