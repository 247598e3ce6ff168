"""How numbers and findings are put into words: percent, points, and sentences that claim no more than they may."""

import math
import re
from collections.abc import Mapping
from typing import Any

from ablate.analysis.effects import LARGEST_DROPPED_SHARE

METRIC_NAMES = {
    "test_accuracy": "test accuracy",
    "val_accuracy": "validation accuracy",
    "train_accuracy": "training accuracy",
    "test_loss": "test loss",
    "val_loss": "validation loss",
    "train_loss": "training loss",
    "gap": "generalization gap",
}
DIAGNOSIS_MEANING = {
    "diverged": "the loss stopped being a finite number",
    "untrained": "training accuracy is hardly better than always guessing the largest class",
    "still improving": "the validation loss was still falling when training ended; more epochs would help",
    "underfit": "training accuracy stays well below what the best treatment reaches",
    "overfit": "training accuracy is over 2 points above validation accuracy; the validation loss has left its minimum",
    "gap only": "training accuracy is over 2 points above validation accuracy, but the validation loss has not risen",
    "good fit": "none of the other labels applies",
}
_HOMES = re.compile(
    r"(?:/home|/Users)/[^/\s\"'<>&\\]+|/root(?=[/\s\"'<&]|$)|[A-Za-z]:(?:\\)+Users(?:\\)+[^\\\s\"'<>&]+"
)


def metric_name(metric: str) -> str:
    """What a column of the runs table is called in a sentence."""
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def is_share(metric: str) -> bool:
    """Whether a metric is shown in percent and its differences in points."""
    return metric.endswith("accuracy") or metric == "gap"


def percent(share: float, digits: int = 2) -> str:
    """A share as `93.75`; a dash where there is none."""
    return number(share * 100, digits)


def number(value: float, digits: int = 2) -> str:
    """A number with a true minus sign; a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def signed(value: float, metric: str) -> str:
    """A difference of a metric with its sign, in points for shares."""
    digits, scale = (2, 100) if is_share(metric) else (4, 1)
    text = number(value * scale, digits)
    return f"+{text}" if math.isfinite(value) and value > 0 and float(text) else text


def value(amount: float, metric: str) -> str:
    """A value of a metric: percent for accuracies, points for the gap, else plain."""
    if not is_share(metric) or not math.isfinite(amount):
        return number(amount, 4)
    return f"{percent(amount)} {'points' if metric == 'gap' else '%'}"


def spread(mean: float, sd: float, metric: str) -> str:
    """`93.75 ± 0.65`, or the mean alone where there is one replicate."""
    scale, digits = (100, 2) if is_share(metric) else (1, 4)
    return number(mean * scale, digits) + (f" ± {number(sd * scale, digits)}" if math.isfinite(sd) else "")


def unit(metric: str) -> str:
    """The unit of a metric's differences."""
    return "points" if is_share(metric) else ""


def effect(row: Mapping[str, Any]) -> str:
    """The size of an effect: `+2.64 points (95% interval +1.96 to +3.32, 10 replicates)`."""
    metric = row["metric"]
    replicates = plural(row["n"], "replicate")
    size = f"{signed(row['mean'], metric)} {unit(metric)}".strip()
    if not math.isfinite(row["low"]):
        return f"{size} ({replicates}, no interval)"
    return f"{size} (95% interval {signed(row['low'], metric)} to {signed(row['high'], metric)}, {replicates})"


def undecided(row: Mapping[str, Any]) -> str:
    """Why an effect is not decided, without claiming that there is none."""
    lost = f"{plural(row['dropped'], 'pair')} lost a run"
    if not row["n"]:
        return lost if row["dropped"] else "no pair of finished runs yet"
    if row["dropped"] > LARGEST_DROPPED_SHARE * (row["n"] + row["dropped"]):
        return f"{effect(row)}; {lost}, too many for a verdict"
    if not math.isfinite(row["detectable"]):
        return effect(row)
    smallest = number(row["detectable"] * (100 if is_share(row["metric"]) else 1), 2 if is_share(row["metric"]) else 4)
    found = f"{smallest} {unit(row['metric'])}".strip()
    return f"{effect(row)}; a true difference below {found} would often be missed with this many replicates"


def inert(row: Mapping[str, Any]) -> str:
    """That nothing changed at all."""
    return f"the same scores in every pair of runs, {plural(row['n'], 'replicate')}"


def plural(count: int, noun: str) -> str:
    """`1 run`, `140 runs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def cut(text: str, length: int) -> str:
    """Text of at most so many characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def redact(text: str) -> str:
    """Text without the home folders, and so the user names, of whoever ran the study."""
    return _HOMES.sub("~", text)
