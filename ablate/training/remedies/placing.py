"""Puts each remedy where it belongs in a network, and says of every layer what it got and what not and why."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from ablate.errors import ModelError
from ablate.settings.levels import label, plain
from ablate.settings.network_levels import dropout_rates
from ablate.settings.run import Model
from ablate.training.networks import kernels, layers, pieces
from ablate.training.networks.initializers import initializer
from ablate.training.networks.lookups import looks_up
from ablate.training.networks.pieces import Piece
from ablate.training.remedies import anatomy
from ablate.training.remedies.anatomy import DROPOUTS, NORMALIZATIONS, Anatomy, Hidden, Step
from ablate.training.remedies.changes import Key, Placement, key

ON_KERNELS = ("init", "l1", "l2", "max_norm")
MOST_NAMED = 8
_NO_ACTIVATION = "has no activation before the next layer, but perhaps a softmax"


@dataclass(frozen=True)
class Placing:
    """One network's changes in the making: what its kernels get, and which layers lose their activation, by layer."""

    placement: Placement
    body: Anatomy
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
            self._normalizations("batch_norm", remedies["batch_norm"], "batch")
        if "normalization" in remedies:
            self._normalizations("normalization", True, remedies["normalization"])
        if "dropout" in remedies:
            self._dropouts(dropout_rates(remedies["dropout"]))
        if "stochastic_depth" in remedies:
            self._residuals(remedies["stochastic_depth"])
        if "augmentation" in remedies or "input_noise" in remedies:
            self._at_the_input(remedies.get("augmentation", False), remedies.get("input_noise", 0.0))
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

    def _normalizations(self, remedy: str, level: Any, kind: Any) -> None:
        places = [each for each in self.chosen if not self._without_normalization(each, remedy)]
        for hidden, on in zip(places, self._levels(remedy, level, [each.name for each in places]), strict=True):
            if not on:
                self.placement.note(hidden.name, remedy, "its entry in the list is false", done=False)
                continue
            self._take_out(hidden, NORMALIZATIONS, remedy)
            behind = self._behind(hidden.layer, None)
            suffix, made, arguments = pieces.normalization(kind, hidden.channels, hidden.name)
            behind.append(Piece(suffix, made, arguments, hidden.number, remedy))
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
        elif _has_channels_first(part):
            why = "has its channels first, where normalizations that are put in do not look for them"
        elif own and not self._replaces:
            why = f"has a normalization of its own ({names(own)}), which stays; model.existing = 'replace' takes it out"
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
                why = f"has a dropout of its own ({names(own)}), which stays; model.existing = 'replace' takes it out"
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
        convolves = type(hidden.layer) in kernels.CONVOLUTIONS and not _has_channels_first(hidden.layer)
        spatial = self.options.spatial_dropout and convolves and rank in (3, 4, 5)
        return getattr(keras.layers, f"SpatialDropout{rank - 2}D" if spatial else "Dropout")

    def _residuals(self, rate: float) -> None:
        """Leave out residual branches: the last at this rate, others in equal steps up to it (Huang et al. 2016)."""
        found = self.body.residuals()
        for number, (step, tensor) in enumerate(found, 1):
            piece = pieces.stochastic_depth(rate * number / len(found), len(tensor.shape), step.number)
            self.placement.before[id(step.node)] = id(tensor), piece
            text = "on its residual branch, at a rate that grows from addition to addition"
            self.placement.note(step.name, "stochastic_depth", text, done=True)

    def _at_the_input(self, augmentation: Any, noise: float) -> None:
        model = self.body.model
        if len(model.inputs) > 1:
            raise ModelError(f"{self.what} has several inputs, of which input_noise and augmentation change none")
        if first := looks_up(model):
            message = (
                f"layer '{first}' of {self.what} looks up whole numbers, which input_noise and augmentation change"
            )
            raise ModelError(message)
        shape = tuple(model.inputs[0].shape[1:])
        self.placement.at_the_input += pieces.at_the_input(augmentation, noise, shape)
        for remedy in dict.fromkeys(piece.remedy for piece in self.placement.at_the_input):
            self.placement.note("input", remedy, "behind it, in training alone", done=True)

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
            message = f"has {len(level)} entries, and {self.what} has {len(places)} places for it: {names(places)}"
            raise ModelError(f"{remedy} = {label(level)} {message}")
        return level


def _has_channels_first(layer: keras.layers.Layer) -> bool:
    return getattr(layer, "data_format", None) == "channels_first"


def names(given: Iterable[str]) -> str:
    """Some names, each once, and how many more there are."""
    found = list(dict.fromkeys(given))
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return ", ".join(found[:MOST_NAMED]) + more
