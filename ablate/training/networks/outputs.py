"""How a network ends: in probabilities of the classes, in one for the second of two, or in their logits."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ablate.errors import ModelError
from ablate.training.networks import endings

_ENDS = ("softmax", "sigmoid")


def probabilities(predicted: tf.Tensor, *, logits: bool) -> tf.Tensor:
    """The probabilities of all classes, shape (batch, classes), from what a network says.

    Args:
        predicted: shape (batch, classes), or (batch, 1) for the second of two classes.
        logits: whether these are logits.
    """
    if predicted.shape[-1] == 1:
        second = keras.ops.sigmoid(predicted) if logits else predicted
        return keras.ops.concatenate([1 - second, second], axis=-1)
    return keras.ops.softmax(predicted) if logits else predicted


def cross_entropy(labels: tf.Tensor, predicted: tf.Tensor, *, logits: bool) -> tf.Tensor:
    """The loss of every example, shape (batch,), by Keras' function for this kind of output; arguments as above."""
    if predicted.shape[-1] == 1:
        return keras.losses.binary_crossentropy(labels[:, None], predicted, from_logits=logits)
    return keras.losses.sparse_categorical_crossentropy(labels, predicted, from_logits=logits)


def is_correct(labels: tf.Tensor, predicted: tf.Tensor, *, logits: bool) -> tf.Tensor:
    """Which examples are answered rightly, shape (batch,): by the likeliest class; of equal ones, by the first."""
    if predicted.shape[-1] == 1:
        return tf.equal(tf.cast(predicted[:, 0] > threshold(logits=logits), tf.int32), labels)
    return tf.equal(tf.argmax(predicted, axis=1, output_type=tf.int32), labels)


def threshold(*, logits: bool) -> float:
    """Above which one unit says that it is the second class."""
    return 0.0 if logits else 0.5


def accuracy(units: int, *, logits: bool) -> Any:
    """The accuracy of a network with so many units at its end, as Keras' `compile` takes it.

    By the name "accuracy" Keras compares one unit with 0.5, whatever it says.
    """
    return keras.metrics.BinaryAccuracy("accuracy", threshold=threshold(logits=logits)) if units == 1 else "accuracy"


def loss(units: int, *, logits: bool, smoothing: float = 0.0) -> keras.losses.Loss:
    """The loss of a network with so many units at its end, over labels that are class indices.

    Args:
        units: one for two classes, else as many as classes.
        logits: whether the units are logits.
        smoothing: share of the target that is spread over all classes.
    """
    if units == 1:
        return keras.losses.BinaryCrossentropy(from_logits=logits, label_smoothing=smoothing)
    if smoothing:
        return SmoothedCrossentropy(smoothing, from_logits=logits)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)


@keras.saving.register_keras_serializable(package="ablate")
class SmoothedCrossentropy(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy over integer labels with label smoothing, which Keras has for one-hot labels alone.

    The target of the true class is `1 - smoothing + smoothing / classes`, that of every other `smoothing / classes`
    (Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision", section 7).

    Args:
        smoothing: share of the target that is spread over all classes, in [0, 1).
        from_logits: whether predictions are logits.
    """

    def __init__(self, smoothing: float, *, from_logits: bool = False) -> None:
        super().__init__(name="smoothed_crossentropy")
        self._smoothing = smoothing
        self._from_logits = from_logits

    def get_config(self) -> dict[str, Any]:
        """The arguments, for Keras to copy the loss."""
        return {"smoothing": self._smoothing, "from_logits": self._from_logits}

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """The loss of every example, from labels (batch,) or (batch, 1) and predictions (batch, classes)."""
        targets = keras.ops.one_hot(keras.ops.reshape(y_true, (-1,)), y_pred.shape[-1], dtype=y_pred.dtype)
        return keras.losses.categorical_crossentropy(
            targets, y_pred, from_logits=self._from_logits, label_smoothing=self._smoothing
        )


def check(model: keras.Model, what: str, shape: tuple[int, ...], classes: int, *, logits: bool) -> None:
    """See that a model ends in what it is said to end in.

    Args:
        model: of the user's.
        what: it is called in errors.
        shape: of one example, as it takes it.
        classes: of the data.
        logits: whether it is said to end in logits.

    Raises:
        ModelError: it does not; says what it should end in.
    """
    end = tuple(model.outputs[0].shape[1:])
    units = ", or in Dense(1, activation='sigmoid')" if classes == 2 else ""
    advice = f"it should end in Dense({classes}, activation='softmax'){units}"
    if len(end) > 1:
        raise ModelError(
            f"{what} ends in shape {end}, several answers for an example, as sequence-to-sequence models have them; "
            f"what is supported is one class for each example: {advice}"
        )
    if end != (classes,) and (end, classes) != ((1,), 2):
        one = ", with one unit for each class; a single unit is for two classes" if end == (1,) else ""
        raise ModelError(f"{what} ends in shape {end}; for {classes} classes {advice}{one}")
    _check_activation(model, what, shape, advice, logits=logits)


def _check_activation(model: keras.Model, what: str, shape: tuple[int, ...], advice: str, *, logits: bool) -> None:
    named, units = endings.activation(model), model.outputs[0].shape[-1]
    if logits and named in _ENDS:
        raise ModelError(f"{what} ends in a {named}, which gives probabilities and no logits; leave out logits = true")
    if logits:
        return
    if named == "sigmoid" and units > 1:
        raise ModelError(
            f"{what} ends in {units} sigmoids, which answer for each class by itself, as multi-label models do; what "
            f"is supported is one class for each example: {advice}"
        )
    if named == "linear" or not _are_probabilities(model, shape):
        raise ModelError(
            f"{what} does not end in probabilities, which would add up to 1 over the classes; {advice}, or say "
            "logits = true under [model] where it ends in logits"
        )


def _are_probabilities(model: keras.Model, shape: tuple[int, ...]) -> bool:
    """Whether a model says probabilities of random examples, as far as these tell."""
    sample = np.random.default_rng(0).random((64, *shape), np.float32)
    found = probabilities(model(tf.constant(sample), training=False), logits=False).numpy()
    finite = found[np.isfinite(found).all(axis=1)]
    return not len(finite) or (np.allclose(finite.sum(axis=1), 1, atol=1e-3) and finite.min() >= 0)
