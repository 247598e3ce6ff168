"""The plain Keras model of a treatment: ordinary layers, loss and optimizer, as a tutorial would write them."""

import inspect
from collections.abc import Callable
from typing import Any, Literal

import keras
import numpy.typing as npt
import tensorflow as tf

from ablate.settings.levels import plain
from ablate.settings.network_levels import CLIPS
from ablate.settings.run import RunSettings
from ablate.settings.seeds import Stream, derive
from ablate.training.blueprint import Blueprint
from ablate.training.networks import layers, numbers, outputs, pieces
from ablate.training.networks.initializers import initializers
from ablate.training.networks.kernels import max_norm, penalty
from ablate.usercode import code

Array = npt.NDArray[Any]

_OPTIMIZERS = {
    "sgd": keras.optimizers.SGD,
    "adagrad": keras.optimizers.Adagrad,
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "adamax": keras.optimizers.Adamax,
    "nadam": keras.optimizers.Nadam,
    "adadelta": keras.optimizers.Adadelta,
    "lion": keras.optimizers.Lion,
    "ftrl": keras.optimizers.Ftrl,
    "lamb": keras.optimizers.Lamb,
    "muon": keras.optimizers.Muon,
}


def build(
    settings: RunSettings,
    features: int,
    units: int,
    seed: int,
    blueprint: Blueprint | None = None,
    image: tuple[int, ...] = (),
) -> keras.Model:
    """The network of a treatment with the initial weights of a seed, compiled and ready for `fit`.

    Args:
        settings: the treatment.
        features: numbers per example.
        units: of the last layer: of a softmax over the classes, or one linear unit in a regression.
        seed: the replicate's seed.
        blueprint: of the user's model, where the treatment has one instead of hidden layers.
        image: shape of an example, where hidden layers see examples as images because these are changed first.
    """
    if blueprint is not None:
        model = blueprint.fresh(seed)
        compile_model(model, settings, jit_compile=not blueprint.convolves)
    else:
        model = _stack(settings, image or (features,), units, seed)
        compile_model(model, settings)
    return model


def _stack(settings: RunSettings, shape: tuple[int, ...], units: int, seed: int) -> keras.Model:
    """Hidden layers.

    Layers are named by block: `dense_1`, `batch_norm_1`, `activation_1`, `dropout_1`, a second dense `dense_1b`,
    pieces before the first block `batch_norm_input` and `dropout_input`, the last layer `output`.
    """
    initial = initializers(settings, seed)
    norm_input, norms = settings.normalizations
    rate_input, rates = settings.by_layer("dropout")
    named = settings.model.activation
    activation = code.load(named) if ":" in named else named
    inputs = keras.Input(shape, name="features")
    x = inputs
    for changed in pieces.at_the_input(settings.remedies.augmentation, settings.remedies.input_noise, shape):
        x = changed.seeded(seed)(x)
    if len(shape) > 1:
        x = keras.layers.Flatten(name="flatten")(x)
    for input_piece in settings.model.input_block:
        if input_piece == "batch_norm" and norm_input != "none":
            x = _normalization(norm_input, "input", x)
        if input_piece == "dropout" and rate_input:
            x = _dropout("input", rate_input, seed, 0)(x)
    for number, width in enumerate(settings.model.hidden, 1):
        dense_seen = False
        for piece in settings.model.block:
            if piece == "dense":
                x = _dense(f"dense_{number}b" if dense_seen else f"dense_{number}", width, settings, initial)(x)
                dense_seen = True
            elif piece == "batch_norm" and norms[number - 1] != "none":
                x = _normalization(norms[number - 1], str(number), x)
            elif piece == "activation":
                x = keras.layers.Activation(activation, name=f"activation_{number}")(x)
            elif piece == "dropout" and rates[number - 1]:
                x = _dropout(str(number), rates[number - 1], seed, number)(x)
    ending = None if settings.is_regression else "softmax"
    output = keras.layers.Dense(units, activation=ending, kernel_initializer=initial["output"], name="output")
    return keras.Model(inputs, output(x), name="network")  # unnamed, its name would count the models before it


def _normalization(level: Any, place: str, x: keras.KerasTensor) -> keras.KerasTensor:
    name, kind, arguments = pieces.normalization(level, x.shape[-1], f"dense_{place}")
    return kind(**arguments, name=f"{name}_{place}")(x)


