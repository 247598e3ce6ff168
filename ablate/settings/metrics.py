"""What is measured of a run: the columns of every epoch, those of the kept weights, and the metrics made of them."""

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

HISTORY_COLUMNS = (
    "loss",
    "accuracy",
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "gap",
    "seconds",
)
RESULT_COLUMNS = (
    "test_accuracy",
    "test_loss",
    "gap",
    "best_epoch",
    "stopped_epoch",
    "accuracy",
    "loss",
    "train_accuracy",
    "train_loss",
    "val_accuracy",
    "val_loss",
    "parameters",
)
WHOLE_COLUMNS = ("best_epoch", "stopped_epoch", "parameters")  # of them, those that hold whole numbers
SECONDS_COLUMNS = ("seconds", "seconds_compile", "seconds_train")
_EPOCHS_TO = re.compile(rf"epochs_to_({'|'.join(HISTORY_COLUMNS[:-1])})_(\d+(?:\.\d+)?)")


def is_metric(name: str) -> bool:
    """Whether runs have it: a column of the runs table, or `epochs_to_<history column>_<threshold>`."""
    return name in (*RESULT_COLUMNS, *SECONDS_COLUMNS) or epochs_to(name) is not None


def epochs_to(metric: str) -> tuple[str, float] | None:
    """The history column and the threshold of `epochs_to_<history column>_<threshold>`; `None` for other metrics."""
    found = _EPOCHS_TO.fullmatch(metric)
    return (found[1], float(found[2])) if found else None


def lower_is_better(metric: str) -> bool:
    """Whether a smaller value is the better one: losses, gaps, times and sizes, and epochs until something good."""
    target = epochs_to(metric)
    if target is not None:
        return target[0] != "gap"
    return metric.endswith(("loss", "gap", "epoch")) or metric.startswith("seconds") or metric == "parameters"


def is_share(metric: str) -> bool:
    """Whether it is a share, shown in percent, its differences in points: accuracies and the gap."""
    return epochs_to(metric) is None and metric.endswith(("accuracy", "gap"))


def is_time(metric: str) -> bool:
    """Whether it depends on the machine and its load."""
    return metric in SECONDS_COLUMNS


def _checked(name: str) -> str:
    if not is_metric(name):
        known = f"{', '.join((*RESULT_COLUMNS, *SECONDS_COLUMNS))}, or epochs_to_<history column>_<threshold>"
        raise PydanticCustomError("metric", "should be one of {known}", {"known": known})
    return name


METRIC_SCHEMA = {
    "anyOf": [
        {"enum": [*RESULT_COLUMNS, *SECONDS_COLUMNS]},
        {"type": "string", "pattern": f"^{_EPOCHS_TO.pattern}$"},
    ]
}
Metric = Annotated[str, AfterValidator(_checked), WithJsonSchema(METRIC_SCHEMA)]
