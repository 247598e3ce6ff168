"""Dropout that acts in the first epochs of a training alone, or in all but these."""

from collections.abc import Collection
from typing import Any

import keras

from ablate.settings.network_levels import DropoutSchedule
from ablate.training.networks import layers, surgery
from ablate.training.networks.surgery import VariableDropout


class ScheduledDropout(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the rates of dropouts at the start of every epoch.

    Args:
        level: when they act.
        dropouts: layers whose rates are variables, at the rates that they act with.
    """

    def __init__(self, level: DropoutSchedule, dropouts: Collection[VariableDropout]) -> None:
        super().__init__()
        self._level = level
        self._dropouts = dropouts
        self._rates: list[float] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Take the rates of the run."""
        self._rates = [float(layer.rate) for layer in self._dropouts]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Switch them on or off; epochs count from 0."""
        acts = (epoch < self._level.epochs) == (self._level.schedule == "early")
        for layer, rate in zip(self._dropouts, self._rates, strict=True):
            layer.rate.assign(rate if acts else 0.0)


def with_variable_rates(model: keras.Model) -> keras.Model:
    """A copy of a model, not compiled, in the same state, whose dropouts have the same rates as variables."""
    copied = surgery.prepare(model, None, None)
    variable = surgery.dropouts(copied)
    begun = dict(layers.walk(model))
    for name, layer in layers.walk(copied):
        if name in variable:
            variable[name].restart(begun[name].rate, begun[name].seed)
        else:
            for own, other in zip(layer.variables, begun[name].variables, strict=True):
                own.assign(other)
    return copied
