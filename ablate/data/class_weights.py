"""How much the examples of each class count in the training loss."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from ablate.data.dataset import Dataset
from ablate.data.splits import Rows
from ablate.errors import Problem, StudyError, suggest
from ablate.settings.document import value_text

Level = Literal["balanced"] | bool | Mapping[str, float]


def by_class(level: Level, dataset: Dataset, train: Rows) -> npt.NDArray[np.float64] | None:
    """The weight of each class, shape (classes,); `None` where all count alike.

    "balanced" is scikit-learn's formula: examples / (classes * examples of the class), of the training part; a class
    without any example there has weight 0.

    Args:
        level: of `training.class_weight`.
        dataset: the data.
        train: rows of the training part.

    Raises:
        StudyError: a table names a class that the data has not.
    """
    if level is False:
        return None
    if isinstance(level, Mapping):
        check(level, dataset)
        return np.array([level.get(name, 1.0) for name in dataset.classes])
    counts = np.bincount(dataset.y[train], minlength=len(dataset.classes))
    return np.where(counts > 0, len(train) / (np.count_nonzero(counts) * np.maximum(counts, 1)), 0.0)


def check(level: Level, dataset: Dataset) -> None:
    """See that every class that a table names is one of the data's.

    Raises:
        StudyError: one is not.
    """
    unknown = [name for name in level if name not in dataset.classes] if isinstance(level, Mapping) else []
    if unknown:
        message = f"no class of the data is called '{unknown[0]}'{suggest(unknown[0], dataset.classes[:20])}"
        raise StudyError("data", [Problem("training.class_weight", message, value_text(dict(level)))])  # type: ignore[arg-type]
