"""Models of users that end in other ways than a softmax over the classes."""

import keras
from keras import layers


def _ending_in(input_shape, *end):
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), layers.Dense(8, "relu"), *end])


def one_sigmoid(input_shape, classes):
    return _ending_in(input_shape, layers.Dense(1, "sigmoid"))


def one_logit(input_shape, classes):
    return _ending_in(input_shape, layers.Dense(1))


def logits(input_shape, classes):
    return _ending_in(input_shape, layers.Dense(classes))


def logits_that_start_at_zero(input_shape, classes):
    return _ending_in(input_shape, layers.Dense(classes, kernel_initializer="zeros", bias_initializer=_half))


def _half(shape, dtype=None):
    return keras.ops.full(shape, 0.5, dtype)  # two halves add up to 1, and are no probabilities for all that


def softmax(input_shape, classes):
    return _ending_in(input_shape, layers.Dense(classes, "softmax"))


def softmax_layer(input_shape, classes):
    return _ending_in(input_shape, layers.Dense(classes), layers.Softmax())


def inside(input_shape, classes):
    return keras.Sequential([keras.Input(input_shape), logits(input_shape, classes), layers.Dropout(0.0)])


def several_sigmoids(input_shape, classes):
    return _ending_in(input_shape, layers.Dense(classes, "sigmoid"))


def sequence(input_shape, classes):
    return keras.Sequential([keras.Input(input_shape), layers.Reshape((-1, 2)), layers.Dense(classes, "softmax")])


def top_two():
    return keras.metrics.SparseTopKCategoricalAccuracy(k=2)


def absolute_error():
    return keras.metrics.MeanAbsoluteError()


def wrong_way():
    return keras.metrics.MeanAbsoluteError()


def no_metric():
    return 3
