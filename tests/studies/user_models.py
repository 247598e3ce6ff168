"""Builders of models as a user might write them beside a study; most of them make a mistake."""

import random

import keras
import numpy as np
from keras import layers


def make_cnn(input_shape, classes, filters=4, init="glorot_uniform", batch_norm=False, dropout=0.0, l2=0.0):
    images = keras.Input(input_shape)
    x = layers.Reshape((*input_shape, 1))(images)
    penalty = keras.regularizers.L2(l2) if l2 else None
    x = layers.Conv2D(filters, 3, kernel_initializer=init, kernel_regularizer=penalty)(x)
    if batch_norm:
        x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    if dropout:
        x = layers.Dropout(dropout)(x)
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x))


def soft(x):
    return keras.ops.log1p(keras.ops.exp(x))


def make_dense(input_shape, classes, dropout=0.0):
    """A model inside a model, a function as an activation, noise of Keras' own, and no input layer."""
    inner = keras.Sequential(
        [layers.Dense(12, activation=soft), layers.Dropout(dropout), layers.Dense(8)], name="inner"
    )
    noise = layers.GaussianNoise(0.1)
    return keras.Sequential([layers.Flatten(), noise, inner, layers.ReLU(), layers.Dense(classes, "softmax")])


def make_pretrained(input_shape, classes):
    images = keras.Input(input_shape)
    x = layers.Dense(6, activation="tanh", name="pretrained")(layers.Flatten()(images))
    model = keras.Model(images, layers.Dense(classes, activation="softmax", name="new")(x))
    kernel, bias = model.get_layer("pretrained").get_weights()
    model.get_layer("pretrained").set_weights([np.full_like(kernel, 0.25), bias])
    return model


def seeds_everything(input_shape, classes):
    keras.utils.set_random_seed(1)
    return make_pretrained(input_shape, classes)


def logits(input_shape, classes):
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), layers.Dense(classes)])


def one_class(input_shape, classes):
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), layers.Dense(1, activation="sigmoid")])


def other_input(input_shape, classes):
    return keras.Sequential([keras.Input((5,)), layers.Dense(classes, activation="softmax")])


def no_model(input_shape, classes):
    return "a model"


def lambda_layer(input_shape, classes):
    twice = layers.Lambda(lambda x: 2 * x)
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), twice, layers.Dense(classes, "softmax")])


class Subclassed(keras.Model):
    def call(self, x):
        return x


def subclassed(input_shape, classes):
    return Subclassed()


def other_every_time(input_shape, classes):
    units = random.randint(3, 1000)
    return keras.Sequential(
        [keras.Input(input_shape), layers.Flatten(), layers.Dense(units), layers.Dense(classes, "softmax")]
    )
