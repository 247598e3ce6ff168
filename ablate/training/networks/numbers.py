"""How a network of a regression ends, in one number, and the losses of a standardized target."""

from typing import Any

import keras
import numpy as np

from ablate.errors import ModelError
from ablate.settings.run import LossName
from ablate.training.networks.layers import FUNCTIONAL

_BOUNDED = (keras.layers.Softmax, keras.layers.ReLU)  # layers whose name says what `activation` says of others


def loss(name: LossName) -> keras.losses.Loss:
    """Keras' loss of a name as `training.loss` has it, of a standardized target."""
    match name:
        case "mse":
            return keras.losses.MeanSquaredError()
        case "mae":
            return keras.losses.MeanAbsoluteError()
        case "huber":
            return keras.losses.Huber()  # squared up to 1, a standard deviation


def check(model: keras.Model, what: str) -> None:
    """See that a model of the user's ends in one number that can be anything: the target is standardized.

    Args:
        model: of the user's.
        what: it is called in errors.

    Raises:
        ModelError: it does not; says what it should end in.
    """
    end, advice = tuple(model.outputs[0].shape[1:]), "it should end in Dense(1)"
    if end != (1,):
        count = f"; {np.prod(end)} numbers an example are not supported" if len(end) == 1 and end[0] else ""
        raise ModelError(f"{what} ends in shape {end}; for one number to predict {advice}{count}")
    last = _last(model)
    activation = getattr(getattr(last, "activation", None), "__name__", "linear")
    named = activation if activation != "linear" else type(last).__name__.lower()
    if activation != "linear" or isinstance(last, _BOUNDED):
        message = f"ends in {named}, which cannot take every value; a regression learns a standardized target: {advice}"
        raise ModelError(f"{what} {message}, without an activation")


def _last(model: keras.Model) -> Any:
    """What computes the output of a model: a layer or an operation, of a model inside it too."""
    found = model.outputs[0]._keras_history.operation  # noqa: SLF001 - Keras has no public way to it
    return _last(found) if isinstance(found, keras.Sequential | FUNCTIONAL) else found
