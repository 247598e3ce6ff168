"""What becomes of columns that a network cannot take as they are: categories, and numbers that are missing.

`Recipe` says how many numbers a table has for a network, and is the same for every seed. `Mapping` says which number is
what; it is learned from the training rows of one seed alone, by scikit-learn, and is kept beside a saved network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from ablate.reading import wrong
from ablate.tables.kinds import Column

Kind = Literal["number", "missing", "category", "rare", "unseen", "unused"]
Features = npt.NDArray[np.float32]
_NO_VALUE = "(missing)"
_OF_NUMBERS = ("number", "missing")


@dataclass(frozen=True)
class Piece:
    """What becomes of one column of a table.

    Attributes:
        name: of the column.
        categories: its texts, in alphabetical order; empty for numbers.
        width: numbers that are made of it for a network.
        indicator: whether one of them says that a number is missing.
    """

    name: str
    categories: tuple[str, ...] = ()
    width: int = 1
    indicator: bool = False


@dataclass(frozen=True)
class Recipe:
    """What becomes of the columns of a table, whatever the seed.

    Attributes:
        pieces: one per column.
        max_categories: columns that the categories of one column become at most, those for unseen values not counted.
    """

    pieces: tuple[Piece, ...]
    max_categories: int

    @property
    def width(self) -> int:
        """Numbers per row, as a network takes them."""
        return sum(piece.width for piece in self.pieces)

    @property
    def binary(self) -> npt.NDArray[np.bool_]:
        """Which of them are 0 or 1 and are not scaled; shape (width,)."""
        found = np.ones(self.width, bool)
        found[[place for piece, place in zip(self.pieces, self.places, strict=True) if not piece.categories]] = False
        return found

    @property
    def places(self) -> list[int]:
        """The first number of every column."""
        return [0, *np.cumsum([piece.width for piece in self.pieces]).tolist()][:-1]


@dataclass(frozen=True)
class Output:
    """One number that a network takes.

    Attributes:
        column: of the table.
        kind: a number as it is; 1 where a number is missing; 1 for one category; 1 for any of the rare ones; 1 for a
            value that no training row has; or always 0, for a value that only validation rows of this seed have.
        values: the categories that it stands for.
        fill: what stands for a missing number.
    """

    column: str
    kind: Kind
    values: tuple[str, ...] = ()
    fill: float | None = None

    @property
    def name(self) -> str:
        """As `job = admin`."""
        match self.kind:
            case "number":
                return self.column
            case "category":
                return f"{self.column} = {self.values[0] or _NO_VALUE}"
            case _:
                return f"{self.column}: {self.kind}"


@dataclass(frozen=True)
class Mapping:
    """What the training rows of one seed make of a table's columns: one `Output` for every number."""

    outputs: tuple[Output, ...]

    def apply(self, x: Features, recipe: Recipe) -> Features:
        """Rows as a network takes them, shape (rows, width).

        Args:
            x: one value per column: numbers, NaN where one is missing, and the numbers of categories.
            recipe: of the table.
        """
        found = np.zeros((len(x), len(self.outputs)), np.float32)
        for number, (piece, place) in enumerate(zip(recipe.pieces, recipe.places, strict=True)):
            outputs = self.outputs[place : place + piece.width]
            if piece.categories:
                places = place + _places_of(piece.categories, outputs)
                found[np.arange(len(x)), places[x[:, number].astype(np.int64)]] = 1
                continue
            missing = np.isnan(x[:, number])
            found[:, place] = (
                np.where(missing, np.float32(outputs[0].fill or 0), x[:, number]) if missing.any() else x[:, number]
            )
            if piece.indicator:
                found[:, place + 1] = missing
        return found

    def document(self, pivots: npt.NDArray[np.float64] | None = None) -> dict[str, Any]:
        """As JSON; `from_document` reads it back.

        Args:
            pivots: of the numbers, which medians are added to, so that they are values of the table.
        """
        shift = [0.0] * len(self.outputs) if pivots is None else pivots.tolist()
        return {
            "columns": [
                {
                    "name": output.name,
                    "column": output.column,
                    "kind": output.kind,
                    **({"values": list(output.values)} if output.values else {}),
                    **({"fill": output.fill + pivot} if output.fill is not None else {}),
                }
                for output, pivot in zip(self.outputs, shift, strict=True)
            ]
        }

    @classmethod
    def from_document(cls, document: Any, recipe: "Recipe", pivots: npt.NDArray[np.float64] | None = None) -> "Mapping":
        """A mapping from what `document` made of it.

        Raises:
            ValueError: the document is none, or one of other columns; says what is wrong.
        """
        try:
            entries = _Document.model_validate(document).columns
        except ValidationError as error:
            raise ValueError(wrong(error)) from None
        if [(entry.column, entry.kind in _OF_NUMBERS) for entry in entries] != [
            (piece.name, not piece.categories) for piece in recipe.pieces for _ in range(piece.width)
        ]:
            raise ValueError("it is not about the columns of this data")
        shift = [0.0] * len(entries) if pivots is None else pivots.tolist()
        return cls(
            tuple(
                Output(
                    entry.column, entry.kind, tuple(entry.values), None if entry.fill is None else entry.fill - pivot
                )
                for entry, pivot in zip(entries, shift, strict=True)
            )
        )


