"""Metrics that only claims use: figures of one layer's weights or activations, and the gap that a history shows."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from ablate.settings.metrics import METRIC_SCHEMA, USUAL, check_metric, is_like_a_column, is_metric, measured_by
from ablate.settings.run import Model

MOMENTS = ("initial", "best", "end")
KINDS = ("weights", "activations")
STATISTICS = (
    "mean",
    "sd",
    "sd_ratio",
    "skewness",
    "kurtosis",
    "minimum",
    "maximum",
    "zeros",
    "saturated",
    "dead",
    "spectral_norm",
)
RUNNING_GAP = "running_gap"
_NUMBER = r"-?\d+(?:\.\d+)?"
_PATTERN = (
    rf"({'|'.join(MOMENTS)})_({'|'.join(KINDS)})_(?:({'|'.join(STATISTICS)})|share_({_NUMBER})_to_({_NUMBER}))"
    r"_(hidden_[1-9]\d{0,2}b?|output)"
)
_LAYER_METRIC = re.compile(_PATTERN)


@dataclass(frozen=True)
class LayerMetric:
    """A figure of one layer at one moment.

    Attributes:
        moment: `initial`, `best` or `end`, as in the records' probes.
        kind: `weights` or `activations`.
        statistic: a field of `Probe`; `sd_ratio`, the standard deviation over that of the layer before; or `share`.
        layer: `hidden 1`, ..., as in the records; `hidden 1b` is a block's second dense.
        low, high: for `share`, the values that count, both included.
    """

    moment: str
    kind: str
    statistic: str
    layer: str
    low: float = 0.0
    high: float = 0.0

    @property
    def number(self) -> int:
        """The hidden layer's number, from 1; 0 for the output layer."""
        digits = re.sub(r"\D", "", self.layer)
        return int(digits) if digits else 0

    def is_in(self, model: Model) -> bool:
        """Whether a network has the layer; a second dense has weights of its own, and no activations."""
        second = not self.layer.endswith("b") or (model.block.count("dense") == 2 and self.kind == "weights")
        return self.number <= len(model.hidden) and second


def layer_metric(name: str) -> LayerMetric | None:
    """What `initial_activations_sd_hidden_5` and alike ask for; `None` for other metrics."""
    found = _LAYER_METRIC.fullmatch(name)
    if not found:
        return None
    moment, kind, statistic, low, high, layer = found.groups()
    metric = LayerMetric(moment, kind, statistic or "share", layer.replace("_", " "), float(low or 0), float(high or 0))
    return metric if metric.low <= metric.high else None


def _checked(name: str, info: ValidationInfo) -> str:
    metric, measured = layer_metric(name), measured_by(info)
    if metric is None and name != RUNNING_GAP and not is_metric(name, measured or USUAL):
        if is_like_a_column(name):
            check_metric(name, info)
        else:
            raise _unknown()
    if metric and metric.statistic == "sd_ratio" and metric.number < 2:
        raise PydanticCustomError(
            "metric", "sd_ratio compares a hidden layer with the one before; takes hidden_2 and on"
        )
    return name


def _unknown() -> PydanticCustomError:
    return PydanticCustomError(
        "metric",
        "should be a column of the runs table, {running_gap}, epochs_to_<history column>_<threshold>, or "
        "<moment>_<kind>_<statistic>_<layer> such as initial_activations_sd_hidden_1: {moments}; {kinds}; "
        "{statistics}, share_<low>_to_<high>; hidden_<number>, output",
        {
            "running_gap": RUNNING_GAP,
            "moments": ", ".join(MOMENTS),
            "kinds": ", ".join(KINDS),
            "statistics": ", ".join(STATISTICS),
        },
    )


_SCHEMA = {"anyOf": [*METRIC_SCHEMA["anyOf"], {"enum": [RUNNING_GAP]}, {"type": "string", "pattern": f"^{_PATTERN}$"}]}
ClaimMetric = Annotated[str, AfterValidator(_checked), WithJsonSchema(_SCHEMA)]
