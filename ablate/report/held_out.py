"""What networks answer to the test set: which classes are found, and how often they are right when they are sure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ablate.report import wording
from ablate.results.snapshot import Snapshot
from ablate.settings.run import class_index

MOST_LISTED = 12  # classes of a treatment in the table
_MOST_MIXED_UP = 3


@dataclass(frozen=True)
class Answers:
    """The answers of a treatment's runs, added up.

    Attributes:
        treatment: its name.
        runs: how many were added up.
        classes: their names; none where there are too many for a matrix.
        confusion: how many examples of each class (rows) were taken for each (columns).
        calibration: see `HeldOut`.
    """

    treatment: str
    runs: int
    classes: tuple[str, ...]
    confusion: npt.NDArray[np.int64]
    calibration: npt.NDArray[np.float64]

    def found(self, index: int) -> float:
        """The share of a class's examples that are taken for it; NaN where there are none."""
        return _share(self.confusion[index, index], self.confusion[index].sum())

    def right(self, index: int) -> float:
        """The share of what is taken for a class that is of it; NaN where nothing is."""
        return _share(self.confusion[index, index], self.confusion[:, index].sum())


@dataclass(frozen=True)
class ClassRow:
    """One class of one treatment, as text."""

    treatment: str
    name: str
    examples: str
    found: str
    called: str
    right: str


def collect(snapshot: Snapshot, best: str | None) -> list[Answers]:
    """The answers of the baseline's and of the best treatment's runs, as far as their records have them."""
    found = []
    runs = snapshot.runs[snapshot.runs["status"].eq("ok")]
    for name in dict.fromkeys(("baseline", best or "baseline")):
        keys = dict.fromkeys(runs.loc[runs["treatment"].eq(name), "run"])
        parts = [part for key in keys if (part := snapshot.records[key].held_out) is not None]
        if parts and len({part.classes for part in parts}) == 1:
            confusion = np.sum([np.array(part.confusion, np.int64) for part in parts], axis=0)
            calibration = np.sum([np.array(part.calibration, np.float64) for part in parts if part.calibration], axis=0)
            found.append(Answers(name, len(parts), parts[0].classes, confusion, np.asarray(calibration)))
    return found


def in_words(every: Sequence[Answers], positive: object) -> list[str]:
    """What a reader who knows the subject wants to know of the answers.

    Args:
        every: what `collect` returns.
        positive: the class that the study asks about, of two; `None` for the second.
    """
    told = []
    for answers in every:
        if len(answers.classes) == 2:
            index = None if positive is None else class_index(answers.classes, positive)
            told.append(_of_two(answers, 1 if index is None else index))
        elif answers.classes:
            told.append(_of_several(answers))
    return told


def _of_two(answers: Answers, index: int) -> str:
    name, other = answers.classes[index], answers.classes[1 - index]
    found, right = answers.found(index), answers.right(index)
    start = f"{answers.treatment}: of 100 examples of class “{name}” in the test set, {_of_100(found)} are found"
    if not np.isfinite(right):
        return f"{start}; every example is taken for “{other}”."
    alarms = answers.confusion[1 - index, index]
    false = _of_100(_share(alarms, answers.confusion[1 - index].sum()))
    return (
        f"{start}, and of 100 examples that are called “{name}”, {_of_100(right)} are. Of 100 examples of class "
        f"“{other}”, {false} are taken for “{name}”."
    )


def _of_several(answers: Answers) -> str:
    mixed = answers.confusion.copy()
    np.fill_diagonal(mixed, 0)
    order = np.argsort(mixed, axis=None, kind="stable")[::-1][:_MOST_MIXED_UP]
    pairs = [np.unravel_index(place, mixed.shape) for place in order if mixed.flat[place]]
    if not pairs:
        return f"{answers.treatment}: every example of the test set is answered rightly."
    told = [
        f"“{answers.classes[true]}” for “{answers.classes[taken]}” ({mixed[true, taken]:,} of "
        f"{answers.confusion[true].sum():,})"
        for true, taken in pairs
    ]
    return f"{answers.treatment}: most often mistaken are {', '.join(told)}."


def class_rows(every: Sequence[Answers]) -> list[ClassRow]:
    """How well every class is found, treatment by treatment; the first classes where there are many."""
    return [row for answers in every for row in _rows(answers)]


@dataclass(frozen=True)
class BinRow:
    """The answers of a treatment that are about as sure as each other, as text."""

    treatment: str
    answers: str
    sure: str
    right: str


def bin_rows(every: Sequence[Answers]) -> list[BinRow]:
    """How sure answers are and how often right, bin by bin, without empty ones."""
    return [
        BinRow(each.treatment, f"{int(count):,}", wording.percent(sure / count, 1), wording.percent(right / count, 1))
        for each in every
        for count, sure, right in each.calibration.T.tolist()
        if count
    ]


def _rows(answers: Answers) -> Iterator[ClassRow]:
    for index, name in enumerate(answers.classes[:MOST_LISTED]):
        yield ClassRow(
            answers.treatment,
            name,
            f"{answers.confusion[index].sum():,}",
            wording.percent(answers.found(index), 1),
            f"{answers.confusion[:, index].sum():,}",
            wording.percent(answers.right(index), 1),
        )


def _of_100(share: float) -> str:
    return wording.percent(share, 0 if share in (0, 1) else 1)


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")
