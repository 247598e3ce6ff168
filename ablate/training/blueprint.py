"""A model of the user's, from a builder or a file: checked, and copied for every run with weights of its own seed."""

import copy
import functools
import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state

from ablate.errors import AblateError, ModelError
from ablate.settings.levels import plain
from ablate.settings.run import RunSettings
from ablate.settings.seeds import Stream, derive
from ablate.training.networks import layers, numbers, outputs
from ablate.training.networks.initializers import initializer
from ablate.training.networks.layers import FUNCTIONAL, Array
from ablate.training.networks.traced import operations
from ablate.training.remedies.changes import Note
from ablate.training.remedies.placement import place
from ablate.training.remedies.rebuild import rebuild
from ablate.usercode import builders, code, model_files

Shape = tuple[int, ...]
Place = tuple[int, int]


@dataclass(frozen=True)
class Blueprint:
    """A model of the user's, and what every run has of it.

    Attributes:
        model: as it came.
        shape: of one example, as the model takes it.
        example: of one example, as it is in the data.
        given: the weights that every run starts from, by layer: those that the builder or the file decides. All
            others are drawn anew for every seed.
        places: by layer, see `_places`; of the model before remedies were put in.
        notes: what became of the remedies that were put in.
        dropouts: the dropouts that were put in for the remedy, by name.
        split: layers that are the activation of another now, with the name of that one.
    """

    model: keras.Model
    shape: Shape
    example: Shape
    given: Mapping[str, Array]
    places: Mapping[str, Place]
    notes: tuple[Note, ...] = ()
    dropouts: frozenset[str] = frozenset()
    split: Mapping[str, str] = field(default_factory=dict)

    def fresh(self, seed: int) -> keras.Model:
        """A copy with the initial weights of a seed, and with that seed in everything random.

        Initializers and dropouts get a seed by the place of their layer among those of their kind, so that layers
        share their weights with those of another treatment where a dropout or a normalization more stands between.
        """
        numbers = {id(layer): self.places[name] for name, layer in layers.walk(self.model)}

        def reseeded(layer: keras.Operation) -> keras.Operation:
            place = numbers.get(id(layer))  # what Keras adds by itself, as for a mask, is no layer and has none
            return layers.copy(layer, **(_reseeded(layer, place, seed) if place else {}))

        model = keras.models.clone_model(self.model, clone_function=reseeded, recursive=True)
        layers.put_weights(model, {**layers.weights_by_layer(model), **self.given})
        return model

    @functools.cached_property
    def convolves(self) -> bool:
        """Whether one of its operations is a convolution, for which XLA has no fast gradient on a CPU."""
        return any("Conv" in kind for kind in operations(self.model, self.shape))


def draw(settings: RunSettings, example: Shape, classes: int, folder: Path) -> Blueprint:
    """The blueprint of a treatment's model. Runs the builder's code, or reads the file.

    Args:
        settings: of the treatment; its model is not one of hidden layers.
        example: shape of one example, as it is in the data.
        classes: how many classes there are; 0 in a regression.
        folder: of the study.

    Raises:
        ModelError: what came is no model that can be trained on this data.
    """
    if settings.model.file is not None:
        path = model_files.locate(settings.model.file, folder)
        model = _loaded(path)
        shape = _checked(model, str(path), example, classes, logits=settings.model.logits)
        own = Blueprint(model, shape, example, layers.weights_by_layer(model), _places(model))
        return _with_remedies(own, settings, (), settings.model.file)
    what = f"{settings.model.builder}"
    make = _caller(settings, example, classes, folder)
    (first, one), (second, other) = (_made(make, seed) for seed in (1, 2))
    shape, _ = (_checked(model, what, example, classes, logits=settings.model.logits) for model in (first, second))
    if one == other:
        message = "sets the seed of all random numbers (keras.utils.set_random_seed, random.seed); remove that line"
        raise ModelError(f"{what} {message}: every run has seeds of its own")
    own = Blueprint(first, shape, example, _unchanged(first, second, what), _places(first))
    return _with_remedies(own, settings, _takes(settings, folder), what)


