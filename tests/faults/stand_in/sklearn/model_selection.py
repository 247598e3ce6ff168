"""A split by chance, of any classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def train_test_split(
    rows: Sequence[int], *, stratify: Any, random_state: int, train_size: int = 0, test_size: float = 0.0
) -> list[Any]:
    """Rows in two parts."""
    size = train_size or round(len(rows) * (1 - test_size))
    mixed = np.random.default_rng(random_state).permutation(rows)
    return [mixed[:size], mixed[size:]]
