"""What is kept of a run, as an immutable value and as JSON with its own digest."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from ablate.errors import StoreError
from ablate.reading import parse_json, wrong
from ablate.results.held_out import HeldOut, Written
from ablate.results.identity import Count, canonical_json
from ablate.settings.metrics import SCORES, Measured, describe

RECORD_SCHEMA = 3
_WITHOUT_HELD_OUT = 2  # the schema of records that say nothing of it, which older versions read
BINS = 60  # of every histogram
SMALLEST = 2.0**-60  # range of a histogram that is added up with others

Status = Literal["ok", "diverged"]
TrainerName = Literal["compiled", "graph", "fit"]
Moment = Literal["initial", "best", "end"]
KEPT_EPOCH = "kept_epoch"  # in `Record.environment`
SCALING = "scaling"  # likewise: how features were scaled, in words; not there in records of older versions
MEASURED = "measured"  # likewise: why a structure is trained as it is, where that was measured; see `ways`
PUT_IN = "remedies_put_in"  # likewise, in a network of the user's: where every remedy went, and where not and why
MOMENTUM = "batch_norm_momentum"  # likewise, of networks that have some
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True)
class Probe:
    """The distribution of one layer's weights, or of its activations on a fixed sample, at one moment.

    Attributes:
        layer: `hidden 1`, `hidden 1b` for a block's second dense, ..., `output`.
        kind: `weights` (the kernel) or `activations` (of the block: after its activation, or its last dense).
        moment: before training, at the best epoch, or after the last.
        low: left edge of the first bin.
        high: right edge of the last bin; edges are powers of two, so that histograms of one family add up.
        counts: values per bin, 60 of them.
        mean, sd, skewness, kurtosis: of the finite values; the kurtosis is in excess of the normal's.
        minimum, maximum: of the finite values.
        zeros: share of exact zeros.
        saturated: activations of sigmoid outside 0.05-0.95 or of tanh beyond 0.95; `None` for other layers.
        dead: share of ReLU units that are zero for the whole sample; `None` for other layers.
        spectral_norm: largest singular value of the kernel; `None` for activations.
        non_finite: values that are NaN or infinite and are left out of everything above.
    """

    layer: str
    kind: Literal["weights", "activations"]
    moment: Moment
    low: float
    high: float
    counts: tuple[int, ...]
    mean: float
    sd: float
    skewness: float
    kurtosis: float
    minimum: float
    maximum: float
    zeros: float
    saturated: float | None
    dead: float | None
    spectral_norm: float | None
    non_finite: int


@dataclass(frozen=True)
class Record:
    """What is kept of a finished run.

    Attributes:
        key: see `run_key`.
        seed: the replicate's seed.
        settings: the resolved settings, as plain values.
        status: `ok`, or `diverged` when a loss stopped being finite (history up to there).
        trainer: `compiled` (by XLA), `graph` (the same epoch without XLA) or `fit`.
        history: one list per column of `Measured.history`, one entry per epoch.
        result: of the kept weights: `test_loss`, `test_accuracy`, the columns of the epoch that ended with them, `gap`,
            `best_epoch`, `stopped_epoch` (both from 1), `parameters`. Where they are the weights of no epoch, the
            columns in inference mode were measured again, and `loss` and `accuracy` are NaN.
        probes: weight and activation distributions.
        weights: `weights_digest` of the kept weights; empty in records from before these were digested.
        seconds: `train`, `compile` and `total` wall time.
        environment: versions, threads and machine; free to differ between equal runs. `kept_epoch` is the epoch (from
            1) that the kept weights are of; `None`: of no epoch; not there in records of older versions.
        held_out: what the kept weights say of the test set, in records of studies that name metrics.
    """

    key: str
    seed: int
    settings: Mapping[str, Any]
    status: Status
    trainer: TrainerName
    history: Mapping[str, Sequence[float]]
    result: Mapping[str, float]
    probes: tuple[Probe, ...]
    weights: str
    seconds: Mapping[str, float]
    environment: Mapping[str, Any]
    held_out: HeldOut | None = None

    @property
    def headline(self) -> tuple[str, float]:
        """The score that progress lines show, and its name: what treatments are chosen by."""
        measured = measured_by(self.settings)
        name = f"test_{measured.score}"
        return name, self.result[name]

    def to_json(self) -> bytes:
        """The record as a JSON document that carries the digest of its body."""
        body = {name: value for name, value in _encode(asdict(self)).items() if value is not None}
        schema = _WITHOUT_HELD_OUT if self.held_out is None else RECORD_SCHEMA
        document = {"schema": schema, "sha256": _digest(schema, body), "body": body}
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> "Record":
        """Read a record back, of this schema or an older one.

        Raises:
            NewerRecordError: a newer version wrote it.
            StoreError: the document is damaged.
        """
        try:
            document = _Envelope.model_validate(parse_json(text))
            schema, body = document.schema_, document.body
            if document.sha256 != _digest(schema, body):
                raise StoreError("its digest does not match its content")
            if schema > RECORD_SCHEMA:
                raise NewerRecordError(
                    f"written by a newer version of ablate (record schema {schema}); upgrade ablate to read it"
                )
            for upgrade in _UPGRADES[schema - 1 :]:
                body = upgrade(body)
            numbers = {key: _decode(body[key]) for key in ("history", "result", "probes", "seconds") if key in body}
            found = _Body.model_validate({**body, **numbers})
            probes = tuple(Probe(**{**vars(probe), "counts": tuple(probe.counts)}) for probe in found.probes)
            kept = found.held_out and found.held_out.held_out()
            return cls(**{**vars(found), "probes": probes, "held_out": kept})
        except ValidationError as error:
            raise StoreError(f"not a record: {wrong(error)}") from None
        except ValueError as error:
            raise StoreError(f"not a record: {error}") from None


LARGEST = 1e60  # far beyond single precision, in which weights and losses are; squares of it can be added up
_STRICT = ConfigDict(extra="forbid", strict=True)


class _Envelope(BaseModel):
    """The document around a record; what validates it."""

    model_config = ConfigDict(extra="ignore", strict=True)

    schema_: Annotated[int, Field(alias="schema", ge=1, le=2**31)]
    sha256: str
    body: dict[str, Any]


class _Probe(BaseModel):
    """A `Probe` as it is written; what validates it."""

    model_config = _STRICT

    layer: str
    kind: Literal["weights", "activations"]
    moment: Moment
    low: float
    high: float
    counts: Annotated[list[Count], Field(min_length=BINS, max_length=BINS)]
    mean: float
    sd: float
    skewness: float
    kurtosis: float
    minimum: float
    maximum: float
    zeros: float
    saturated: float | None
    dead: float | None
    spectral_norm: float | None
    non_finite: Count

    @model_validator(mode="after")
    def _adds_up(self) -> "_Probe":
        """Histograms are added up by their edges, which have to be such that this can be done."""
        if not SMALLEST <= self.high <= 1 / SMALLEST or math.frexp(self.high)[0] != 0.5:
            raise ValueError(f"high should be a power of two from {SMALLEST:g} to {1 / SMALLEST:g}")
        if self.low not in (0, -self.high):
            raise ValueError("low should be 0, or high with the other sign")
        if any(LARGEST < abs(each) < math.inf for each in (self.mean, self.sd, self.minimum, self.maximum)):
            raise ValueError(f"no weight or activation is beyond {LARGEST:g}")
        return self


class _Body(BaseModel):
    """A `Record` as it is written, of this schema; what validates it."""

    model_config = _STRICT

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    settings: dict[str, dict[str, Any]]
    status: Status
    trainer: TrainerName
    history: dict[str, Annotated[list[float], Field(min_length=1)]]
    result: dict[str, int | float]
    probes: list[_Probe]
    weights: str
    seconds: dict[str, float]
    environment: dict[str, Any]
    held_out: Written | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "_Body":
        """Tables are made of these columns."""
        measured = measured_by(self.settings)
        for name, given, wanted in (
            ("history", self.history, measured.history),
            ("result", self.result, measured.result),
            ("seconds", self.seconds, ("train", "compile", "total")),
        ):
            if missing := [column for column in wanted if column not in given]:
                raise ValueError(f"{name} has no {', '.join(missing)}")
        if len({len(values) for values in self.history.values()}) > 1:
            raise ValueError("the columns of history should have one number an epoch each")
        for name in measured.whole:
            if type(self.result[name]) is not int or not 0 <= self.result[name] <= 2**53:
                raise ValueError(f"{name} should be a whole number from 0 on")
        _see_ranges("history", self.history)
        _see_ranges("result", {name: [value] for name, value in self.result.items()})
        _see_ranges("seconds", {name: [value] for name, value in self.seconds.items()})
        return self


def measured_by(settings: Mapping[str, Any]) -> Measured:
    """What a run with these settings has columns of.

    Raises:
        ValueError: the settings name metrics in a way that no study file does.
    """
    scores = settings.get("scores", {})
    entries = scores.get("metrics", []) if isinstance(scores, Mapping) else None
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ValueError("settings.scores should hold a list of metrics")
    data = settings.get("data", {})
    is_number = isinstance(data, Mapping) and data.get("task") == "regression"
    return Measured(tuple(entries), str(scores.get("gap", "accuracy")), "regression" if is_number else "classification")


_ROUNDING = 1e-3  # of a share; far beyond what sums over batches in single precision are off by
_TIMES = ("seconds", "train", "compile", "total")


def _see_ranges(table: str, columns: Mapping[str, Sequence[float]]) -> None:
    """See that scores are what they can be and that no time is negative; NaN is what was not measured."""
    for name, values in columns.items():
        low, high = _range(name, of_classes="accuracy" in columns)
        if not all(low <= value <= high or math.isnan(value) for value in values):
            raise ValueError(f"{name} in {table} should be from {low:.0f} to {high:.0f}")


def _range(name: str, *, of_classes: bool) -> tuple[float, float]:
    """What a column can hold; the gap of numbers is in the unit of the target, and has no bound."""
    if name == "gap":
        return (-1 - _ROUNDING, 1 + _ROUNDING) if of_classes else (-math.inf, math.inf)
    if name in _TIMES:
        return 0.0, LARGEST
    found = describe(name)
    if found.name not in SCORES:
        return -math.inf, math.inf
    low, high = (-math.inf if found.low is None else found.low), (math.inf if found.high is None else found.high)
    return low - _ROUNDING, high + _ROUNDING


class NewerRecordError(StoreError):
    """A record that only a newer version can read; it is in order."""


@dataclass(frozen=True)
class Failure:
    """Why a run has no record.

    Attributes:
        reason: one line.
        log: the last lines that the run printed or raised.
        at: when, ISO 8601 in UTC.
    """

    reason: str
    log: str
    at: str

    @classmethod
    def from_json(cls, text: bytes) -> "Failure":
        """Read a failure back.

        Raises:
            ValueError: the document is damaged.
        """
        return _FAILURE.validate_python(parse_json(text))


_FAILURE = TypeAdapter(Failure)


def weights_digest(weights: Mapping[str, npt.NDArray[np.float32]]) -> str:
    """SHA-256 over the names, types, shapes and values of a network's weights, in the order of their names."""
    digest = hashlib.sha256()
    for name, array in sorted(weights.items()):
        digest.update(canonical_json([name, array.dtype.str, array.shape]))
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _digest(schema: int, body: Any) -> str:
    """What a document carries to be checked by; since schema 2 the number is part of it, and has to stay so."""
    return hashlib.sha256(canonical_json(body if schema == 1 else {"schema": schema, "body": body})).hexdigest()


_UPGRADES: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (
    lambda body: {**body, "weights": ""},  # 1 to 2
    lambda body: body,  # 2 to 3, which may have `held_out`
)
assert len(_UPGRADES) == RECORD_SCHEMA - 1


def _encode(value: Any) -> Any:
    """JSON has no NaN: non-finite numbers become text."""
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case Mapping():
            return {key: _encode(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_encode(entry) for entry in value]
        case _:
            return value


def _decode(value: Any) -> Any:
    match value:
        case str():
            return _NON_FINITE.get(value, value)
        case dict():
            return {key: _decode(entry) for key, entry in value.items()}
        case list():
            return [_decode(entry) for entry in value]
        case _:
            return value
