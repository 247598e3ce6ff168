"""How numbers and findings are put into words: percent, points, and sentences that claim no more than they may."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ablate.analysis.pairs import LARGEST_DROPPED_SHARE
from ablate.settings.metrics import OF_RUNS, USUAL, Measured, describe, epochs_to, is_share, title
from ablate.settings.thresholds import Thresholds

# A user's name may hold apostrophes (in a shell's spelling as well) and, where the path goes on or a quotation ends,
# blanks.
_WORD = r"(?:[^/\\\s\"'<>&:;,|]|'(?=\w)|'\"'\"'(?=\w))"
_USER = rf"(?:{_WORD}+(?=[/\\\"'])|{_WORD}+(?: (?!-){_WORD}+){{1,3}}(?=[/\\\"'])|{_WORD}+)"
_HOMES = re.compile(rf"(?:/home|/Users)/{_USER}|/root(?=[/\s\"'<&]|$)|[A-Za-z]:(?:\\)+Users(?:\\)+{_USER}")

# Control characters but tab and line feed, separators, what turns the direction of reading, halves of pairs, and what
# is no character at all: invisible or harmful in text, and partly no HTML.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    r"\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def metric_name(metric: str) -> str:
    """What a metric is called in a sentence."""
    target = epochs_to(metric)
    if target is not None:
        column, threshold = target
        goal = f"{threshold * 100:g}%" if is_share(column) else f"{threshold:g}"
        return f"epochs to a {title(column)} of {goal}"
    return title(metric)


def digits(metric: str) -> int:
    """How many decimals its values and differences are shown with."""
    return {"epochs": 1, "count": 0, "share": 2, "seconds": 2}.get(describe(metric).unit, 4)


def scale(metric: str) -> int:
    """What its values are multiplied by to be shown."""
    return 100 if is_share(metric) else 1


def percent(share: float, digits: int = 2) -> str:
    """A share as `93.75`; a dash where there is none."""
    return number(share * 100, digits)


def number(value: float, digits: int = 2) -> str:
    """A number with a true minus sign; a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def significant(value: float, digits: int = 4) -> str:
    """A number with so many significant digits and a true minus sign; a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    size = math.floor(math.log10(abs(value))) if value else 0
    text = f"{value:.{max(0, digits - 1 - size)}f}" if -4 <= size <= 6 else f"{value:.{digits - 1}e}"
    return text.replace("-", "−", 1) if value < 0 else text


def axis(score: str) -> str:
    """A score as the label of an axis: `accuracy, %`, `mean absolute error, in the unit of the target`."""
    found = describe(score)
    return f"{found.title}{_ON_AXES.get(found.unit, '')}"


_ON_AXES = {"share": ", %", "target": ", in the unit of the target"}


def sentence(text: str) -> str:
    """A text with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def bare(value: float, metric: str, digits_more: int = 0) -> str:
    """A value or a difference of a metric without its unit: with fixed decimals, or 4 digits where any size may be.

    Args:
        value: on the scale of the metric.
        metric: a column, or another metric.
        digits_more: fewer or more of them.
    """
    unit = describe(metric).unit
    if unit == "target" or (unit == "number" and abs(value) >= _LARGE):
        return significant(value, 4 + digits_more)
    return number(value * scale(metric), digits(metric) + digits_more)


_LARGE = 1e4  # from which on no four decimals are shown


def signed(value: float, metric: str) -> str:
    """A difference of a metric with its sign, in points for shares."""
    text = bare(value, metric)
    return f"+{text}" if math.isfinite(value) and value > 0 and float(text) else text


def value(amount: float, metric: str) -> str:
    """A value of a metric with its unit: percent for accuracies, points for the gap."""
    mark = "%" if is_share(metric) and not _is_gap(metric) else unit(metric)
    return f"{bare(amount, metric)} {mark}".strip() if math.isfinite(amount) else "–"


def spread(mean: float, sd: float, metric: str) -> str:
    """`93.75 ± 0.65`, or the mean alone where there is one replicate."""
    text = bare(mean, metric)
    if not math.isfinite(sd):
        return text
    decimals = len(text.partition(".")[2])
    of_any_size = describe(metric).unit == "target" and "e" not in text
    return f"{text} ± {number(sd, decimals) if of_any_size else bare(sd, metric)}"


def unit(metric: str) -> str:
    """The unit of a metric's differences."""
    if is_share(metric):
        return "points"
    return {"epochs": "epochs", "seconds": "s"}.get(describe(metric).unit, "")


def _is_gap(metric: str) -> bool:
    """Whether its values are differences already."""
    return metric in OF_RUNS


