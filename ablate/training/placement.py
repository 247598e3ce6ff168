"""Where remedies go in a network that was written without them, and which layers cannot take them and why."""

import fnmatch
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from ablate.errors import ModelError
from ablate.settings.levels import label, plain
from ablate.settings.run import Model
from ablate.training import anatomy, kernels, layers
from ablate.training.anatomy import DROPOUTS, NORMALIZATIONS, Anatomy, Hidden, Step
from ablate.training.initializers import initializer

MOST_NAMED = 8
_NO_ACTIVATION = "has no activation before the next layer, but perhaps a softmax"
ON_KERNELS = ("init", "l1", "l2", "max_norm")
Key = tuple[int, int]  # of a use: the identity of its node's operation and, for activations on their own, of the node


@dataclass(frozen=True)
class Piece:
    """A layer to be put into a network.

    Attributes:
        suffix: of its name, behind that of the layer it follows.
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
        removed: layers of the network's own that are taken out, by identity.
        renewed: names of layers whose weights are drawn anew, whatever the network came with.
        notes: what became of every remedy at every layer.
    """

    settings: dict[int, dict[str, Any]] = field(default_factory=dict)
    behind: dict[Key, list[Piece]] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    renewed: set[str] = field(default_factory=set)
    notes: list[Note] = field(default_factory=list)

    def note(self, hidden: str, remedy: str, text: str, *, done: bool) -> None:
        """Keep what became of a remedy."""
        self.notes.append(Note(hidden, remedy, text, done))


def key(operation: keras.Operation, node: Any) -> Key:
    """Of a use: layers with weights have their pieces behind every use, others behind this one alone."""
    return id(operation), 0 if kernels.parts(operation) else id(node)


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
    _Placing(placement, chosen, options, what, given).all(remedies)
    for remedy, level in remedies.items():
        for layer, why in passed_over.items():
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
    listed = [f"{_names(names)}: {reason}" for reason, names in by_reason.items()]
    return "; ".join(listed) or "it has no hidden layers of Keras' own with weights"


def _names(names: Iterable[str]) -> str:
    given = list(dict.fromkeys(names))
    more = f" and {len(given) - MOST_NAMED} more" if len(given) > MOST_NAMED else ""
    return ", ".join(given[:MOST_NAMED]) + more


def _chosen(body: Anatomy, options: Model, what: str) -> tuple[list[Hidden], dict[str, str]]:
    """The hidden layers that remedies are meant for; and the other layers with weights, and why they are not."""
    patterns = options.remedy_layers
    others: dict[str, str] = {}
    named = {step.name: step for step in body.steps if step.is_kernel}
    hidden = {each.name: each for each in body.hidden}
    for pattern in patterns or ():
        if not any(_fits(name, pattern) for name in named):
            raise ModelError(f"model.remedy_layers: '{pattern}' fits no layer of {what}; it has {_names(named)}")
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


