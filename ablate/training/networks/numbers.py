"""How a network of a regression ends, in one number, and the losses of a standardized target."""

import keras
import numpy as np

from ablate.errors import ModelError
from ablate.settings.run import LossName
from ablate.training.networks import endings

TARGET = "target"  # the layer of saved networks that puts the mean and standard deviation of the target back
_TAKE_EVERY_VALUE = {"", "linear", "leaky_relu", "prelu", "tanh_shrink", "soft_shrink"}


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
    named = endings.activation(model)
    if named not in _TAKE_EVERY_VALUE:
        message = f"ends in {named}, which cannot take every value; a regression learns a standardized target: {advice}"
        raise ModelError(f"{what} {message}, without an activation")
    _check_unit(model, what)


def _check_unit(model: keras.Model, what: str) -> None:
    """See that a model does not put predictions back into the unit of a target, as `saving.plain_network` does."""
    last = endings.last(model)
    if isinstance(last, keras.layers.Rescaling) and last.name == TARGET:
        raise ModelError(
            f"{what} predicts in the unit of its target: its last layer is the Rescaling '{TARGET}' of networks that "
            "ablate saved. A regression trains on the standardized target, (y - mean) / sd, and puts predictions back "
            f'itself; save the network without it: keras.Model(network.inputs, network.get_layer("{TARGET}").input)'
            '.save("start.keras")'
        )
