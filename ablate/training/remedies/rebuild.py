"""A copy of a network with other settings of its layers, and with layers put in and taken out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
from keras.src.models.functional import functional_like_constructor

from ablate.training.networks import layers
from ablate.training.networks.layers import FUNCTIONAL
from ablate.training.networks.pieces import Piece
from ablate.training.remedies.changes import Key, Placement, key


@dataclass(frozen=True)
class Rebuilt:
    """A network with its changes.

    Attributes:
        model: the network.
        pieces: the layers that were put in, by name.
    """

    model: keras.Model
    pieces: Mapping[str, Piece]

    @property
    def split(self) -> dict[str, str]:
        """Those of them that were the activation of a layer, with the name of that layer."""
        found = {name: piece for name, piece in self.pieces.items() if not piece.remedy}
        return {name: name[: name.rindex(f"_{piece.suffix}")] for name, piece in found.items()}


def rebuild(model: keras.Model, placement: Placement) -> Rebuilt:
    """A copy of a network with its changes, and with its weights in layers that it has itself.

    What is shared stays shared: a layer that is used twice, and a model inside, are copied once, and a piece behind a
    layer with weights is behind all its uses.

    Args:
        model: the network, built.
        placement: the changes.

    Raises:
        ModelError: one of its layers cannot be copied.
    """
    copying = _Copying(placement)
    copied = copying.model(model, at_the_input=True)
    pieces = {name: copying.made[id(layer)] for name, layer in layers.walk(copied) if id(layer) in copying.made}
    own = layers.weights_by_layer(model)
    layers.put_weights(copied, {**layers.weights_by_layer(copied), **own})
    return Rebuilt(copied, pieces)


@dataclass
class _Copying:
    """What of one network was copied so far."""

    placement: Placement
    copies: dict[int, keras.Operation] = field(default_factory=dict)
    pieces: dict[Key, list[keras.layers.Layer]] = field(default_factory=dict)
    residual: dict[int, keras.layers.Layer] = field(default_factory=dict)
    made: dict[int, Piece] = field(default_factory=dict)
    kept: list[keras.layers.Layer] = field(default_factory=list)  # whose identities are in `made`

    def model(self, model: keras.Model, *, at_the_input: bool = False) -> keras.Model:
        names = {layer.name for layer in model.layers}
        first = [self._made(piece, "", names) for piece in self.placement.at_the_input] if at_the_input else []
        build = self._sequential if isinstance(model, keras.Sequential) else self._graph
        return build(model, names, first)

    def _sequential(self, model: keras.Sequential, names: set[str], first: list[keras.layers.Layer]) -> keras.Model:
        (given,) = layers.graph_of(model).inputs
        stack = [_input(given), *first]
        uses = {id(node.operation): node for node in layers.nodes(model)}
        for layer in model.layers:
            if id(layer) not in self.placement.removed:
                stack += [self._copy(layer), *self._behind(layer, uses[id(layer)], names)]
        return keras.Sequential(stack, name=model.name, trainable=model.trainable)

    def _graph(self, model: keras.Model, names: set[str], first: list[keras.layers.Layer]) -> keras.Model:
        inputs = keras.tree.map_structure(_input, model._inputs_struct)  # noqa: SLF001 - with the names that data has
        begun = [_through(first, tensor) for tensor in keras.tree.flatten(inputs)]
        found = dict(zip(map(id, model.inputs), begun, strict=True))
        for node in layers.nodes(model):
            results = keras.tree.flatten(self._use(node, found, names))
            found |= {id(tensor): result for tensor, result in zip(node.outputs, results, strict=True)}
        outputs = keras.tree.pack_sequence_as(model._outputs_struct, [found[id(each)] for each in model.outputs])  # noqa: SLF001
        kind = model.__class__ if functional_like_constructor(model.__class__) else FUNCTIONAL
        return kind(inputs, outputs, name=model.name)

    def _use(self, node: Any, found: Mapping[int, Any], names: set[str]) -> Any:
        """What a use of a layer comes to in the copy, with everything that is put behind it."""
        if id(node.operation) in self.placement.removed:
            return found[id(node.input_tensors[0])]
        if id(node) in self.placement.before:
            tensor, piece = self.placement.before[id(node)]
            if id(node) not in self.residual:
                self.residual[id(node)] = self._made(piece, f"{node.operation.name}_", names)
            found = {**found, tensor: self.residual[id(node)](found[tensor])}
        args, kwargs = node.arguments.fill_in(found)
        results = self._copy(node.operation)(*args, **kwargs)
        behind = self._behind(node.operation, node, names)
        if not behind:
            return results
        first, *rest = keras.tree.flatten(results)  # a recurrent layer may return its states as well
        return [_through(behind, first), *rest]

    def _copy(self, operation: keras.Operation) -> keras.Operation:
        if id(operation) not in self.copies:
            if isinstance(operation, keras.Sequential | FUNCTIONAL):
                copied = self.model(operation)
            else:
                copied = layers.copy(operation, **self.placement.settings.get(id(operation), {}))
            self.copies[id(operation)] = copied
        return self.copies[id(operation)]

    def _behind(self, operation: keras.Operation, node: Any, names: set[str]) -> list[keras.layers.Layer]:
        place = key(operation, node)
        if place not in self.pieces:
            self.pieces[place] = [
                self._made(piece, f"{operation.name}_", names) for piece in self.placement.behind.get(place, [])
            ]
        return self.pieces[place]

    def _made(self, piece: Piece, before: str, names: set[str]) -> keras.layers.Layer:
        name = unused(f"{before}{piece.suffix}", names)
        names.add(name)
        layer = piece.kind(**piece.arguments, name=name)
        self.made[id(layer)] = piece
        self.kept.append(layer)
        return layer


def _through(several: list[keras.layers.Layer], tensor: keras.KerasTensor) -> keras.KerasTensor:
    """What comes out of some layers, one behind the other."""
    for layer in several:
        tensor = layer(tensor)
    return tensor


def _input(tensor: keras.KerasTensor) -> keras.KerasTensor:
    """An input as another one is."""
    name = tensor._keras_history.operation.name  # noqa: SLF001 - of its layer; the tensor may be called otherwise
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)


def unused(name: str, names: set[str]) -> str:
    """A name that no layer of a model has, as Keras makes one: with a number behind it, if need be."""
    number, found = 0, name
    while found in names:
        number += 1
        found = f"{name}_{number}"
    return found
