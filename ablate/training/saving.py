"""A trained network as a plain Keras model: ordinary layers, no trace of the program that trained it."""

from dataclasses import dataclass, field

import keras

from ablate.study.settings import RunSettings
from ablate.training import model as plain_model
from ablate.training.data import Scaling


@dataclass
class PlainModels:
    """Plain models to copy trained weights into, one for each treatment, since building one takes longer than that.

    Attributes:
        capacity: models kept; the one unused for longest is dropped.
    """

    capacity: int = 32
    _models: dict[str, keras.Model] = field(default_factory=dict)

    def copy(self, trained: keras.Model, settings: RunSettings, scaling: Scaling) -> keras.Model:
        """A network with trained weights, and with the scaling of features as its first layer.

        It takes features as they are in the data, is compiled with loss and metric objects, and needs nothing of this
        package to be loaded, evaluated or trained further. Its optimizer starts anew.

        Args:
            trained: the network as either trainer leaves it; layers of one name have the same weights in both.
            settings: of the run.
            scaling: what the run's features went through.

        Returns:
            The model; the next run of this treatment gets the same object with other weights.
        """
        shift, factor = scaling.shift.numpy(), scaling.factor.numpy()
        key = f"{settings.model_dump_json()} {shift.tobytes().hex()} {factor.tobytes().hex()}"
        found = self._models.pop(key, None)
        if found is None:
            found = _build(settings, trained.output_shape[1], shift.tolist(), factor.tolist())
        self._models[key] = found
        if len(self._models) > self.capacity:
            self._models.pop(next(iter(self._models)))
        for layer in found.layers:
            if layer.weights:
                layer.set_weights(trained.get_layer(layer.name).get_weights())
        return found


def _build(settings: RunSettings, classes: int, shift: list[float], factor: list[float]) -> keras.Model:
    network = plain_model.build(settings, len(shift), classes, seed=0)
    inputs = keras.Input((len(shift),), name="features")
    offset = [-one * other for one, other in zip(shift, factor, strict=True)]
    x = keras.layers.Rescaling(factor, offset, name="scaling")(inputs)
    for layer in network.layers[1:]:
        x = layer(x)
    model = keras.Model(inputs, x, name="network")
    plain_model.compile_model(model, settings, jit_compile="auto")
    return model
