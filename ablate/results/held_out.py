"""What the kept weights of a run say of the test set, beyond its scores; kept where a study names metrics."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ablate.results.identity import Count
from ablate.settings.metrics import ECE_BINS

MOST_CLASSES = 100  # with a confusion matrix
MOST_NUMBERS = 1_000  # that a record holds predictions for


@dataclass(frozen=True)
class HeldOut:
    """What a network says of the test set.

    Attributes:
        classes: their names; none above 100 of them.
        confusion: how many examples of each class (rows) were taken for each (columns); empty above 100 classes.
        calibration: in 15 bins of equal width of the largest probability: how many examples, the sum of those
            probabilities, and how many answers are right.
        numbers: in a regression, true and predicted numbers of some examples, in the unit of the target: two rows.
    """

    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    calibration: tuple[tuple[float, ...], ...] = ()
    numbers: tuple[tuple[float, ...], ...] = ()


_Sums = Annotated[list[Annotated[float, Field(ge=0, le=2**53)]], Field(min_length=ECE_BINS, max_length=ECE_BINS)]


class Written(BaseModel):
    """`HeldOut` as it is written; what validates it."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    classes: Annotated[list[str], Field(max_length=MOST_CLASSES)] = []
    confusion: Annotated[list[list[Count]], Field(max_length=MOST_CLASSES)] = []
    calibration: Annotated[list[_Sums], Field(max_length=3)] = []
    numbers: Annotated[list[Annotated[list[float], Field(max_length=MOST_NUMBERS)]], Field(max_length=2)] = []

    @model_validator(mode="after")
    def _has_a_shape(self) -> "Written":
        if any(len(row) != len(self.confusion) for row in self.confusion):
            raise ValueError("confusion should have as many columns as rows")
        if len(self.classes) != len(self.confusion):
            raise ValueError("confusion should have a row for each class")
        if len(self.calibration) not in (0, 3):
            raise ValueError("calibration should have three rows")
        if len(self.numbers) not in (0, 2) or len({len(row) for row in self.numbers}) > 1:
            raise ValueError("numbers should have two rows of one length")
        return self

    def held_out(self) -> HeldOut:
        """What it says."""
        matrix, bins, numbers = (_tuples(each) for each in (self.confusion, self.calibration, self.numbers))
        return HeldOut(tuple(self.classes), matrix, bins, numbers)


def _tuples(rows: list[list[Any]]) -> tuple[tuple[Any, ...], ...]:
    return tuple(map(tuple, rows))
