"""What a study asks of a table: which columns, and how they are to be read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ablate.errors import Problem, StudyError

Missing = Literal["error", "median", "drop"]


@dataclass(frozen=True)
class TableOptions:
    """The keys of `[data]` that are about tables; see `settings.run.Data` for what each says."""

    label: str
    drop: Sequence[str] = ()
    features: Sequence[str] = ()
    groups: str | None = None
    time: str | None = None
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    header: bool | None = None
    missing: Missing = "error"
    max_categories: int = 50
    dates: Sequence[str] = ()


@dataclass
class Findings:
    """What is found while a table is read: everything that is wrong, and everything that is odd.

    Attributes:
        problems: what makes the table unusable; all of it is reported at once.
        notes: what a reader of the results should know.
        file: the table's, which every problem names.
    """

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    file: str = ""

    def wrong(self, key: str, message: str, value: str | None = None) -> None:
        """Add what makes the table unusable."""
        named = message if self.file in message else f"{self.file}: {message}"
        self.problems.append(Problem(f"data.{key}", named, value))

    def note(self, text: str) -> None:
        """Add what is odd."""
        self.notes.append(text)

    def stop_if_wrong(self) -> None:
        """Give up where something was wrong.

        Raises:
            StudyError: with every problem so far.
        """
        if self.problems:
            raise StudyError("data", list(dict.fromkeys(self.problems)))
