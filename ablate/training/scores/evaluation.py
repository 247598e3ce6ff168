"""Scores of a model in inference mode, without any penalty, by plain (not XLA) graph execution."""

from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ablate.training.data import Scaling, Tensors
from ablate.training.networks import layers, outputs

BATCH = 4096


def score_batch(
    model: keras.Model, features: tf.Tensor, labels: tf.Tensor, *, logits: bool = False
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """What a model says of a batch.

    Returns:
        The cross-entropy of every example and 1 for every correct answer, shape (batch,); the probabilities of the
        classes, shape (batch, classes).
    """
    predicted = model(features, training=False)
    losses = outputs.cross_entropy(labels, predicted, logits=logits)
    correct = tf.cast(outputs.is_correct(labels, predicted, logits=logits), layers.variable_dtype())
    return losses, correct, outputs.probabilities(predicted, logits=logits)


class Scored(NamedTuple):
    """What a model says of some rows.

    Attributes:
        loss: mean cross-entropy; NaN in a regression.
        accuracy: share of correct answers; likewise.
        predictions: probabilities of the classes, shape (rows, classes), or numbers, shape (rows, 1).
    """

    loss: float
    accuracy: float
    predictions: npt.NDArray[np.floating[Any]]


class Predictor:
    """Asks one model for its predictions, which tell all there is to know of a regression; as `Evaluator` otherwise."""

    def __init__(self, model: keras.Model, shape: tuple[int, ...]) -> None:
        any_batch = (tf.TensorSpec((None, *shape), layers.variable_dtype()),)
        self._predict = tf.function(lambda x: model(x, training=False), input_signature=any_batch, autograph=False)

    def score(self, data: Tensors, scaling: Scaling, rows: npt.NDArray[np.int32]) -> Scored:
        """What the model says of some rows of a data set; losses are computed from that elsewhere."""
        places = range(0, len(rows), BATCH)
        found = [self._predict(scaling(data.take(rows[start : start + BATCH])[0])).numpy() for start in places]
        return Scored(float("nan"), float("nan"), np.concatenate(found))


class Evaluator:
    """Scores one model on any rows; the same graph serves batches of every size.

    Args:
        model: scored with the weights it has at the time of the call.
        shape: of one example, as it takes it.
        logits: whether it ends in logits.
    """

    def __init__(self, model: keras.Model, shape: tuple[int, ...], *, logits: bool = False) -> None:
        any_batch = (tf.TensorSpec((None, *shape), layers.variable_dtype()), tf.TensorSpec((None,), tf.int32))

        def sums(features: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
            losses, hits, predicted = score_batch(model, features, labels, logits=logits)
            return [tf.reduce_sum(losses), tf.reduce_sum(hits), predicted]

        self._sums = tf.function(sums, input_signature=any_batch, autograph=False)

    def score(self, data: Tensors, scaling: Scaling, rows: npt.NDArray[np.int32]) -> Scored:
        """What the model says of some rows of a data set."""
        loss = correct = 0.0
        predictions = []
        for start in range(0, len(rows), BATCH):
            features, labels = data.take(rows[start : start + BATCH])
            sums = self._sums(scaling(features), labels)
            loss += float(sums[0])
            correct += float(sums[1])
            predictions.append(sums[2].numpy())
        return Scored(loss / len(rows), correct / len(rows), np.concatenate(predictions))