def _with_remedies(own: Blueprint, settings: RunSettings, takes: Sequence[str], what: str) -> Blueprint:
    """A blueprint with those remedies put in that its builder was not handed.

    Raises:
        ModelError: one has no place in it.
    """
    remedies = builders.placed(settings, takes)
    if not remedies:
        return own
    came = {name.rpartition("/")[0] for name, weight in own.given.items() if weight.ndim > 1}
    placement = place(own.model, settings.model, remedies, what, came)
    rebuilt = rebuild(own.model, placement)
    names = {name for name, _ in layers.walk(rebuilt.model)}
    given = {
        name: weight
        for name, weight in own.given.items()
        if (layer := name.rpartition("/")[0]) in names and layer not in placement.renewed
    }
    pieces = {name: (0, piece.place) for name, piece in rebuilt.pieces.items()}
    dropouts = frozenset(name for name, piece in rebuilt.pieces.items() if piece.remedy == "dropout")
    places, notes = {**own.places, **pieces}, tuple(placement.notes)
    return replace(
        own, model=rebuilt.model, given=given, places=places, notes=notes, split=rebuilt.split, dropouts=dropouts
    )


def _takes(settings: RunSettings, folder: Path) -> tuple[str, ...]:
    """The parameters of a builder."""
    assert settings.model.builder is not None
    return code.signature(settings.model.builder, folder, builders.KEY).names


def _caller(settings: RunSettings, example: Shape, classes: int, folder: Path) -> Callable[[], Any]:
    """The builder, to be called with everything that is handed to it."""
    reference = settings.model.builder
    assert reference is not None
    takes = code.signature(reference, folder, builders.KEY)
    make = code.load(reference)
    facts = {"input_shape": example, "classes": classes or 1}  # one unit for a number
    known = {name: value for name, value in facts.items() if name in takes.names or takes.any_name}

    def call() -> Any:
        remedies = builders.handed(settings, takes.names, takes.required)
        if "init" in remedies:
            remedies["init"] = initializer(plain(remedies["init"]))
        arguments = copy.deepcopy({**settings.model.arguments, **remedies})
        try:
            return make(**known, **arguments)
        except (AblateError, MemoryError):
            raise
        except Exception as error:
            raise ModelError(f"{reference} {code.raised(error)}") from error

    return call


def _made(make: Callable[[], Any], seed: int) -> tuple[Any, Any]:
    """What a builder returns where everything random begins at a seed, and the state that it leaves that in."""
    with _names_from_the_beginning():
        keras.utils.set_random_seed(seed)
        return make(), random.getstate()


@contextmanager
def _names_from_the_beginning() -> Iterator[None]:
    """Name layers as a fresh process would: weights are known by these names, whatever was built before.

    Where Keras (3.15) keeps its counters is internal to it.
    """
    before = global_state.get_global_attribute("object_name_uids")
    global_state.set_global_attribute("object_name_uids", None)
    try:
        yield
    finally:
        global_state.set_global_attribute("object_name_uids", before)


def _unchanged(first: keras.Model, second: keras.Model, what: str) -> dict[str, Array]:
    """Weights that a builder makes the same at every seed: pretrained ones, zeros, those with a seed of their own."""
    one, other = layers.weights_by_layer(first), layers.weights_by_layer(second)
    arrays = [list(layers.arrays_in_operations(model)) for model in (first, second)]
    shapes = [{name: weight.shape for name, weight in weights.items()} for weights in (one, other)]
    if shapes[0] != shapes[1] or len(arrays[0]) != len(arrays[1]):
        raise ModelError(f"{what} returned two different networks when it was called twice with the same arguments")
    for (name, value), (_, again) in zip(*arrays, strict=True):
        if not np.array_equal(value, again):
            message = f"'{name}' takes random numbers as an argument, which cannot be drawn anew for every seed"
            raise ModelError(f"{what}: {message}; make them weights of a layer, or give them a seed")
    return {name: weight for name, weight in one.items() if np.array_equal(weight, other[name], equal_nan=True)}


