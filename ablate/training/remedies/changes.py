"""What is changed in a network that was written without remedies, and what became of each of them."""

from dataclasses import dataclass, field
from typing import Any

import keras

from ablate.training.networks import kernels
from ablate.training.networks.pieces import Piece

Key = tuple[int, int]  # of a use: the identity of its node's operation and, for activations on their own, of the node


@dataclass(frozen=True)
class Note:
    """What became of a remedy at a layer.

    Attributes:
        layer: its name.
        remedy: the remedy's.
        text: what was done, or why nothing was.
        done: whether the layer has the remedy now.
    """

    layer: str
    remedy: str
    text: str
    done: bool


@dataclass
class Placement:
    """What is changed in a network.

    Attributes:
        settings: of layers that are copied with other ones, by the identity of the layer.
        behind: pieces behind uses of layers, by `key`, in their order.
        before: pieces before one of the inputs of a use, by the identity of its node: the tensor's, and the piece.
        at_the_input: pieces behind the network's input.
        removed: layers of the network's own that are taken out, by identity.
        renewed: names of layers whose weights are drawn anew, whatever the network came with.
        notes: what became of every remedy at every layer.
    """

    settings: dict[int, dict[str, Any]] = field(default_factory=dict)
    behind: dict[Key, list[Piece]] = field(default_factory=dict)
    before: dict[int, tuple[int, Piece]] = field(default_factory=dict)
    at_the_input: list[Piece] = field(default_factory=list)
    removed: set[int] = field(default_factory=set)
    renewed: set[str] = field(default_factory=set)
    notes: list[Note] = field(default_factory=list)

    def note(self, hidden: str, remedy: str, text: str, *, done: bool) -> None:
        """Keep what became of a remedy."""
        self.notes.append(Note(hidden, remedy, text, done))


def key(operation: keras.Operation, node: Any) -> Key:
    """Of a use: layers with weights have their pieces behind every use, others behind this one alone."""
    return id(operation), 0 if kernels.parts(operation) else id(node)
