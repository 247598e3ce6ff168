"""Scores in inference mode: those of Keras' own evaluate, without penalties, however many rows there are."""

import keras
import numpy as np
import pytest

from ablate.data.sources import Dataset
from ablate.training import data
from ablate.training.scores import evaluation
from ablate.training.scores.evaluation import Evaluator


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """A network whose training mode, penalty and inference mode all differ."""
    keras.utils.set_random_seed(1)
    layers = [
        keras.Input((64,)),
        keras.layers.Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L2(0.1)),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(10, activation="softmax"),
    ]
    made = keras.Sequential(layers)
    made.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def test_scores_are_those_of_keras_without_the_penalty(
    model: keras.Model, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "BATCH", 100)  # the last of these batches is smaller
    rows = digits.test[:250]
    scaling = data.scaling(digits, digits.train)
    loss, accuracy, _ = Evaluator(model, (64,)).score(data.tensors(digits), scaling, rows)
    features = scaling(digits.x[rows])
    with_penalty, expected = model.evaluate(features, digits.y[rows], verbose=0)
    assert accuracy == pytest.approx(expected, abs=2**-23)
    # Either side adds some 320 numbers in float32, of 64 and 8 inputs and 250 examples; an addition rounds by 2**-24.
    assert loss == pytest.approx(with_penalty - float(sum(model.losses)), rel=2 * 320 * 2**-24)


def test_the_weights_of_the_call_are_scored(model: keras.Model, digits: Dataset) -> None:
    evaluator = Evaluator(model, (64,))
    tensors, scaling = data.tensors(digits), data.scaling(digits, digits.train)
    before, *_ = evaluator.score(tensors, scaling, digits.test)
    kept = model.get_weights()
    model.set_weights([np.zeros_like(weight) for weight in kept])
    assert evaluator.score(tensors, scaling, digits.test)[0] == pytest.approx(np.log(10), rel=1e-6)
    model.set_weights(kept)
    assert evaluator.score(tensors, scaling, digits.test)[0] == before
