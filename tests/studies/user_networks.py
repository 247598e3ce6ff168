"""Networks as somebody writes them who has never heard of this package: without a parameter for anything."""

import keras
from keras import layers


def build():
    model = keras.Sequential()
    model.add(keras.Input(shape=(8, 8, 1)))
    model.add(layers.Conv2D(4, (3, 3), activation="relu", name="conv"))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Flatten())
    model.add(layers.Dense(12, activation="relu", name="dense"))
    model.add(layers.Dense(10, activation="softmax", name="out"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def raises():
    raise ValueError("no such thing")


def four_classes():
    return keras.Sequential([keras.Input((8, 8)), layers.Flatten(), layers.Dense(4, activation="softmax")])