@dataclass(frozen=True)
class Learned:
    """What diagnoses are made by: a score of classes, or the share of the variance that predicted numbers explain."""

    training: str
    validation: str
    guess: str
    in_points: bool

    def size(self, share: float) -> str:
        """A limit with its unit."""
        return points(share) if self.in_points else f"{share:g}"


def learned(measured: Measured) -> Learned:
    """What the diagnoses of a study are made by."""
    if measured.task == "regression":
        return Learned("R² in training", "R² in validation", "always predicting the mean", in_points=False)
    name = describe(measured.score).title
    return Learned(f"training {name}", f"validation {name}", "always guessing the largest class", in_points=True)


def diagnoses(thresholds: Thresholds, measured: Measured = USUAL) -> dict[str, str]:
    """What each diagnosis means at a study's limits, as the end of a sentence.

    Args:
        thresholds: the limits.
        measured: what the study measures.
    """
    by = learned(measured)
    gap = f"{by.training} is over {by.size(thresholds.gap)} above {by.validation}"
    of_classes = {"one class only": "the network answers the same class for every example of the test set"}
    return {
        "diverged": "the loss stopped being a finite number",
        **(of_classes if measured.task == "classification" else {}),
        "untrained": f"{by.training} is hardly better than {by.guess}",
        "still improving": "the validation loss was still falling when training ended; more epochs would help",
        "underfit": f"{by.training} stays over {by.size(thresholds.underfit)} below the best treatment's",
        "overfit": f"{gap}, and the validation loss over {thresholds.loss_rise:.0%} above its minimum",
        "gap only": f"{gap}, but the validation loss hardly above its minimum",
        "good fit": "none of the other labels applies",
    }


def points(share: float) -> str:
    """A share in points: `1 point`, `2 points`, `0.5 points`."""
    return f"{share * 100:g} point{'' if share * 100 == 1 else 's'}"


def difference(mean: float, low: float, high: float, metric: str, count: int) -> str:
    """A mean difference with its interval: `+2.64 points (95% interval +1.96 to +3.32, 10 replicates)`."""
    replicates = plural(count, "replicate")
    size = f"{signed(mean, metric)} {unit(metric)}".strip()
    if not math.isfinite(low):
        return f"{size} ({replicates}, no interval)"
    return f"{size} (95% interval {signed(low, metric)} to {signed(high, metric)}, {replicates})"


def effect(row: Mapping[str, Any]) -> str:
    """The size of an effect, or that there is none to tell."""
    if not row["n"]:
        return (
            f"{plural(row['dropped'], 'pair')} lost a run"
            if row["dropped"]
            else "no two finished runs differ in it alone"
        )
    censored = f"; {plural(row['censored'], 'pair')} with a run that never got there" if row.get("censored") else ""
    return difference(row["mean"], row["low"], row["high"], row["metric"], row["n"]) + censored


def undecided(row: Mapping[str, Any]) -> str:
    """Why an effect is not decided, without claiming that there is none."""
    if not row["n"]:
        return effect(row)
    if row["dropped"] > LARGEST_DROPPED_SHARE * (row["n"] + row["dropped"]):
        return f"{effect(row)}; {plural(row['dropped'], 'pair')} lost a run, too many for a verdict"
    if not math.isfinite(row["detectable"]):
        return effect(row)
    smallest = bare(row["detectable"], row["metric"])
    found = f"{smallest} {unit(row['metric'])}".strip()
    return f"{effect(row)}; a true difference below {found} would often be missed with this many replicates"


def inert(row: Mapping[str, Any]) -> str:
    """That nothing changed at all."""
    return f"the same scores in every pair of runs, {plural(row['n'], 'replicate')}"


def p_value(p: float) -> str:
    """`0.0123`, `< 0.0001`, or a dash."""
    return "–" if not math.isfinite(p) else "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def interval(low: float, high: float, metric: str) -> str:
    """`+1.96 to +3.32`, or a dash."""
    return f"{signed(low, metric)} to {signed(high, metric)}" if math.isfinite(low) else "–"


def plural(count: int, noun: str) -> str:
    """`1 run`, `140 runs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def cut(text: str, length: int) -> str:
    """Text of at most so many characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def redact(text: str) -> str:
    """Text without the home folders, and so the user names, of whoever ran the study."""
    return _HOMES.sub("~", text)


def visible(text: str) -> str:
    r"""Text with its unseen characters spelt out, as labels have them: `\x1b`, `\u202e`."""
    return _UNSEEN.sub(lambda found: repr(found.group())[1:-1], text)
