"""The values a remedy can take, as pydantic types: what a level may look like and how its errors read.

A level that names a Keras class is written as its name (`"adam"`) or as a table with the name and arguments
(`{ name = "adam", learning_rate = 0.001 }`). The argument tables below are the part of Keras' own signatures
that a study may set; nothing here imports Keras, and a test holds the tables against it.
"""

import functools
import hashlib
import operator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, create_model
from pydantic.functional_validators import BeforeValidator, model_validator
from pydantic_core import PydanticCustomError

from ablate.settings.metrics import Monitor

STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

Rate = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]

LONGEST_LABEL = 80  # signs of one text in it

_CLIPPING = {"clipnorm": Positive, "clipvalue": Positive, "global_clipnorm": Positive}
_STEP = {"learning_rate": Positive, "weight_decay": NonNegative, **_CLIPPING}
_ADAM = {**_STEP, "beta_1": Rate, "beta_2": Rate, "epsilon": Positive}

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {**_STEP, "momentum": Rate, "nesterov": bool},
    "adagrad": {**_STEP, "initial_accumulator_value": NonNegative, "epsilon": Positive},
    "rmsprop": {**_STEP, "rho": Rate, "momentum": Rate, "epsilon": Positive, "centered": bool},
    "adam": {**_ADAM, "amsgrad": bool},
    "adamw": {**_ADAM, "amsgrad": bool},
    "adamax": _ADAM,
    "nadam": _ADAM,
    "adadelta": {**_STEP, "rho": Rate, "epsilon": Positive},
    "lion": {**_STEP, "beta_1": Rate, "beta_2": Rate},
    "ftrl": {
        **_STEP,
        "learning_rate_power": Annotated[float, Field(le=0)],
        "initial_accumulator_value": NonNegative,
        "l1_regularization_strength": NonNegative,
        "l2_regularization_strength": NonNegative,
        "l2_shrinkage_regularization_strength": NonNegative,
        "beta": NonNegative,
    },
    "lamb": _ADAM,
    "muon": {
        **_STEP,
        "adam_beta_1": Rate,
        "adam_beta_2": Rate,
        "adam_weight_decay": NonNegative,
        "adam_lr_ratio": Positive,
        "epsilon": Positive,
        "momentum": Rate,
        "nesterov": bool,
        "ns_steps": Annotated[int, Field(ge=1)],
        "rms_rate": Positive,
    },
}

INITIALIZERS: dict[str, dict[str, Any]] = {
    "glorot_uniform": {},
    "glorot_normal": {},
    "he_normal": {},
    "he_uniform": {},
    "lecun_normal": {},
    "lecun_uniform": {},
    "random_normal": {"mean": float, "stddev": NonNegative},
    "random_uniform": {"minval": float, "maxval": float},
    "truncated_normal": {"mean": float, "stddev": NonNegative},
    "variance_scaling": {
        "scale": Positive,
        "mode": Literal["fan_in", "fan_out", "fan_avg"],
        "distribution": Literal["truncated_normal", "untruncated_normal", "uniform"],
    },
    "orthogonal": {"gain": float},
    "identity": {"gain": float},
    "zeros": {},
    "ones": {},
    "constant": {"value": float},
}


def _tables(title: str, catalogue: dict[str, dict[str, Any]]) -> dict[str, type[BaseModel]]:
    """A table with a name and optional arguments for every row of a catalogue."""
    return {
        name: create_model(  # type: ignore[call-overload]
            f"{title}_{name}",
            __config__=STRICT,
            name=(Literal[name], ...),
            **{argument: (kind | None, None) for argument, kind in arguments.items()},
        )
        for name, arguments in catalogue.items()
    }


def _by_name(title: str, catalogue: dict[str, type[BaseModel]]) -> Any:
    """A type that accepts `"name"` or `{ name = "name", ... }` for every table of a catalogue."""
    union: Any = functools.reduce(operator.or_, catalogue.values())

    def as_table(value: Any) -> Any:
        table = {"name": value} if isinstance(value, str) else value
        if not isinstance(table, dict) or not isinstance(table.get("name"), str):
            message = "should be the name of {article} {what} or a table with a 'name'"
            article = "an" if title[0] in "aeiou" else "a"
            raise PydanticCustomError("level", message, {"what": title, "article": article})
        if table["name"] not in catalogue:
            raise PydanticCustomError(
                "unknown_name", "unknown {what}", {"what": title, "given": table["name"], "known": list(catalogue)}
            )
        if len(_CLIPPING.keys() & table.keys()) > 1:
            raise PydanticCustomError("clipping", "takes one of clipnorm, clipvalue and global_clipnorm")
        return table

    schema: Any = Literal[tuple(catalogue)] | union
    return Annotated[union, Field(discriminator="name"), BeforeValidator(as_table, json_schema_input_type=schema)]


InitLevel = _by_name("initializer", _tables("initializer", INITIALIZERS))
OptimizerLevel = _by_name("optimizer", _tables("optimizer", OPTIMIZERS))


class Cosine(BaseModel):
    """The rate falls along half a cosine, from the optimizer's own before the first epoch to `final` after the last.

    Attributes:
        warmup: epochs in which the rate first rises, in equal steps.
        final: what is left of the rate in the end, as a share.
    """

    model_config = STRICT

    name: Literal["cosine"]
    warmup: Annotated[int, Field(ge=0)] = 0
    final: Rate = 0.0


