"""A data set: what is known of it, and what a run's training rows make of it."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ablate.data import ondisk
from ablate.data.ondisk import OnDisk
from ablate.data.readers import Features, Scale
from ablate.errors import Problem, StudyError, suggest
from ablate.settings import document
from ablate.settings.run import class_index
from ablate.tables import audit, mapping, summary
from ablate.tables.mapping import Mapping, Recipe
from ablate.tables.targets import Target, Task

_MOST_NAMED = 20  # classes in an error
ALIGNMENT = 64  # bytes; TensorFlow can then use the features where they are


@dataclass(frozen=True)
class Dataset:
    """A labelled data set, its features in memory or, where they are too large for it, in their file.

    Attributes:
        x: features, shape (n, features), uint8 or float32, unscaled; in memory aligned to `ALIGNMENT`.
        y: class indices, shape (n,), int32; or the numbers that a regression predicts, float64, in their own unit.
        classes: name of each class, in the order of the indices; none in a regression.
        train: indices of the training part (validation included), int32.
        test: indices of the fixed test set, int32.
        scale: how features are brought to a common size: not at all, divided by `divisor`, or standardized.
        divisor: only for `scale = "divide"`.
        image: shape of one example as it is in the data, where that is not a row of numbers.
        automatic: whether nobody chose the scale (`"auto"`).
        looked_up_by: layer that takes the numbers as they are, for which they are not scaled; see `training.inputs`.
        recipe: what becomes of categories and missing numbers; `None` where there are none. A column of categories
            holds their numbers, and a missing number is NaN: `encoded` makes features of them.
        pivots: what was taken away from columns whose values are too large beside their differences for float32;
            shape (features,), float64. `None` where there are no such columns.
        binary: which features are 0 or 1 and are not scaled, shape (features,); `None` where all are scaled alike.
        groups: of every row, where no group may be in two parts; shape (n,), int32.
        order: of every row in time, where later rows are held out; likewise.
        names: of the columns of a table, or the numbers from 1 of those of rows of numbers.
        left_out: what of a table is not there, in words.
        notes: what is odd about the data.
    """

    x: Features
    y: Target
    classes: tuple[str, ...]
    train: npt.NDArray[np.int32]
    test: npt.NDArray[np.int32]
    scale: Scale
    divisor: float = 1.0
    image: tuple[int, ...] | None = None
    automatic: bool = False
    looked_up_by: str = ""
    recipe: Recipe | None = None
    pivots: npt.NDArray[np.float64] | None = None
    binary: npt.NDArray[np.bool_] | None = None
    groups: npt.NDArray[np.int32] | None = None
    order: npt.NDArray[np.int32] | None = None
    names: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def scaling(self) -> str:
        """How features are scaled and who says so, in words."""
        how = {"none": "as they are", "divide": f"divided by {self.divisor:g}", "standard": "standardized"}[self.scale]
        if self.looked_up_by:
            return f'{how}, which layer "{self.looked_up_by}" looks up'
        if self.scale != "standard" and self.pivots is not None:
            how += f", but for {np.count_nonzero(self.pivots)} with large offsets, which are standardized"
        if self.recipe or self.binary is not None:
            how += ", but for what is 0 or 1"
        return f'{how} (scale = "auto", {self.x.dtype} features)' if self.automatic else how

    @property
    def task(self) -> Task:
        """What is learned of the target."""
        return "classification" if self.classes else "regression"

    @property
    def outputs(self) -> int:
        """Numbers that a network gives back: one probability a class, or the one number that it predicts."""
        return len(self.classes) or 1

    @property
    def features(self) -> int:
        """Numbers per example, as a network takes them."""
        return self.recipe.width if self.recipe else self.x.shape[1]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example as it is in the data; of its numbers, where categories become numbers."""
        return self.image or (self.features,)

    def positive(self, name: object) -> int:
        """The index of a class by its name or value; of the second where none is given.

        Raises:
            StudyError: there is no such class.
        """
        if name is None:
            return 1
        found = class_index(self.classes, name)
        if found is None:
            message = f"no class of the data has this name{suggest(str(name), self.classes[:_MOST_NAMED])}"
            raise StudyError("data", [Problem("data.positive", message, document.value_text(name))])
        return found

    def mapping(self, train: npt.NDArray[np.int32]) -> Mapping | None:
        """What the training rows of a run make of categories and missing numbers; `None` where there are none."""
        return mapping.learn(self.x[train], self.recipe) if self.recipe else None

    def encoded(self, by: Mapping | None) -> "Dataset":
        """The data set as a network takes it: nothing but numbers.

        Args:
            by: what the training rows of the run make of it, or what was kept of that beside its network.
        """
        if by is None or self.recipe is None:
            return self
        x = aligned(by.apply(self.x[np.arange(len(self.x))], self.recipe))
        return replace(self, x=x, recipe=None, pivots=self.wide_pivots, binary=self.recipe.binary)

    @property
    def leaks(self) -> tuple[str, ...]:
        """Features that give the class or the target away, in words; only where they have names."""
        if not self.names or isinstance(self.x, OnDisk):
            return ()
        return tuple(audit.leaks(self.x, self.names, self.y, self.train))

    @property
    def summary(self) -> tuple[str, ...]:
        """What was read, in three lines."""
        rows = (len(self.train), len(self.test))
        return summary.lines(rows, self.shape, self.recipe, self.classes, self.y, self.left_out, self.notes)

    @property
    def wide_pivots(self) -> npt.NDArray[np.float64] | None:
        """The pivots of the features, once categories and missing numbers have become features."""
        if self.recipe is None or self.pivots is None:
            return self.pivots
        found = np.zeros(self.recipe.width)
        found[self.recipe.places] = self.pivots
        return found

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything a network can see: values, types, shapes, classes, test set and scale."""
        digest = hashlib.sha256(repr((self.x.shape, self.classes, self.scale, self.divisor)).encode())
        others = {name: getattr(self, name) for name in ("recipe", "pivots", "binary", "groups", "order")}
        used = {name: value for name, value in others.items() if value is not None}  # else as it has always been
        digest.update(repr(list(used)).encode() if used else b"")
        digest.update(repr(used.pop("recipe", "")).encode() if self.recipe else b"")
        for array in (self.x, self.y, self.train, self.test, *used.values()):
            digest.update(array.dtype.str.encode())
            for chunk in ondisk.chunks(array):
                digest.update(np.ascontiguousarray(chunk).data)
        return digest.hexdigest()


def empty(shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
    """Memory that begins at a multiple of `ALIGNMENT`, for an array."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    found: npt.NDArray[Any] = memory[start : start + size].view(dtype).reshape(shape)
    return found


def aligned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A contiguous copy whose memory begins at a multiple of `ALIGNMENT`."""
    copy = empty(array.shape, array.dtype)
    copy[...] = array
    return copy
