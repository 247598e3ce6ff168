"""Where remedies go in a network that was written without them, and which layers cannot take them and why."""

import fnmatch
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import keras

from ablate.errors import ModelError
from ablate.settings.levels import label
from ablate.settings.run import Model
from ablate.training.remedies.anatomy import Anatomy, Hidden
from ablate.training.remedies.changes import Note, Placement
from ablate.training.remedies.placing import Placing, names

OF_THE_WHOLE = ("input_noise", "augmentation", "stochastic_depth")  # not of hidden layers


def place(
    model: keras.Model, options: Model, remedies: Mapping[str, Any], what: str, given: Collection[str] = ()
) -> Placement:
    """Decide what is changed in a network.

    Args:
        model: the network, built.
        options: which layers are meant, and what becomes of pieces that the network has itself.
        remedies: levels that are not neutral, by name.
        what: the network is called, for errors.
        given: names of layers whose weights the network came with, and which are not drawn for every seed.

    Raises:
        ModelError: a pattern fits no layer, or a remedy has no place.
    """
    body = Anatomy(model)
    chosen, passed_over = _chosen(body, options, what)
    placement = Placement()
    Placing(placement, body, chosen, options, what, given).all(remedies)
    for remedy, level in remedies.items():
        for layer, why in passed_over.items() if remedy not in OF_THE_WHOLE else ():
            placement.note(layer, remedy, why, done=False)
        notes = [note for note in placement.notes if note.remedy == remedy]
        if not any(note.done for note in notes):
            raise ModelError(f"{remedy} = {label(level)} has no place in {what}: {_reasons(notes)}")
    return placement


def _reasons(notes: Sequence[Note]) -> str:
    """Why layers did not get a remedy, those with the same reason together."""
    by_reason: dict[str, list[str]] = {}
    for note in notes:
        by_reason.setdefault(note.text, []).append(note.layer)
    listed = [f"{names(given)}: {reason}" for reason, given in by_reason.items()]
    return "; ".join(listed) or "it has no residual additions, or no hidden layers of Keras' own with weights"


def _chosen(body: Anatomy, options: Model, what: str) -> tuple[list[Hidden], dict[str, str]]:
    """The hidden layers that remedies are meant for; and the other layers with weights, and why they are not."""
    patterns = options.remedy_layers
    others: dict[str, str] = {}
    named = {step.name: step for step in body.steps if step.is_kernel}
    hidden = {each.name: each for each in body.hidden}
    for pattern in patterns or ():
        if not any(_fits(name, pattern) for name in named):
            raise ModelError(f"model.remedy_layers: '{pattern}' fits no layer of {what}; it has {names(named)}")
    ends = {id(layer) for layer in body.outputs}
    for name, step in named.items():
        if id(step.operation) in ends:
            others[name] = "is the output layer"
        elif name not in hidden and all(each.layer is not step.operation for each in hidden.values()):
            others[name] = f"is {_a(type(step.operation).__name__)}, which remedies do not change"
        elif patterns and not any(_fits(name, pattern) for pattern in patterns):
            others[name] = "is not among model.remedy_layers"
        elif not step.operation.trainable:
            others[name] = "is frozen (trainable = False)"
    return [each for name, each in hidden.items() if name not in others], others


def _fits(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name.rpartition("/")[2], pattern)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOU' else 'a'} {noun}"