class _Entry(BaseModel):
    """An `Output` as it is written; what validates it."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    name: str
    column: str
    kind: Kind
    values: list[str] = []
    fill: float | None = None


class _Document(BaseModel):
    """A `Mapping` as it is written; what a newer version adds is passed over."""

    model_config = ConfigDict(extra="ignore", strict=True)

    columns: list[_Entry]


def recipe(
    columns: Sequence[Column], train: npt.NDArray[np.integer], max_categories: int, *, fills: bool
) -> Recipe | None:
    """What becomes of the columns of a table; `None` where they are numbers and can be taken as they are.

    How wide it gets depends on the training part (validation included) and on nothing of the test part.

    Args:
        columns: of the table.
        train: rows of the training part.
        max_categories: see `Recipe`.
        fills: whether missing numbers are to be filled.
    """
    pieces = []
    for column in columns:
        if column.categories:
            known = len(np.unique(column.values[train]))
            pieces.append(Piece(column.name, column.categories, min(known, max_categories) + 1))
        else:
            has_gaps = column.values.dtype.kind == "f" and bool(np.isnan(column.values[train]).any())
            pieces.append(Piece(column.name, (), 1 + has_gaps, has_gaps))
    if not fills and not any(piece.categories for piece in pieces):
        return None
    if all(not piece.categories and not piece.indicator for piece in pieces) and not _has_gaps(columns):
        return None
    return Recipe(tuple(pieces), max_categories)


def _has_gaps(columns: Sequence[Column]) -> bool:
    return any(column.values.dtype.kind == "f" and bool(np.isnan(column.values).any()) for column in columns)


def learn(x: Features, recipe: Recipe) -> Mapping:
    """What some training rows make of the columns.

    Args:
        x: the training rows, as `Mapping.apply` takes them; nothing else is looked at.
        recipe: of the table.
    """
    outputs: list[Output] = []
    for number, piece in enumerate(recipe.pieces):
        if piece.categories:
            outputs += _learn_categories(x[:, number].astype(np.int64), piece, recipe.max_categories)
        else:
            outputs.append(Output(piece.name, "number", fill=_median(x[:, number])))
            outputs += [Output(piece.name, "missing")] if piece.indicator else []
    return Mapping(tuple(outputs))


def _median(values: Features) -> float:
    from sklearn.impute import SimpleImputer

    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return float(imputer.fit(values.astype(np.float64)[:, None]).statistics_[0])


def _learn_categories(codes: npt.NDArray[np.int64], piece: Piece, most: int) -> list[Output]:
    """The most frequent category first; then those that are rare together; last what was not seen."""
    from sklearn.preprocessing import OneHotEncoder

    encoder = OneHotEncoder(max_categories=most).fit(codes[:, None])
    rare = [] if encoder.infrequent_categories_[0] is None else encoder.infrequent_categories_[0].tolist()
    counts = np.bincount(codes, minlength=len(piece.categories))
    common = sorted(set(encoder.categories_[0].tolist()) - set(rare), key=lambda code: (-counts[code], code))
    found = [Output(piece.name, "category", (piece.categories[code],)) for code in common]
    if rare:
        found.append(Output(piece.name, "rare", tuple(piece.categories[code] for code in rare)))
    found += [Output(piece.name, "unused")] * (piece.width - 1 - len(found))
    return [*found, Output(piece.name, "unseen")]


def _places_of(categories: Sequence[str], outputs: Sequence[Output]) -> npt.NDArray[np.int64]:
    """Which output of its column every category is, the last for those that are in none."""
    by_value = {value: place for place, output in enumerate(outputs) for value in output.values}
    return np.array([by_value.get(category, len(outputs) - 1) for category in categories], np.int64)