def compile_model(model: keras.Model, settings: RunSettings, *, jit_compile: bool | Literal["auto"] = True) -> None:
    """Give a model the treatment's optimizer and loss, and the accuracy metric where there are classes."""
    units, logits = model.outputs[0].shape[-1], settings.model.logits
    kept: dict[str, Any]
    if settings.loss is not None:
        kept = {"loss": numbers.loss(settings.loss)}
    else:
        loss = outputs.loss(units, logits=logits, smoothing=settings.remedies.label_smoothing)
        kept = {"loss": loss, "metrics": [outputs.accuracy(units, logits=logits)]}
    compiles = False if jit_compile is True and not _supports_xla(model) else jit_compile
    model.compile(optimizer=_optimizer(settings), jit_compile=compiles, **kept)


def compile_in_own_unit(model: keras.Model, settings: RunSettings) -> None:
    """The same for a network that predicts in the unit of its target, so that Keras' figures are in it as well.

    Huber's loss becomes the squared error: Keras (3.15) forgets up to where it is squared when it loads a network.

    Args:
        model: it gives back float64 numbers.
        settings: of a regression.
    """
    metrics = [keras.metrics.MeanAbsoluteError, keras.metrics.RootMeanSquaredError]
    model.compile(
        optimizer=_optimizer(settings),
        loss=numbers.loss("mae" if settings.loss == "mae" else "mse"),
        metrics=[metric(dtype="float64") for metric in metrics],
    )


def _optimizer(settings: RunSettings) -> keras.optimizers.Optimizer:
    level = plain(settings.remedies.optimizer)
    arguments = {key: value for key, value in level.items() if key != "name"}
    arguments["learning_rate"] = learning_rate(settings)
    clip = settings.remedies.gradient_clip
    if clip is not False and not any(name in arguments for name in CLIPS):
        arguments |= plain(clip)
    if settings.remedies.weight_decay:
        arguments.setdefault("weight_decay", settings.remedies.weight_decay)
    return _OPTIMIZERS[level["name"]](**arguments, name=level["name"])


def _supports_xla(model: keras.Model) -> bool:
    """Whether Keras' layers say that XLA can compile them; where one cannot, `fit` warns and goes without."""
    return all(layer.supports_jit for layer in model._flatten_layers())  # noqa: SLF001 - those in wrappers too


def materialize(model: keras.Model, shape: tuple[int, ...]) -> None:
    """Create the variables that Keras would make at the first step: optimizer slots, loss and metrics.

    Without them `fit` builds symbolically, which draws a batch and disturbs the order of the others.

    Args:
        model: a compiled model.
        shape: of one example, as it takes it.
    """
    model.optimizer.build(model.trainable_variables)
    labels = tf.int32 if model.metrics[1:] else tf.float32
    model.test_step((tf.zeros((1, *shape)), tf.zeros((1,), labels)))
    model.reset_metrics()


def weights_reader(model: keras.Model) -> Callable[[], list[Array]]:
    """A function that returns what a model has learned, in a third of the time of `get_weights`: by one call."""
    variables = layers.learned_variables(model)
    read = tf.function(lambda: [tf.identity(variable.value) for variable in variables], autograph=False)
    return lambda: [value.numpy() for value in read()]


def learning_rate(settings: RunSettings) -> float:
    """The optimizer level's own rate, else the study's, else Keras' default for that optimizer."""
    level = settings.remedies.optimizer
    default = inspect.signature(_OPTIMIZERS[level.name]).parameters["learning_rate"].default
    return float(level.learning_rate or settings.training.learning_rate or default)


def _dense(
    name: str, units: int, settings: RunSettings, initial: dict[str, keras.initializers.Initializer]
) -> keras.layers.Layer:
    held = {} if name.endswith("b") else _held_small(settings)
    return keras.layers.Dense(units, kernel_initializer=initial[name], **held, name=name)


def _held_small(settings: RunSettings) -> dict[str, Any]:
    """What keeps the kernels of the first denses small, as arguments of the layer."""
    held: dict[str, Any] = {}
    if settings.remedies.l1 or settings.remedies.l2:
        held["kernel_regularizer"] = penalty(settings.remedies.l1, settings.remedies.l2)
    if settings.remedies.max_norm:
        held["kernel_constraint"] = max_norm(settings.remedies.max_norm, (0,))
    return held


def _dropout(place: str, rate: float, seed: int, number: int) -> keras.layers.Layer:
    return keras.layers.Dropout(rate, seed=dropout_seed(seed, number), name=f"dropout_{place}")


def dropout_seed(seed: int, number: int) -> int:
    """The seed of the dropout after hidden layer `number`, or at the input (0)."""
    return derive(seed, Stream.DROPOUT, number)
