"""The errors that `ablate` raises; only the command line turns them into exit codes."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ablate import text

MOST_PROBLEMS = 100  # that are told of one file
LONGEST_PROBLEM = 1_000  # characters of one


class AblateError(Exception):
    """Something the user can mend; the message says what, where and how."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a study file.

    Attributes:
        key: dotted path of the key, empty for the file as a whole.
        message: what is wrong and what is allowed.
        value: the offending value as it would be written in TOML, if there is one.
        line: where the key stands in the file, from 1, if that is known.
    """

    key: str
    message: str
    value: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        where = f"{self.key} = {self.value}" if self.value is not None else self.key
        said = f"{where}: {self.message}" if where else self.message
        return f"line {self.line}: {said}" if self.line else said


class StudyError(AblateError):
    """A study file, an override or its data cannot be used. Holds every problem found, not only the first."""

    def __init__(self, source: Path | str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = [text.line(f"{source}: {count} problem{'s' if count != 1 else ''}")]
        lines += [f"  {text.line(str(problem), LONGEST_PROBLEM)}" for problem in self.problems[:MOST_PROBLEMS]]
        lines += [f"  and {count - MOST_PROBLEMS} more"] if count > MOST_PROBLEMS else []
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[type["StudyError"], tuple[Path | str, tuple[Problem, ...]]]:
        """How it comes back from a worker."""
        return type(self), (self.source, self.problems)


class StoreError(AblateError):
    """A results folder cannot be read or written."""


class ModelError(AblateError):
    """A model of the user's cannot be trained, or weights do not fit a network."""


class WorkerError(AblateError):
    """Worker processes cannot do their work on this machine."""


class EmptyResultsError(AblateError):
    """There are no finished runs to show."""


class NotComparableError(AblateError):
    """Two results have nothing that could be compared."""


def suggest(given: str, known: Iterable[str], *, listed: bool = True) -> str:
    """`; did you mean 'x'?` for a near miss, else, if `listed`, the names that are allowed."""
    known = list(known)
    near = difflib.get_close_matches(given.lower(), known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; allowed: {', '.join(known)}" if known and listed else ""
