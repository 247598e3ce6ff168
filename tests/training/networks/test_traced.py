"""What a program was traced from: a change of it is seen, and a change of variables is none."""

from collections.abc import Callable

import keras
import numpy as np
import pytest

from ablate.training.networks.traced import Traced


@pytest.fixture
def model() -> keras.Model:
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])
    made = keras.Sequential([keras.Input((3,)), inner, keras.layers.Dense(2, activation="softmax")])
    made.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    made.train_on_batch(np.ones((2, 3)), np.zeros(2))
    return made


def nothing(model: keras.Model) -> None:
    model.stop_training = True
    model.layers[-1].kernel.assign(model.layers[-1].kernel * 2.0)
    model.optimizer.learning_rate.assign(0.5)
    model.layers[-1].noted = "by its owner"
    model.train_on_batch(np.ones((2, 3)), np.zeros(2))


CHANGES: dict[str, tuple[Callable[[keras.Model], object], bool]] = {
    "variables": (nothing, True),
    "frozen": (lambda model: setattr(model.layers[-1], "trainable", False), False),
    "frozen inside": (lambda model: setattr(model.layers[0].layers[0], "trainable", False), False),
    "rate": (lambda model: setattr(model.layers[0].layers[1], "rate", 0.1), False),
    "optimizer": (lambda model: setattr(model, "optimizer", keras.optimizers.SGD()), False),
    "momentum": (lambda model: setattr(model.optimizer, "beta_1", 0.5), False),
    "average": (lambda model: setattr(model.optimizer, "use_ema", True), False),
    "compiled anew": (lambda model: model.compile("sgd", "mse"), False),
    "method": (lambda model: setattr(model, "train_step", print), False),
    "activation": (lambda model: setattr(model.layers[-1], "activation", keras.activations.relu), False),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_taken_over_is_compared(model: keras.Model, change: str) -> None:
    traced, (do, same) = Traced(model), CHANGES[change]
    assert traced.is_as_before()
    do(model)
    assert traced.is_as_before() is same
