"""A network in words: its layers with what remedies change in them."""

from typing import Any

import keras

from ablate.training.networks import kernels, layers
from ablate.training.remedies import anatomy
from ablate.training.remedies.changes import Note
from ablate.training.remedies.placing import names


def describe(model: keras.Model) -> list[tuple[str, str]]:
    """The layers of a network, by name: class, activation, and what its kernels and its random numbers are set to."""
    return [
        (name, _text(layer)) for name, layer in layers.walk(model) if not isinstance(layer, keras.layers.InputLayer)
    ]


def summary(notes: tuple[Note, ...]) -> dict[str, str]:
    """Where remedies that were put in went, and where not and why, by remedy."""
    return {
        remedy: _of([note for note in notes if note.remedy == remedy]) for remedy in {note.remedy: 0 for note in notes}
    }


def _of(notes: list[Note]) -> str:
    by_text: dict[tuple[bool, str], list[str]] = {}
    for note in sorted(notes, key=lambda note: not note.done):
        by_text.setdefault((note.done, note.text), []).append(note.layer)
    return "; ".join(f"{'' if done else 'not '}{names(given)}: {text}" for (done, text), given in by_text.items())


def _text(layer: keras.layers.Layer) -> str:
    parts = kernels.parts(layer)
    wrapped = "+".join(dict.fromkeys(type(part).__name__ for part in parts.values())) if "" not in parts else ""
    kind = type(layer).__name__ + (f"({wrapped})" if wrapped else "")
    part = next(iter(parts.values()), layer)
    named = anatomy.activation_name(part)
    found = [kind, *([named] if named not in ("", "linear") else [])]
    for what in ("initializer", "regularizer", "constraint") if parts else ():
        found += dict.fromkeys(_setting(each) for each in kernels.own(layer, what, recurrent=False))
    numbers = [getattr(layer, name, None) for name in ("rate", "stddev", "groups")]
    return " ".join([*found, *(f"{number:g}" for number in numbers if isinstance(number, float | int))])


def _setting(value: Any) -> str:
    """A Keras object by its class and the numbers that it was made with."""
    config = value.get_config()
    numbers = [f"{float(entry):g}" for key, entry in config.items() if key in _TOLD and entry]
    return type(value).__name__ + (f"({', '.join(numbers)})" if numbers else "")


_TOLD = ("l1", "l2", "max_value", "mean", "stddev", "minval", "maxval", "scale", "value", "gain")