@dataclass(frozen=True)
class _Placing:
    """One network's changes in the making: what its kernels get, and which layers lose their activation, by layer."""

    placement: Placement
    chosen: Sequence[Hidden]
    options: Model
    what: str
    given: Collection[str]
    wanted: dict[int, dict[str, Any]] = field(default_factory=dict)
    linear: set[int] = field(default_factory=set)

    @property
    def _replaces(self) -> bool:
        return self.options.existing == "replace"

    def all(self, remedies: Mapping[str, Any]) -> None:
        """Place remedies: kernels first, then what comes before activations, then what comes after them."""
        on_kernels = {name: remedies[name] for name in ON_KERNELS if name in remedies}
        if on_kernels:
            self._kernels(on_kernels)
        if "batch_norm" in remedies:
            self._normalizations("batch_norm", remedies["batch_norm"])
        if "dropout" in remedies:
            self._dropouts(remedies["dropout"])
        for hidden in self.chosen:
            wanted, linear = self.wanted.get(id(hidden.layer), {}), id(hidden.layer) in self.linear
            if wanted or linear:
                self.placement.settings[id(hidden.layer)] = kernels.changed(
                    hidden.layer, wanted, recurrent=self.options.recurrent_kernels, linear=linear
                )

    # --- kernels -------------------------------------------------------------------------------------------------

    def _kernels(self, remedies: Mapping[str, Any]) -> None:
        wanted: dict[str, tuple[list[str], Any]] = {}
        if "init" in remedies:
            wanted["initializer"] = ["init"], initializer(plain(remedies["init"]))
        if penalties := [name for name in ("l1", "l2") if name in remedies]:
            wanted["regularizer"] = penalties, kernels.penalty(remedies.get("l1", 0.0), remedies.get("l2", 0.0))
        if "max_norm" in remedies:
            wanted["constraint"] = ["max_norm"], lambda axes: kernels.max_norm(remedies["max_norm"], axes)
        for hidden in self.chosen:
            settings = self.wanted.setdefault(id(hidden.layer), {})
            for setting, (names, value) in wanted.items():
                done, text = self._kernel_setting(hidden, setting)
                for name in names:
                    self.placement.note(hidden.name, name, text, done=done)
                if done:
                    settings[setting] = value
            if "initializer" in settings:
                self.placement.renewed.add(hidden.name)

    def _kernel_setting(self, hidden: Hidden, setting: str) -> tuple[bool, str]:
        """Whether a layer's kernels get something, in words; what they have of it themselves stays if it may."""
        recurrent = self.options.recurrent_kernels
        own = kernels.own(hidden.layer, setting, recurrent=recurrent)
        named = " and ".join(dict.fromkeys(type(each).__name__ for each in own))
        if setting == "initializer":
            if hidden.name in self.given:
                return True, "new weights instead of those that it came with, which the default level leaves it"
            usual = named == "GlorotUniform"
            return True, "kernel" if usual else f"kernel, instead of {named}, which the default level leaves it"
        if own and not self._replaces:
            return False, f"has a {setting} of its own ({named}), which stays; model.existing = 'replace' replaces it"
        return True, f"kernel, instead of its own {named}" if own else "kernel"

    # --- layers before and after activations ---------------------------------------------------------------------

    def _normalizations(self, remedy: str, level: Any) -> None:
        places = [each for each in self.chosen if not self._without_normalization(each, remedy)]
        for hidden, on in zip(places, self._levels(remedy, level, [each.name for each in places]), strict=True):
            if not on:
                self.placement.note(hidden.name, remedy, "its entry in the list is false", done=False)
                continue
            self._take_out(hidden, NORMALIZATIONS, remedy)
            behind = self._behind(hidden.layer, None)
            behind.append(Piece("batch_norm", keras.layers.BatchNormalization, {}, hidden.number, remedy))
            where = "behind it, before its activation"
            if hidden.is_fused:
                behind.append(self._split_off(hidden))
                where = "between it and its activation, which is a layer of its own now"
            self.placement.note(hidden.name, remedy, where, done=True)

    def _without_normalization(self, hidden: Hidden, remedy: str) -> bool:
        """Whether a hidden layer has no place for a normalization; says why."""
        own = [step.name for step in (*hidden.before, *hidden.after) if isinstance(step.operation, NORMALIZATIONS)]
        part = next(iter(kernels.parts(hidden.layer).values()))
        if not hidden.activations:
            why = _NO_ACTIVATION
        elif isinstance(part, kernels.RECURRENT_LAYERS):
            why = "its activation is inside the layer, with nothing between"
        elif own and not self._replaces:
            why = (
                f"has a normalization of its own ({_names(own)}), which stays; model.existing = 'replace' takes it out"
            )
        else:
            return False
        self.placement.note(hidden.name, remedy, why, done=False)
        return True

    def _split_off(self, hidden: Hidden) -> Piece:
        """The activation of a layer as a piece; the layer itself becomes linear."""
        self.linear.add(id(hidden.layer))
        _, activation = anatomy.fused_activation(hidden.layer)
        if isinstance(activation, keras.layers.Layer):
            arguments = {name: value for name, value in layers.settings(activation).items() if name != "name"}
            return Piece("activation", type(activation), arguments, hidden.number)
        arguments = {"activation": activation}
        part = next(iter(kernels.parts(hidden.layer).values()))
        if part.activity_regularizer is not None:  # it is about what the layer gives on
            arguments["activity_regularizer"] = part.activity_regularizer
        return Piece("activation", keras.layers.Activation, arguments, hidden.number)

    def _dropouts(self, level: Any) -> None:
        places: dict[Step, list[Hidden]] = {}
        for hidden in self.chosen:
            own = [step.name for step in (*hidden.before, *hidden.after) if isinstance(step.operation, DROPOUTS)]
            if not hidden.activations:
                why = _NO_ACTIVATION
            elif own and not self._replaces:
                why = f"has a dropout of its own ({_names(own)}), which stays; model.existing = 'replace' takes it out"
            else:
                for step in hidden.activations:
                    places.setdefault(step, []).append(hidden)
                continue
            self.placement.note(hidden.name, "dropout", why, done=False)
        by_key: dict[Key, list[Step]] = {}
        for step in sorted(places, key=lambda step: step.number):
            by_key.setdefault(key(step.operation, step.node), []).append(step)
        rates = self._levels("dropout", level, [steps[0].name for steps in by_key.values()])
        for steps, rate in zip(by_key.values(), rates, strict=True):
            owners = {id(hidden): hidden for step in steps for hidden in places[step]}.values()
            self._dropout(steps[0], rate, list(owners))

    def _dropout(self, step: Step, rate: float, owners: Sequence[Hidden]) -> None:
        for hidden in owners:
            if not rate:
                self.placement.note(hidden.name, "dropout", "its entry in the list is 0", done=False)
                continue
            self._take_out(hidden, DROPOUTS, "dropout")
            text = "after its activation" if step.operation is hidden.layer else f"after {step.name}"
            self.placement.note(hidden.name, "dropout", text, done=True)
        if rate:
            kind = self._dropout_kind(owners[0], step)
            self._behind(step.operation, step.node).append(
                Piece("dropout", kind, {"rate": rate}, step.number, "dropout")
            )

    def _dropout_kind(self, hidden: Hidden, step: Step) -> Any:
        """The class of a dropout: whole maps fall silent behind convolutions, where that is asked for."""
        rank = len(step.node.outputs[0].shape)
        convolves = type(hidden.layer) in kernels.CONVOLUTIONS
        spatial = self.options.spatial_dropout and convolves and rank in (3, 4, 5)
        return getattr(keras.layers, f"SpatialDropout{rank - 2}D" if spatial else "Dropout")

    def _behind(self, operation: keras.Operation, node: Any) -> list[Piece]:
        return self.placement.behind.setdefault(key(operation, node), [])

    def _take_out(self, hidden: Hidden, kinds: tuple[type, ...], remedy: str) -> None:
        for step in (*hidden.before, *hidden.after):
            if isinstance(step.operation, kinds) and id(step.operation) not in self.placement.removed:
                self.placement.removed.add(id(step.operation))
                self.placement.note(step.name, remedy, "of the network's own: taken out", done=False)

    def _levels(self, remedy: str, level: Any, places: Sequence[str]) -> list[Any]:
        """The level at every place: the same, or one entry of a list for each."""
        if not isinstance(level, list):
            return list(itertools.repeat(level, len(places)))
        if len(level) != len(places):
            message = f"has {len(level)} entries, and {self.what} has {len(places)} places for it: {_names(places)}"
            raise ModelError(f"{remedy} = {label(level)} {message}")
        return level
