"""Layers that remedies put into a network, whoever made it: what they are, and what their random numbers begin with."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from ablate.errors import ModelError
from ablate.settings.levels import label
from ablate.settings.network_levels import Augmentation, BatchNorm, GroupNorm
from ablate.settings.seeds import Stream, derive

FIRST = 2**20  # place of the first piece among what is random: behind those of any network's own
AT_THE_INPUT, IN_RESIDUALS = 2**19, 2**18  # places among pieces; others have those of the layers they follow
IMAGES = (2, 3)  # dimensions of an example: height and width, and channels behind them
MOST_GROUPS = 32  # Keras' default


@dataclass(frozen=True)
class Piece:
    """A layer to be put into a network.

    Attributes:
        suffix: of its name, behind that of the layer it follows; the whole of it at the input.
        kind: its class.
        arguments: it is made with.
        number: of the place, the same whatever other remedies there are; its random numbers depend on it.
        remedy: that it belongs to; empty for an activation that was taken out of its layer.
    """

    suffix: str
    kind: Callable[..., keras.layers.Layer]
    arguments: Mapping[str, Any]
    number: int
    remedy: str = ""

    @property
    def place(self) -> int:
        """Among everything random in the network."""
        return FIRST + self.number

    def seeded(self, seed: int) -> keras.layers.Layer:
        """The layer, with random numbers of a replicate's seed."""
        takes = "seed" in inspect.signature(self.kind).parameters
        own = {"seed": derive(seed, Stream.DROPOUT, self.place, 0)} if takes else {}
        return self.kind(**self.arguments, **own, name=self.suffix)


def normalization(level: Any, channels: int, where: str) -> tuple[str, type[keras.layers.Layer], dict[str, Any]]:
    """The layer of a level of the normalization remedy: the end of its name, its class and arguments.

    Args:
        level: not `"none"`.
        channels: of what it normalizes.
        where: the layer that it follows, for errors.

    Raises:
        ModelError: the channels cannot be divided into that many groups.
    """
    if level == "batch" or isinstance(level, BatchNorm):
        momentum = {"momentum": level.momentum} if isinstance(level, BatchNorm) else {}
        return "batch_norm", keras.layers.BatchNormalization, momentum
    if level == "layer":
        return "layer_norm", keras.layers.LayerNormalization, {}
    groups = level.groups if isinstance(level, GroupNorm) else math.gcd(MOST_GROUPS, channels)
    if channels % groups:
        message = f"the {channels} channels of layer '{where}' cannot be divided into {groups} groups"
        raise ModelError(f"normalization = {label(level)}: {message}")
    return "group_norm", keras.layers.GroupNormalization, {"groups": groups}


def at_the_input(augmentation: Any, noise: float, shape: tuple[int | None, ...]) -> list[Piece]:
    """What changes examples in training, in order: images first, then noise on every feature.

    Args:
        augmentation: level of that remedy.
        noise: standard deviation.
        shape: of one example.

    Raises:
        ModelError: examples are no images.
    """
    found = _of_images(augmentation, shape) if isinstance(augmentation, Augmentation) else []
    if noise:
        found.append(Piece("input_noise", keras.layers.GaussianNoise, {"stddev": noise}, AT_THE_INPUT, "input_noise"))
    return found


def _of_images(level: Augmentation, shape: tuple[int | None, ...]) -> list[Piece]:
    if len(shape) not in IMAGES:
        message = f"needs images, of shape (height, width) or (height, width, channels); examples have {shape}"
        raise ModelError(f"augmentation = {label(level)} {message}")
    reshaped: list[tuple[str, Any, dict[str, Any]]] = []
    if len(shape) == 2:
        reshaped = [("channel", keras.layers.Reshape, {"target_shape": (*shape, 1)})]
    changes = [*reshaped, *_changes(level)]
    if reshaped:
        changes.append(("image", keras.layers.Reshape, {"target_shape": shape}))
    return [
        Piece(f"augmentation_{name}", kind, arguments, AT_THE_INPUT + 1 + _ORDER.index(name), "augmentation")
        for name, kind, arguments in changes
    ]


def _changes(level: Augmentation) -> list[tuple[str, Any, dict[str, Any]]]:
    fill = {"fill_mode": level.fill}
    found: list[tuple[str, Any, dict[str, Any]]] = []
    if level.flip:
        found.append(("flip", keras.layers.RandomFlip, {"mode": level.flip}))
    if level.shift:
        shift = {"height_factor": level.shift, "width_factor": level.shift}
        found.append(("shift", keras.layers.RandomTranslation, {**shift, **fill}))
    if level.rotation:
        found.append(("rotation", keras.layers.RandomRotation, {"factor": level.rotation, **fill}))
    if level.zoom:
        found.append(("zoom", keras.layers.RandomZoom, {"height_factor": level.zoom, **fill}))
    if level.noise:
        found.append(("noise", keras.layers.GaussianNoise, {"stddev": level.noise}))
    return found


_ORDER = ("flip", "shift", "rotation", "zoom", "noise", "channel", "image")


def stochastic_depth(rate: float, rank: int, number: int) -> Piece:
    """What leaves out a residual branch of single examples: dropout with one random number for each.

    Huang et al. 2016, "Deep Networks with Stochastic Depth"; what stays is enlarged in training, as dropout does, so
    that nothing changes at inference.
    """
    shape = (None, *[1] * (rank - 1))
    arguments = {"rate": rate, "noise_shape": shape}
    return Piece("stochastic_depth", keras.layers.Dropout, arguments, IN_RESIDUALS + number, "stochastic_depth")
