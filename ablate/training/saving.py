"""A trained network as a plain Keras model: ordinary layers, no trace of the program that trained it."""

import contextlib
import logging
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from ablate.errors import StoreError
from ablate.study.settings import RunSettings
from ablate.study.sources import Dataset
from ablate.training import model as plain_model
from ablate.training.data import Scaling
from ablate.training.evaluation import BATCH

Array = npt.NDArray[np.float32]

LAYERS = (keras.layers.Dense, keras.layers.BatchNormalization)  # those that hold what was learned


def weights_by_layer(trained: keras.Model) -> dict[str, Array]:
    """The weights of a network, as either trainer leaves it, by `layer/number`."""
    return {
        f"{layer.name}/{number}": weight
        for layer in trained.layers
        if isinstance(layer, LAYERS)
        for number, weight in enumerate(layer.get_weights())
    }


def plain_network(settings: RunSettings, scaling: Scaling, classes: int, weights: Mapping[str, Array]) -> keras.Model:
    """A network with trained weights, and with the scaling of features as its first layer.

    It takes features as they are in the data, is compiled with loss and metric objects, and needs nothing of this
    package to be loaded, evaluated or trained further. Its optimizer starts anew.

    Args:
        settings: of the run.
        scaling: what the run's features went through.
        classes: units of the output.
        weights: see `weights_by_layer`.
    """
    model = _network(settings, scaling.shift.numpy(), scaling.factor.numpy(), classes)
    put_weights(model, weights)
    remedies = settings.remedies.model_copy(update={"label_smoothing": 0.0})  # whose loss is a class of this package
    plain_model.compile_model(model, settings.model_copy(update={"remedies": remedies}), jit_compile="auto")
    return model


def put_weights(model: keras.Model, weights: Mapping[str, Array]) -> None:
    """Give a network the weights that `weights_by_layer` found in one of the same layers."""
    for layer in model.layers:
        if isinstance(layer, LAYERS):
            layer.set_weights([weights[f"{layer.name}/{number}"] for number in range(len(layer.weights))])


def read_weights(path: Path, settings: RunSettings, features: int, classes: int) -> dict[str, Array]:
    """The weights in a `.keras` file that `plain_network` was saved to; nothing but numbers is read of it.

    Args:
        path: the file.
        settings: of its run.
        features: numbers per example.
        classes: units of its output.
    """
    model = _network(settings, np.zeros(features, np.float32), np.ones(features, np.float32), classes)
    model.load_weights(path)
    return weights_by_layer(model)


def evaluate(model: keras.Model, dataset: Dataset) -> dict[str, float]:
    """What Keras' `evaluate` says of a network on the test set of its data.

    Args:
        model: see `plain_network`.
        dataset: its data.

    Returns:
        `accuracy`, a share; `loss`, the cross-entropy that records have; `loss_with_penalties`, which Keras reports:
        the same and what L1 and L2 add to it.
    """
    x, y = dataset.x[dataset.test], dataset.y[dataset.test]
    loss, accuracy = model.evaluate(x, y, batch_size=BATCH, verbose=0)
    penalties = sum(float(penalty) for penalty in model.losses)
    return {"accuracy": float(accuracy), "loss": float(loss) - penalties, "loss_with_penalties": float(loss)}


def write(model: keras.Model, target: Path) -> None:
    """Write a network to a file that ends in `.keras` or `.h5`, as a whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    temporary = target.with_name(f".{secrets.token_hex(4)}{target.name}")
    try:
        with _without_advice():
            model.save(temporary)
        temporary.replace(target)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """Keep Keras from calling HDF5 a legacy format, to people who asked for it."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _network(settings: RunSettings, shift: Array, factor: Array, classes: int) -> keras.Model:
    network = plain_model.build(settings, len(shift), classes, seed=0)
    inputs = keras.Input((len(shift),), name="features")
    x = keras.layers.Rescaling(factor.tolist(), (-shift * factor).tolist(), name="scaling")(inputs)
    for layer in network.layers[1:]:
        x = layer(x)
    return keras.Model(inputs, x, name="network")
