"""Whether a network takes its features as they are: whole numbers that it looks up, such as tokens or categories."""

import re
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ablate.data.dataset import Dataset
from ablate.data.ondisk import OnDisk
from ablate.errors import ModelError
from ablate.settings.run import RunSettings
from ablate.training.blueprint import Blueprint
from ablate.training.networks.lookups import looks_up
from ablate.training.networks.pieces import at_the_input
from ablate.usercode import tokens

ROWS = 4096  # that are shown to a network at once
LARGEST = 2**24  # below which float32 holds every whole number


def as_taken(dataset: Dataset, settings: RunSettings, blueprint: Blueprint | None, folder: Path) -> Dataset:
    """A data set with the scaling that a network can use: none, where it looks whole numbers up and nobody chose one.

    Args:
        dataset: the data; its arrays are shared.
        settings: of the treatment.
        blueprint: of its model, unless that is one of hidden layers.
        folder: of the study.

    Raises:
        ModelError: the numbers are too large to be held exactly; or nothing in the study's files shows that the network
            looks them up, so that older records of the run may be of scaled ones.
    """
    first = looks_up(blueprint.model) if blueprint else ""
    if not first:
        return dataset
    if not isinstance(dataset.x, OnDisk) and abs(dataset.x).max() >= LARGEST:
        message = f"layer '{first}' looks up whole numbers, and those from {LARGEST:,} on are not exact in float32"
        raise ModelError(f"{message}; give them smaller numbers")
    if dataset.automatic and dataset.pivots is not None:
        message = f"layer '{first}' looks up whole numbers, and a column has values that are not exact in float32"
        raise ModelError(f"{message} (a large offset); make it small, or say scale = 'none' under [data]")
    if not dataset.automatic or dataset.scale == "none":
        return dataset
    if not tokens.may_take(settings, folder):
        message = f"layer '{first}' looks up whole numbers, but is not named in the builder's module"
        raise ModelError(f"{message}; say scale = 'none' under [data]")
    return replace(dataset, scale="none", divisor=1.0, looked_up_by=first)


def shape(dataset: Dataset, settings: RunSettings, blueprint: Blueprint | None) -> tuple[int, ...] | None:
    """The shape of an example as a network takes it; `None` for a row of numbers.

    Raises:
        ModelError: images are to be changed, and there are none.
    """
    if blueprint is not None:
        return blueprint.shape
    if settings.remedies.augmentation is False:
        return None
    at_the_input(settings.remedies.augmentation, 0.0, dataset.shape)  # says what is wrong
    return dataset.shape


def check_range(model: keras.Model, dataset: Dataset) -> None:
    """See that a network has a row for every number that it looks up.

    It is shown all examples once, outside of XLA, which would take the nearest row for a number that has none. Features
    that are scaled because somebody chose that, and those that are not made of a table's columns yet, are passed over.

    Args:
        model: the network, of any weights.
        dataset: its data, as networks take it.

    Raises:
        ModelError: it has not.
    """
    are_as_taken = (dataset.automatic or dataset.scale == "none") and dataset.recipe is None and dataset.pivots is None
    name = looks_up(model)
    if not name or not are_as_taken:
        return
    for start in range(0, len(dataset.x), ROWS):
        rows = dataset.x[np.arange(start, min(start + ROWS, len(dataset.x)))].astype(np.float32)
        try:
            model(tf.cast(rows.reshape(-1, *model.input_shape[1:]), model.inputs[0].dtype), training=False)
        except tf.errors.InvalidArgumentError as error:
            detail = re.search(r"= (-?\d+) is not in (\[\d+, \d+\))", str(error))
            said = f": {detail[1]} is not in {detail[2]}" if detail else f" from {rows.min():g} to {rows.max():g}"
            message = f"layer '{name}' looks up whole numbers, and has no place for some of the data's{said}"
            raise ModelError(f"{message}; give it as many rows as there are numbers") from None
