"""What a network of the user's is made of: its hidden layers, their activations, and where its output begins.

A network is looked at as one graph of the uses of layers and operations, models inside it taken apart.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras

from ablate.training.networks import kernels
from ablate.training.networks.layers import FUNCTIONAL, graph_of, nodes

_NOT_HIDDEN = {"", "linear", "softmax", "log_softmax"}
_ACTIVATION_LAYERS = (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU)
_ACTIVATION_OPERATIONS = {
    "Relu", "Relu6", "Sigmoid", "SparseSigmoid", "HardSigmoid", "LogSigmoid", "Tanh", "HardTanh", "TanhShrink", "Elu",
    "Selu", "Celu", "Gelu", "Silu", "HardSilu", "LeakyRelu", "Softplus", "SparsePlus", "Softsign", "Squareplus", "Glu",
    "SoftShrink", "HardShrink", "Threshold", "Mish",
}  # fmt: skip
_OPERANDS = 2
NORMALIZATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
)
_WITHOUT_KERNELS = (*NORMALIZATIONS, keras.layers.RMSNormalization, keras.layers.Normalization)  # with matrices, too
DROPOUTS = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
)


@dataclass(frozen=True, eq=False)
class Step:
    """One use of a layer or an operation.

    Attributes:
        operation: what is used.
        name: of it, as `model/layer` where it is inside a model.
        node: Keras' own description of this use.
        number: its place in the network.
    """

    operation: keras.Operation
    name: str
    node: Any
    number: int

    @property
    def is_kernel(self) -> bool:
        """Whether a new layer begins here: it has a matrix of weights, and is no normalization (over several axes)."""
        if self.is_activation or isinstance(self.operation, _WITHOUT_KERNELS):
            return False
        if not isinstance(self.operation, keras.layers.Layer):
            return False
        return any(len(weight.shape) > 1 for weight in self.operation.weights)

    @property
    def is_activation(self) -> bool:
        """Whether it is the activation of a hidden layer, on its own."""
        if isinstance(self.operation, keras.layers.Activation):
            return activation_name(self.operation) not in _NOT_HIDDEN
        named = type(self.operation).__name__ in _ACTIVATION_OPERATIONS
        return isinstance(self.operation, _ACTIVATION_LAYERS) or (
            named and not isinstance(self.operation, keras.layers.Layer)
        )

    @property
    def joins(self) -> bool:
        """Whether it makes one of several tensors, as an addition does."""
        return len({id(tensor) for tensor in self.node.input_tensors}) > 1


@dataclass(frozen=True, eq=False)
class Hidden:
    """A hidden layer that remedies can go to.

    Attributes:
        layer: the layer, whose uses are all meant.
        name: see `Step`.
        number: of its first use.
        activations: the uses of activations that follow it, before the next layer: its own uses, if it has one in it.
        is_fused: whether its activation is one of its settings.
        before: what is between it and its activation, or follows it if there is none.
        after: what follows the activation, up to the next layer or where several tensors come together.
        channels: the last dimension of what it gives.
    """

    layer: keras.layers.Layer
    name: str
    number: int
    activations: tuple[Step, ...]
    is_fused: bool
    before: tuple[Step, ...]
    after: tuple[Step, ...]
    channels: int


class Anatomy:
    """The graph of a network.

    Args:
        model: a built network of functional or sequential models.

    Attributes:
        model: the network.
        steps: the uses of all layers and operations, in the order of computation.
        outputs: the last layers with a matrix of weights before the network's outputs: its output layers.
        hidden: the layers of Keras' own with kernels that are no output layers, in order.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.steps: list[Step] = []
        self._maker: dict[int, Step] = {}
        self._same: dict[int, list[int]] = {}
        self._take_apart(model, "", set())
        self._before = {step: self._sources(step.node.input_tensors) for step in self.steps}
        self._after: dict[Step, list[Step]] = {step: [] for step in self.steps}
        for step, sources in self._before.items():
            for source in sources:
                self._after[source].append(step)
        self.outputs = self._outputs(model)

    def _take_apart(self, model: keras.Model, inside: str, seen: set[int]) -> None:
        for node in nodes(model):
            operation = node.operation
            if isinstance(operation, keras.Sequential | FUNCTIONAL):
                inner = graph_of(operation)
                for own, given in zip(inner.inputs, node.input_tensors, strict=True):
                    self._same.setdefault(id(own), []).append(id(given))
                for own, given in zip(inner.outputs, node.outputs, strict=True):
                    self._same.setdefault(id(given), []).append(id(own))
                if id(operation) not in seen:
                    seen.add(id(operation))
                    self._take_apart(operation, f"{inside}{operation.name}/", seen)
                continue
            step = Step(operation, f"{inside}{operation.name}", node, len(self.steps))
            self.steps.append(step)
            self._maker |= {id(tensor): step for tensor in node.outputs}

    def _sources(self, tensors: Iterable[keras.KerasTensor]) -> list[Step]:
        """What made some tensors, through the borders of models."""
        found: dict[Step, None] = {}
        waiting, seen = [id(tensor) for tensor in tensors], set()
        while waiting:
            tensor = waiting.pop(0)
            if tensor in seen:
                continue
            seen.add(tensor)
            if tensor in self._maker:
                found[self._maker[tensor]] = None
            waiting += self._same.get(tensor, [])
        return list(found)

    def _outputs(self, model: keras.Model) -> list[keras.layers.Layer]:
        found: dict[int, keras.layers.Layer] = {}
        waiting, seen = self._sources(graph_of(model).outputs), set()
        while waiting:
            step = waiting.pop(0)
            if step in seen:
                continue
            seen.add(step)
            if step.is_kernel:
                found[id(step.operation)] = step.operation
            else:
                waiting += self._before[step]
        return list(found.values())

    @functools.cached_property
    def hidden(self) -> list[Hidden]:
        """See the class."""
        uses: dict[int, list[Step]] = {}
        ends = {id(layer) for layer in self.outputs}
        for step in self.steps:
            if kernels.parts(step.operation) and id(step.operation) not in ends:
                uses.setdefault(id(step.operation), []).append(step)
        return [self._hidden(steps) for steps in uses.values()]

    def _hidden(self, uses: list[Step]) -> Hidden:
        layer = uses[0].operation
        name = fused_activation(layer)[0]
        fused = name != ""
        before, activations = ([], list(uses)) if fused else self._up_to_activations(uses)
        activations = [] if name in _NOT_HIDDEN and fused else activations
        after = list(self._following(activations, lambda step: step.is_activation or step.joins))
        channels = int(uses[0].node.outputs[0].shape[-1])
        first = uses[0]
        return Hidden(layer, first.name, first.number, tuple(activations), fused, tuple(before), tuple(after), channels)

    def residuals(self) -> list[tuple[Step, keras.KerasTensor]]:
        """The residual additions, in order, each with the tensor that comes out of its residual branch.

        An addition of two tensors is one if what leads to the one alone has more layers with weights than what leads to
        the other alone: the shortcut, which has none, or a projection.
        """
        found = []
        for step in self.steps:
            tensors = list({id(tensor): tensor for tensor in step.node.input_tensors}.values())
            if type(step.operation).__name__ != "Add" or len(tensors) != _OPERANDS:
                continue
            one, other = (self._leading_to(tensor) for tensor in tensors)
            depths = [sum(each.is_kernel for each in alone) for alone in (one - other, other - one)]
            if depths[0] != depths[1]:
                found.append((step, tensors[depths[1] > depths[0]]))
        return found

    def _leading_to(self, tensor: keras.KerasTensor) -> set[Step]:
        waiting, seen = self._sources([tensor]), set()
        while waiting:
            step = waiting.pop()
            if step not in seen:
                seen.add(step)
                waiting += self._before[step]
        return seen

    def _up_to_activations(self, uses: list[Step]) -> tuple[list[Step], list[Step]]:
        """What follows before the next activations, and those."""
        before = list(self._following(uses, lambda step: step.is_activation))
        beyond = [step for each in (*uses, *before) for step in self._after[each] if step.is_activation]
        return before, sorted(set(beyond), key=lambda step: step.number)

    def _following(self, steps: Iterable[Step], ends: Callable[[Step], bool]) -> Iterator[Step]:
        """The steps behind some, up to those with a matrix of weights and those that `ends` is true of."""
        waiting = [step for each in steps for step in self._after[each]]
        seen: set[Step] = set()
        while waiting:
            step = waiting.pop(0)
            if step in seen or step.is_kernel or ends(step):
                continue
            seen.add(step)
            yield step
            waiting += self._after[step]


def activation_name(layer: keras.layers.Layer) -> str:
    """The name of the function that a layer has as its activation; empty without one."""
    activation = getattr(layer, "activation", None)
    return str(getattr(activation, "__name__", type(activation).__name__ if activation is not None else ""))


def fused_activation(layer: keras.layers.Layer) -> tuple[str, Any]:
    """The activation that is a setting of a layer, after its name, which is empty where that is linear.

    A recurrent layer's is inside it, and counts: what comes out has gone through it.
    """
    part = next(iter(kernels.parts(layer).values()))
    name = activation_name(part)
    return ("", None) if name in ("", "linear") else (name, part.activation)
