"""Stand-ins for layers that convolve, pool or normalize images, made of operations that XLA compiles well for a CPU.

XLA's own convolution is fast on a CPU only forward; its gradients end in loops over single numbers. The layers below
are Keras' own and compute the same as in `maps`. Only a compiled epoch does so, see `as_products`: everywhere else they
call what Keras' call.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import tensorflow as tf

from ablate.training.networks.maps import Window, add_bias, average, convolve, convolve_by_channel, largest, normalize

LARGEST = 2**26  # numbers in the patches of a layer; beyond, memory would be the price of speed
_compiling = ContextVar("_compiling", default=False)


@contextmanager
def as_products() -> Iterator[None]:
    """What is traced here computes convolutions and pooling by slices and products."""
    token = _compiling.set(True)
    try:
        yield
    finally:
        _compiling.reset(token)


def _on_maps(compute: Callable[[tf.Tensor], tf.Tensor], inputs: tf.Tensor) -> tf.Tensor:
    """Compute with maps from images (n, height, width, channels) or sequences (n, steps, channels), and back.

    XLA makes no copy of the transposed: it arranges what lies between two layers to suit both.
    """
    images = inputs if inputs.shape.rank == 4 else inputs[:, None]
    found = tf.transpose(compute(tf.transpose(images, (3, 1, 2, 0))), (3, 1, 2, 0))
    return found if inputs.shape.rank == 4 else found[:, 0]


def _as_images(kernel: tf.Tensor) -> tf.Tensor:
    """A kernel for images; one for sequences has one row."""
    kernel = tf.convert_to_tensor(kernel)
    return kernel if kernel.shape.rank == 4 else kernel[None]


class _AsProduct:
    """What the stand-ins of layers with weights have in common."""

    def call(self, inputs: Any) -> Any:
        """Compute by slices and products in a compiled epoch, as Keras otherwise."""
        if not _compiling.get() or not _fits(self, inputs):
            return super().call(inputs)  # type: ignore[misc]
        outputs = _on_maps(self._compute, inputs)
        activation: Callable[[Any], Any] | None = getattr(self, "activation", None)
        return outputs if activation is None else activation(outputs)

    def _compute(self, maps: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError


class _Convolution(_AsProduct):
    def _compute(self, maps: tf.Tensor) -> tf.Tensor:
        return _with_bias(self, convolve(maps, _as_images(self.kernel), Window.of(self)))  # type: ignore[attr-defined]


class _ByChannel(_AsProduct):
    def _compute(self, maps: tf.Tensor) -> tf.Tensor:
        kernel = _as_images(self.kernel)  # type: ignore[attr-defined]
        return _with_bias(self, convolve_by_channel(maps, kernel, Window.of(self)))


class _Separable(_AsProduct):
    def _compute(self, maps: tf.Tensor) -> tf.Tensor:
        layer: Any = self
        maps = convolve_by_channel(maps, _as_images(layer.depthwise_kernel), Window.of(layer))
        return _with_bias(layer, convolve(maps, _as_images(layer.pointwise_kernel), Window((1, 1), (1, 1))))


class _Largest(_AsProduct):
    def _compute(self, maps: tf.Tensor) -> tf.Tensor:
        return largest(maps, Window.of(self))


class _Average(_AsProduct):
    def _compute(self, maps: tf.Tensor) -> tf.Tensor:
        return average(maps, Window.of(self))


class CompiledBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Keras' BatchNormalization, see `as_products`; of images and sequences, in training."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize by sums that XLA vectorizes in a compiled epoch, as Keras otherwise."""
        is_usual = training and self.trainable and mask is None and not (self.renorm or self.synchronized)
        if not (_compiling.get() and is_usual and inputs.shape.is_fully_defined()):
            return super().call(inputs, training=training, mask=mask)
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        channels = (inputs.shape[-1],)
        scale = tf.cast(self.gamma, dtype) if self.scale else tf.ones(channels, dtype)
        offset = tf.cast(self.beta, dtype) if self.center else tf.zeros(channels, dtype)
        moments: list[tf.Tensor] = []

        def compute(maps: tf.Tensor) -> tf.Tensor:
            found, *of_batch = normalize(maps, scale, offset, self.epsilon)
            moments.extend(of_batch)
            return found

        outputs = _on_maps(compute, tf.cast(inputs, dtype))
        for moving, now in zip((self.moving_mean, self.moving_variance), moments, strict=True):
            moving.assign(tf.cast(moving, dtype) * self.momentum + now * (1.0 - self.momentum))
        return tf.cast(outputs, self.compute_dtype)


def _with_bias(layer: Any, maps: tf.Tensor) -> tf.Tensor:
    return add_bias(maps, tf.convert_to_tensor(layer.bias)) if layer.use_bias else maps


def _fits(layer: Any, inputs: tf.Tensor) -> bool:
    """Whether the shape of a batch is known, and its patches are no burden for memory."""
    if not inputs.shape.is_fully_defined():
        return False
    window = Window.of(layer)
    shape = inputs.shape[1:3] if inputs.shape.rank == 4 else (1, inputs.shape[1])
    places = math.prod(window.places(axis, length)[0] for axis, length in enumerate(shape))
    return bool(inputs.shape[0] * inputs.shape[-1] * places * math.prod(window.size) <= LARGEST)


_COMPUTED = {
    "Conv": _Convolution,
    "DepthwiseConv": _ByChannel,
    "SeparableConv": _Separable,
    "MaxPooling": _Largest,
    "AveragePooling": _Average,
}


def _stand_ins() -> Iterator[tuple[type, type]]:
    for kind, dimensions in itertools.product(_COMPUTED, (1, 2)):
        name = f"{kind}{dimensions}D"
        layer = getattr(keras.layers, name)
        yield layer, _named_after(layer, type(name, (_COMPUTED[kind], layer), {"__doc__": f"See Keras' {name}."}))


def _named_after(layer: type, kind: type) -> type:
    """A stand-in under the name of its layer: what a callback saves of the model loads as Keras' own layer."""
    kind.__name__, kind.__module__ = layer.__name__, "keras.layers"
    return kind


STAND_INS: Mapping[type, type] = dict(_stand_ins())
_named_after(keras.layers.BatchNormalization, CompiledBatchNormalization)


def stand_in(layer: keras.Operation) -> type | None:
    """The class of a layer with the same settings that takes its place in a compiled epoch; `None` without one."""
    if getattr(layer, "data_format", "channels_last") != "channels_last" or getattr(layer, "groups", 1) != 1:
        return None
    if type(layer) is keras.layers.BatchNormalization and layer.built:
        rank = layer.input_spec.ndim
        return CompiledBatchNormalization if rank in (3, 4) and layer.axis in (-1, rank - 1) else None
    return STAND_INS.get(type(layer))
