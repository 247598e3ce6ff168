"""Initial weights: the Keras initializer of every dense layer, with a seed of its own."""

import inspect
from typing import Any

import keras

from ablate.settings.levels import plain
from ablate.settings.run import RunSettings
from ablate.settings.seeds import Stream, derive


def initializers(settings: RunSettings, seed: int) -> dict[str, keras.initializers.Initializer]:
    """The kernel initializer of every dense layer, each with a seed of its own.

    The init remedy goes to the first dense of a block; second denses and the output keep Keras' default.
    """
    level = plain(settings.remedies.init)
    output = len(settings.model.hidden) + 1
    found = {"output": initializer({"name": "glorot_uniform"}, derive(seed, Stream.INIT, output, 0))}
    for number in range(1, output):
        found[f"dense_{number}"] = initializer(level, derive(seed, Stream.INIT, number, 0))
        second = initializer({"name": "glorot_uniform"}, derive(seed, Stream.INIT, number, 1))
        found[f"dense_{number}b"] = second
    return found


def initializer(level: dict[str, Any], seed: int | None = None) -> keras.initializers.Initializer:
    """The Keras initializer of a level of the init remedy.

    Args:
        level: its name and arguments.
        seed: for those that are random; `None` for one that Keras chooses.
    """
    class_name = "".join(word.title() for word in level["name"].split("_"))
    arguments = {key: value for key, value in level.items() if key != "name"}
    factory = getattr(keras.initializers, class_name)
    if "seed" in inspect.signature(factory).parameters:
        arguments["seed"] = seed
    return factory(**arguments)