def _loaded(path: Path) -> keras.Model:
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise ModelError(f"{path} cannot be loaded: {' '.join(str(error).split())[:300]}") from error


def _checked(model: Any, what: str, example: Shape, classes: int, *, logits: bool) -> Shape:
    """The shape of an example as a model takes it; the model is seen to fit the data.

    Raises:
        ModelError: it does not, or is none.
    """
    if not isinstance(model, keras.Model):
        raise ModelError(f"{what} returned {type(model).__name__}, not a Keras model")
    if not isinstance(model, keras.Sequential | FUNCTIONAL):
        hint = "make it of layers, by keras.Sequential or keras.Model(inputs, outputs)"
        raise ModelError(f"{what}: the layers of a subclassed model ({type(model).__name__}) cannot be copied; {hint}")
    if not model.built:
        model.build((None, *example))
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        counts = f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
        raise ModelError(
            f"{what} has {counts}, and should have one each; several inputs can come as one, to be taken apart in it"
        )
    shape = _input_shape(tuple(model.inputs[0].shape[1:]), example)
    if shape is None:
        raise ModelError(f"{what} takes examples of shape {model.inputs[0].shape[1:]}, and the data has {example}")
    if classes:
        outputs.check(model, what, shape, classes, logits=logits)
    else:
        numbers.check(model, what)
    _check_weights(model, what)
    _forget_compilation(model)
    return shape


def _forget_compilation(model: keras.Model) -> None:
    """Let a model be as if it and the models inside it had never been compiled.

    Keras compiles the copies of a compiled model, too, and a network that is saved would bring their optimizer along.
    """
    for part in model._flatten_layers():  # noqa: SLF001 - models inside wrappers too
        if isinstance(part, keras.Model):
            part.compiled = False


def _input_shape(wanted: tuple[int | None, ...], example: Shape) -> Shape | None:
    """How a model takes examples: as they are, or in another shape of as many numbers; `None` if it cannot."""
    if len(wanted) == len(example) and all(size in (None, given) for size, given in zip(wanted, example, strict=True)):
        return example
    known = tuple(size for size in wanted if size is not None)
    return known if len(known) == len(wanted) and np.prod(known) == np.prod(example) else None


def _check_weights(model: keras.Model, what: str) -> None:
    """See that no weights are used beside their layer: the copies of every seed would go on using the first ones."""
    for name, value in layers.arrays_in_operations(model):
        if isinstance(value, keras.Variable | tf.Variable):
            message = f"'{name}' takes weights as an argument ({value.name}), which cannot be copied for every seed"
            raise ModelError(f"{what}: {message}; use them inside a layer of your own")


def _places(model: keras.Model) -> dict[str, Place]:
    """By layer, its number among those with a matrix of weights, and among those with random numbers, from 1."""
    found: dict[str, Place] = {}
    weighted = noisy = 0
    for name, layer in layers.walk(model):
        weighted += any(len(weight.shape) > 1 for weight in layer.weights)
        noisy += "seed" in layers.settings(layer)
        found[name] = weighted, noisy
    return found


def _reseeded(layer: keras.layers.Layer, place: Place, seed: int) -> dict[str, Any]:
    """The settings of a layer that hold a seed, those of layers in it too, with seeds that belong to its place."""
    weights, noises = itertools.count(), itertools.count()

    def put(key: str, value: Any) -> Any:
        match value:
            case {"config": {"seed": _}} if key.endswith("initializer"):
                own = derive(seed, Stream.INIT, place[0], next(weights))
                return {**value, "config": {**value["config"], "seed": own}}
            case dict():
                return {name: put(name, entry) for name, entry in value.items()}
            case list():
                return [put(key, entry) for entry in value]
            case _:
                return derive(seed, Stream.DROPOUT, place[1], next(noises)) if key == "seed" else value

    config = layer.get_config()
    return {key: found for key, value in config.items() if (found := put(key, value)) != value}