class Step(BaseModel):
    """The rate is multiplied by `factor` every so many epochs.

    Attributes:
        every: epochs of one rate.
        factor: between one rate and the next.
    """

    model_config = STRICT

    name: Literal["step"]
    every: Annotated[int, Field(ge=1)] = 10
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1


class Plateau(BaseModel):
    """The rate is multiplied by `factor` when a column stops improving: Keras' `ReduceLROnPlateau`.

    Attributes:
        monitor: per-epoch column.
        patience: epochs without improvement.
        factor: between one rate and the next.
        min_delta: smallest change that counts as an improvement.
        cooldown: epochs after a change in which none is counted.
        min_lr: lowest rate.
    """

    model_config = STRICT

    name: Literal["plateau"]
    monitor: Monitor = "val_loss"
    patience: Annotated[int, Field(ge=0)] = 10
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    min_delta: NonNegative = 1e-4
    cooldown: Annotated[int, Field(ge=0)] = 0
    min_lr: NonNegative = 0.0


SCHEDULES: dict[str, type[BaseModel]] = {"cosine": Cosine, "step": Step, "plateau": Plateau}


class EarlyStopping(BaseModel):
    """When to stop before the last epoch. Several rules in one level all apply; the first to fire stops.

    Attributes:
        monitor: per-epoch column watched by Keras' `EarlyStopping`; needs `patience`.
        patience: epochs without improvement before stopping.
        min_delta: smallest change that counts as an improvement.
        restore_best_weights: keep the weights of the best epoch instead of the last.
        baseline: value that an epoch has to beat as well for the patience to begin anew, as Keras' `EarlyStopping` has
            it; needs `patience`.
        start_from_epoch: epochs before this one, counted from 0, neither use up the patience nor are the best, as
            Keras' `EarlyStopping` has it; the other rules do not wait.
        stop_at_gap: stop when the generalization gap (inference mode: train minus validation accuracy, as a share, or
            the primary metric's in a regression, in its unit) crosses this value from below, at the second epoch or
            later.
        stop_when_equal: stop when Keras' running training accuracy equals validation accuracy.
    """

    model_config = STRICT

    monitor: Monitor = "val_loss"
    patience: Annotated[int, Field(ge=0)] | None = None
    min_delta: NonNegative = 0.0
    restore_best_weights: bool = True
    baseline: float | None = None
    start_from_epoch: Annotated[int, Field(ge=0)] | None = None
    stop_at_gap: Positive | None = None
    stop_when_equal: bool = False

    @model_validator(mode="after")
    def _has_a_rule(self) -> "EarlyStopping":
        if self.patience is None and self.stop_at_gap is None and not self.stop_when_equal:
            raise PydanticCustomError("no_rule", "names no rule: set patience, stop_at_gap or stop_when_equal")
        if self.baseline is not None and self.patience is None:
            raise PydanticCustomError("no_patience", "has a baseline, which needs a patience")
        return self


def _switch_or_more(value: Any) -> str:
    return "switch" if isinstance(value, bool) else "more"


def off_or(kind: Any) -> Any:
    """`false`, or a level of a kind."""
    switch, more = Annotated[Literal[False], Tag("switch")], Annotated[kind, Tag("more")]
    return Annotated[switch | more, Discriminator(_switch_or_more)]


def _scalar_or_layers(value: Any) -> str:
    return "layers" if isinstance(value, list) else "scalar"


def per_layer(kind: Any) -> Any:
    """One value for every hidden layer, or a list with one entry a layer (or one more, the input's first)."""
    return Annotated[
        Annotated[kind, Tag("scalar")] | Annotated[list[kind], Field(min_length=1), Tag("layers")],
        Discriminator(_scalar_or_layers),
    ]


BatchNormLevel = per_layer(bool)
EarlyStoppingLevel = off_or(EarlyStopping)
MaxNormLevel = off_or(Positive)
ScheduleLevel = off_or(_by_name("schedule", SCHEDULES))


def plain(level: Any) -> Any:
    """A level as the file would hold it: numbers, text, lists and tables, without the defaults nobody wrote."""
    if isinstance(level, BaseModel):
        return level.model_dump(exclude_unset=True)
    return level


def label(level: Any) -> str:
    """How a level is written everywhere: `false`, `0.2`, `he_normal`, `sgd(momentum=0.9)`, `[0.2,0,0]`."""
    level = plain(level)
    match level:
        case bool():
            return str(level).lower()
        case float() if level.is_integer() and abs(level) < 1e15:
            return str(int(level))
        case list():
            return f"[{','.join(label(entry) for entry in level)}]"
        case dict():
            arguments = ",".join(f"{key}={label(value)}" for key, value in level.items() if key != "name")
            return f"{level.get('name', '')}{f'({arguments})' if arguments else ''}"
        case str():
            return _safe(level)
        case _:
            return str(level)


def _safe(text: str) -> str:
    """Text as part of a label: what cannot be printed is escaped; what is long is cut, and told apart by a digest."""
    printable = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return printable if len(printable) <= LONGEST_LABEL else f"{printable[: LONGEST_LABEL - 10]}…{digest}"
