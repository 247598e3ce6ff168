"""Builders of networks with masks, with operations that Keras adds by itself, with shared layers and models inside."""

import keras
from keras import layers


def tokens(images):
    """Eight whole numbers of an image, some of them 0."""
    return layers.Embedding(17, 3, mask_zero=True)(images[:, 4])


def masked_recurrent(input_shape, classes):
    images = keras.Input(input_shape)
    x = layers.LSTM(4)(layers.Dropout(0.0)(tokens(images)))
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x))


def masked_pooling(input_shape, classes):
    images = keras.Input(input_shape)
    x = layers.GlobalAveragePooling1D()(tokens(images))
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x))


def masked_attention(input_shape, classes):
    images = keras.Input(input_shape)
    x = tokens(images)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 2)(x, x))
    x = layers.Bidirectional(layers.GRU(3))(x)
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x))


def masked_sequential(input_shape, classes):
    """Keras finds the masks anew here when the layers are stacked again, through the dropout."""
    return keras.Sequential(
        [
            layers.Cropping1D((4, 3)),
            layers.Flatten(),
            layers.Embedding(17, 3, mask_zero=True),
            layers.Dropout(0.0),
            layers.SimpleRNN(4),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def masking(input_shape, classes):
    images = keras.Input(input_shape)
    x = layers.SimpleRNN(5)(layers.Masking(0.0)(images))
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x))


def operations(input_shape, classes):
    images = keras.Input(input_shape)
    x = layers.Flatten()(images)
    left, right = layers.Dense(6)(x), layers.Dense(6)(x)
    x = keras.ops.concatenate([keras.ops.relu(left + right) * 2, left[:, :2] - 1], axis=-1)
    return keras.Model(images, keras.ops.softmax(layers.Dense(classes)(x)))


def shared_and_nested(input_shape, classes):
    """One layer and one model are used twice; the model has a model inside, and both were compiled."""
    deepest = keras.Sequential([keras.Input((8,)), layers.Dense(4, activation="tanh")])
    deepest.compile("adam", "mse")
    rows = keras.Input((8,))
    inner = keras.Model(rows, keras.ops.square(deepest(rows)) + layers.Dense(4)(rows))
    inner.compile("sgd", "mse")
    images = keras.Input(input_shape)
    twice = layers.Dense(8, activation="relu")
    x = inner(twice(images[:, 2])) - inner(twice(images[:, 5]))
    model = keras.Model(images, layers.Dense(classes, activation="softmax")(x))
    model.compile("rmsprop", lambda truth, found: keras.ops.mean(found))
    return model


def wrapped(input_shape, classes):
    inner = keras.Sequential([layers.Dense(5, activation="relu"), layers.Dropout(0.0), layers.Dense(3)])
    inner.compile("adam", "mse")
    images = keras.Input(input_shape)
    x = layers.Flatten()(layers.TimeDistributed(inner)(images))
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x))


def compiled(input_shape, classes):
    model = keras.Sequential(
        [keras.Input(input_shape), layers.Flatten(), layers.BatchNormalization(), layers.Dense(classes, "softmax")]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Secret(layers.Dense):
    """A layer that Keras copies and trains, and cannot write."""

    def save_own_variables(self, store):
        raise ValueError("these weights are a secret")


def unsaveable(input_shape, classes):
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), Secret(classes, activation="softmax")])


def weights_beside_their_layer(input_shape, classes):
    images = keras.Input(input_shape)
    x = layers.Embedding(17, 8)
    found = keras.ops.matmul(keras.ops.mean(x(images[:, 4]), axis=1), keras.Variable(keras.random.normal((8, classes))))
    return keras.Model(images, keras.ops.softmax(found))


def random_numbers_beside_layers(input_shape, classes):
    images = keras.Input(input_shape)
    x = keras.ops.add(layers.Flatten()(images), keras.random.normal((64,)))
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x))


class Silent(layers.Layer):
    """A layer that cannot say what it was made with."""

    def __init__(self, thing):
        super().__init__()
        self.thing = thing

    def call(self, x):
        return x


def silent(input_shape, classes):
    x = Silent(object())
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), x, layers.Dense(classes, "softmax")])
