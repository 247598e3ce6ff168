"""What was read, in three lines: rows and features, classes or the target, and what was left out."""

from collections.abc import Sequence

import numpy as np

from ablate.tables.mapping import Recipe
from ablate.tables.targets import Target

_MOST_CLASSES = 10
_MOST_LEFT_OUT = 8


def lines(
    rows: tuple[int, int],
    shape: tuple[int, ...],
    recipe: Recipe | None,
    classes: Sequence[str],
    y: Target,
    left_out: Sequence[str],
    notes: Sequence[str],
) -> tuple[str, ...]:
    """What a plan and a page say of a data set.

    Args:
        rows: of the training part (validation included) and of the test part.
        shape: of one example.
        recipe: of a table with categories or missing numbers.
        classes: their names; none in a regression.
        y: class indices, or the numbers that are learned.
        left_out: what of a table is not there.
        notes: what is odd.
    """
    parts = f"{rows[0]:,} to train and validate on, {rows[1]:,} to test"
    gone = ", ".join(left_out[:_MOST_LEFT_OUT]) + (" and more" if len(left_out) > _MOST_LEFT_OUT else "")
    odd = f"{len(notes)} note{'s' if len(notes) > 1 else ''} on what is odd" if notes else "nothing odd"
    return (
        f"{sum(rows):,} rows ({parts}); {_features(shape, recipe)}",
        _classes(classes, y) if classes else _target(y),
        f"left out: {gone or 'nothing'}; {odd}",
    )


def _classes(classes: Sequence[str], y: Target) -> str:
    counts = np.bincount(y.astype(np.int64), minlength=len(classes))
    named = [f"{name} ({count:,})" for name, count in zip(classes, counts.tolist(), strict=True)][:_MOST_CLASSES]
    more = f" and {len(classes) - _MOST_CLASSES} more" if len(classes) > _MOST_CLASSES else ""
    return f"{len(classes)} classes: {', '.join(named)}{more}"


def _target(y: Target) -> str:
    """The spread of the numbers that a regression learns: over all rows."""
    span = f"from {y.min():.6g} to {y.max():.6g}, mean {y.mean():.6g}, standard deviation {y.std():.6g}"
    return f'a number to predict (task = "regression"): {span}, {len(np.unique(y)):,} different values'


def _features(shape: tuple[int, ...], recipe: Recipe | None) -> str:
    if recipe is None:
        size = int(np.prod(shape))
        by = f" ({' x '.join(map(str, shape))})" if len(shape) > 1 else ""
        return f"{size:,} number{'s' if size != 1 else ''} each{by}"
    numbers = [piece for piece in recipe.pieces if not piece.categories]
    texts = [piece for piece in recipe.pieces if piece.categories]
    gaps = sum(piece.indicator for piece in numbers)
    found = [
        f"{len(numbers)} columns of numbers" + (f" ({gaps} with missing values)" if gaps else "") if numbers else "",
        f"{len(texts)} of categories ({', '.join(f'{each.name}: {each.width - 1}' for each in texts[:5])}"
        f"{', ...' if len(texts) > 5 else ''})"
        if texts
        else "",
    ]
    return f"{', '.join(filter(None, found))}: {recipe.width} inputs of the network"
