"""Which layers of a network hold kernels, under which settings, and how a remedy changes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from ablate.training.networks import layers


@dataclass(frozen=True)
class Kernel:
    """A kernel of a layer.

    Attributes:
        name: how the layer's settings for it begin, as in `kernel_initializer`.
        axes: of the kernel that the incoming weights of one unit run along: what a max-norm constraint measures.
    """

    name: str
    axes: tuple[int, ...]


RECURRENT = Kernel("recurrent", (0,))
DENSE = (keras.layers.Dense,)
RECURRENT_LAYERS = (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN)
PLAIN_CONVOLUTIONS = {getattr(keras.layers, f"Conv{n}D"): n for n in (1, 2, 3)}
TRANSPOSED = {getattr(keras.layers, f"Conv{n}DTranspose"): n for n in (1, 2, 3)}
DEPTHWISE = {getattr(keras.layers, f"DepthwiseConv{n}D"): n for n in (1, 2)}
SEPARABLE = {getattr(keras.layers, f"SeparableConv{n}D"): n for n in (1, 2)}
CONVOLUTIONS = (*PLAIN_CONVOLUTIONS, *TRANSPOSED, *DEPTHWISE, *SEPARABLE)

# Where a kernel has its incoming weights: its last axis is the units', but the transposed ones' (..., units, inputs)
KERNELS: dict[type[keras.layers.Layer], tuple[Kernel, ...]] = {
    **dict.fromkeys((*DENSE, *RECURRENT_LAYERS), (Kernel("kernel", (0,)),)),
    **{kind: (Kernel("kernel", tuple(range(n + 1))),) for kind, n in PLAIN_CONVOLUTIONS.items()},
    **{kind: (Kernel("kernel", (*range(n), n + 1)),) for kind, n in TRANSPOSED.items()},
    **{kind: (Kernel("depthwise", tuple(range(n))),) for kind, n in DEPTHWISE.items()},
    **{
        kind: (Kernel("depthwise", tuple(range(n))), Kernel("pointwise", tuple(range(n + 1))))
        for kind, n in SEPARABLE.items()
    },
}


def parts(layer: keras.Operation) -> dict[str, keras.layers.Layer]:
    """The layers with kernels that a layer is (under ``""``) or wraps (by the wrapper's setting); empty if none is.

    Only Keras' own classes count: what a class derived from one does with a kernel is not known.
    """
    if type(layer) is keras.layers.TimeDistributed:
        found = {"layer": layer.layer}
    elif type(layer) is keras.layers.Bidirectional:
        found = {"layer": layer.forward_layer, "backward_layer": layer.backward_layer}
    else:
        found = {"": layer}
    return found if all(type(part) in KERNELS for part in found.values()) else {}


def kernels(part: keras.layers.Layer, *, recurrent: bool) -> tuple[Kernel, ...]:
    """The kernels of a layer that remedies go to; the recurrent one only on request."""
    also = (RECURRENT,) if recurrent and isinstance(part, RECURRENT_LAYERS) else ()
    return KERNELS[type(part)] + also


def own(layer: keras.layers.Layer, what: str, *, recurrent: bool) -> list[Any]:
    """What the kernels of a layer have already of `initializer`, `regularizer` or `constraint`."""
    found = [
        getattr(part, f"{kernel.name}_{what}", None)
        for part in parts(layer).values()
        for kernel in kernels(part, recurrent=recurrent)
    ]
    return [each for each in found if each is not None]


def changed(
    layer: keras.layers.Layer, settings: Mapping[str, Any], *, recurrent: bool, linear: bool = False
) -> dict[str, Any]:
    """The settings of a layer whose kernels get an initializer, a regularizer or a constraint.

    Args:
        layer: one that has `parts`.
        settings: by `initializer`, `regularizer` or `constraint`, a Keras object, or a function of the kernel's axes
            that returns one.
        recurrent: whether recurrent kernels get it as well.
        linear: whether its activation is taken away, and the penalty on what comes out of it.

    Returns:
        What differs from its own settings, as `layers.copy` takes it.
    """
    found: dict[str, Any] = {}
    for key, part in parts(layer).items():
        own_changes = dict(_changes(part, settings, recurrent=recurrent))
        if linear:
            own_changes |= {"activation": "linear"}
            if part.activity_regularizer is not None:
                own_changes["activity_regularizer"] = None
        if key:
            written = layers.settings(layer)[key]
            found[key] = {**written, "config": {**written["config"], **own_changes}}
        else:
            found |= own_changes
    return found


def _changes(part: keras.layers.Layer, settings: Mapping[str, Any], *, recurrent: bool) -> Iterator[tuple[str, Any]]:
    for kernel in kernels(part, recurrent=recurrent):
        for what, value in settings.items():
            made = value(kernel.axes) if what == "constraint" else value
            yield f"{kernel.name}_{what}", keras.saving.serialize_keras_object(made)


def penalty(l1: float, l2: float) -> keras.regularizers.Regularizer:
    """The regularizer of kernels for strengths of which one at least is not 0."""
    return keras.regularizers.L1L2(l1, l2) if l1 else keras.regularizers.L2(l2)


def max_norm(length: float, axes: tuple[int, ...]) -> keras.constraints.Constraint:
    """The constraint on the length of a unit's incoming weights, which run along some axes of a kernel."""
    return keras.constraints.MaxNorm(length, axis=axes[0] if len(axes) == 1 else list(axes))
