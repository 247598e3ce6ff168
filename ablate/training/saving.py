"""A trained network as a plain Keras model: ordinary layers, no trace of the program that trained it."""

import contextlib
import logging
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ablate.data.dataset import Dataset
from ablate.data.splits import Split
from ablate.errors import StoreError
from ablate.settings.run import RunSettings
from ablate.training import inputs
from ablate.training import model as plain_model
from ablate.training.blueprint import Blueprint
from ablate.training.data import Scaling
from ablate.training.networks import layers, numbers, outputs
from ablate.training.scores.evaluation import BATCH
from ablate.training.scores.number_scores import NumberScorer
from ablate.training.scores.scoring import AnyScorer

Array = npt.NDArray[np.float32]


def plain_network(
    settings: RunSettings,
    scaling: Scaling,
    units: int,
    weights: Mapping[str, Array],
    blueprint: Blueprint | None = None,
) -> keras.Model:
    """A network with trained weights, with the scaling of features as its first layer, of a number as its last.

    It takes features as they are in the data, predicts numbers in the unit of the target, is compiled with loss and
    metric objects, and needs nothing of this package to be loaded, evaluated or trained further. Its optimizer starts
    anew.

    Args:
        settings: of the run.
        scaling: what the run's features, and the number that it learned, went through.
        units: of the output.
        weights: see `layers.weights_by_layer`.
        blueprint: of the user's model, where the run has one.
    """
    model, network = _networks(settings, scaling, units, blueprint)
    layers.put_weights(network, weights)
    if settings.is_regression:
        plain_model.compile_in_own_unit(model, settings)
        return model
    remedies = settings.remedies.model_copy(update={"label_smoothing": 0.0})  # whose loss is a class of this package
    plain_model.compile_model(model, settings.model_copy(update={"remedies": remedies}), jit_compile="auto")
    return model


def read_weights(
    path: Path, settings: RunSettings, dataset: Dataset, blueprint: Blueprint | None = None
) -> dict[str, Array]:
    """The weights in a `.keras` file that `plain_network` was saved to; nothing but numbers is read of it.

    Args:
        path: the file.
        settings: of its run.
        dataset: its data.
        blueprint: of the user's model, where the run has one.
    """
    neutral = tf.zeros(dataset.features), tf.ones(dataset.features)
    shape = inputs.shape(dataset, settings, blueprint) or (dataset.features,)
    scaling = Scaling(*neutral, shape, pivots=dataset.wide_pivots)
    model, network = _networks(settings, scaling, dataset.outputs, blueprint)
    model.load_weights(path)
    return layers.weights_by_layer(network)


def evaluate(
    model: keras.Model, dataset: Dataset, rows: Split, scorer: AnyScorer | None = None, *, logits: bool = False
) -> dict[str, float]:
    """What Keras' `evaluate` says of a network on every part of its data that records have figures of.

    Args:
        model: see `plain_network`.
        dataset: its data.
        rows: of its run.
        scorer: what the run is scored by beside loss and accuracy.
        logits: whether the network ends in logits.

    Returns:
        `train_`, `val_` and `test_accuracy`, shares, of classes alone; `train_`, `val_` and `test_loss`, as
        records have it; `loss_with_penalties`, which Keras reports of the test set: the same and what L1 and L2 add;
        and the columns of the scorer.
    """
    found: dict[str, float] = {}
    penalties = sum(float(penalty) for penalty in model.losses)
    for side, part in (("train", rows.train_sample), ("val", rows.validation), ("test", rows.test)):
        x, y = dataset.x[part], dataset.y[part]
        if dataset.pivots is not None:
            x = x + dataset.pivots  # as they are in the data: float64
        # Keras makes float32 of float64 arrays that it is handed, but not of what a tf.data.Dataset brings
        batches = tf.data.Dataset.from_tensor_slices((x.reshape(-1, *model.input_shape[1:]), y)).batch(BATCH)
        if isinstance(scorer, NumberScorer):  # Keras would compare float32 numbers
            found |= scorer.of_numbers(side, part, model.predict(batches, verbose=0)[:, 0])
            continue
        loss, accuracy = model.evaluate(batches, verbose=0)
        found |= {f"{side}_loss": float(loss) - penalties, f"{side}_accuracy": float(accuracy)}
        if scorer is not None:
            said = tf.constant(model.predict(batches, verbose=0))
            found |= scorer.columns(side, part, outputs.probabilities(said, logits=logits).numpy())
    return {**found, "loss_with_penalties": found["test_loss"] + penalties}


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


def _networks(
    settings: RunSettings, scaling: Scaling, units: int, blueprint: Blueprint | None
) -> tuple[keras.Model, keras.Model]:
    """The network that is saved, and the trained one whose layers it has."""
    shift, factor = scaling.shift.numpy(), scaling.factor.numpy()
    image = scaling.shape if blueprint is None and len(scaling.shape) > 1 else ()
    network = blueprint.fresh(seed=0) if blueprint else plain_model.build(settings, len(shift), units, 0, image=image)
    example = blueprint.example if blueprint else image or (len(shift),)
    inputs, x = _inputs(example, scaling)
    scale, offset = (values.reshape(example).tolist() for values in (factor, -shift * factor))
    x = keras.layers.Rescaling(scale, offset, dtype="float32", name="scaling")(x)
    if blueprint is None:
        for layer in network.layers[1:]:
            x = layer(x)
    else:
        if blueprint.shape != example:
            x = keras.layers.Reshape(blueprint.shape, name="shape")(x)
        x = network(x)
    if settings.is_regression:
        # float64, and as arrays: Keras makes float32 of Python's numbers, too few digits for 1,000,000,000 and a bit
        sd, mean = np.array([scaling.target.sd]), np.array([scaling.target.mean])
        x = keras.layers.Rescaling(sd, mean, dtype="float64", name=numbers.TARGET)(x)
    return keras.Model(inputs, x, name="network"), network


def _inputs(example: tuple[int, ...], scaling: Scaling) -> tuple[Any, Any]:
    """The input, and what is scaled: where features have pivots, float64 values from which those are taken away."""
    if scaling.pivots is None:
        inputs = keras.Input(example, name="features")
        return inputs, inputs
    inputs = keras.Input(example, name="features", dtype="float64")
    pivots = scaling.pivots.reshape(example)  # arrays: Keras makes float32 of Python's numbers
    centre = keras.layers.Rescaling(np.ones(example), -pivots, dtype="float64", name="pivots")
    return inputs, centre(inputs)
