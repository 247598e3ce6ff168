"""What is odd about the features of a data set: columns that number the rows, say nothing, or give the class away."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ablate.tables import kinds, targets
from ablate.tables.kinds import Values
from ablate.tables.targets import Target

MOST_COLUMNS = 1_000  # that are looked at
_FEWEST_ROWS = 20  # of which different whole numbers say something
_FEWEST_HELD_OUT = 10
_MOST_OF_A_CLASS = 1_000  # rows that are looked at for leaks
_PERFECT = 0.99  # balanced accuracy, or R², from which on a column gives the class or the target away
_MOST_NAMED = 5


def of_columns(columns: Iterable[tuple[str, Values]]) -> list[str]:
    """What is odd about single columns, in words.

    Args:
        columns: names, and values or the numbers of categories.
    """
    constant: list[str] = []
    counting: list[str] = []
    different: list[str] = []
    blank: list[str] = []
    for name, values in columns:
        if kinds.is_blank(name):
            blank.append(name)
        if len(values) and (values == values[0]).all():
            constant.append(name)
        elif _counts_rows(values):
            counting.append(name)
        elif _are_different_integers(values):
            different.append(name)
    blank = [name for name in blank if name not in counting]
    return [
        *_note(constant, "has the same value in every row", "have the same value in every row"),
        *_note(counting, "counts the rows; a network can learn the order of the file from it", "count the rows"),
        *_note(different, "is another whole number in every row; is it an id?", "are other whole numbers in every row"),
        *_note(blank, "has no name in the file; is it an index?", "have no names in the file"),
    ]


def leaks(x: npt.NDArray[np.float32], names: Sequence[str], y: Target, train: npt.NDArray[np.int32]) -> list[str]:
    """Features that alone tell the class, or the number, of training rows that a decision tree has not seen, in words.

    Args:
        x: features, shape (n, features); NaN where one is missing.
        names: of the features.
        y: class indices, or the numbers that are learned; shape (n,).
        train: rows of the training part; nothing else is looked at.
    """
    from sklearn.metrics import balanced_accuracy_score, r2_score
    from sklearn.model_selection import train_test_split
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    is_number = y.dtype.kind == "f"
    strata = targets.strata(y, targets.MOST_BINS)
    kind, score = (DecisionTreeRegressor, r2_score) if is_number else (DecisionTreeClassifier, balanced_accuracy_score)
    what = "target" if is_number else "class"
    rows = _some_of_each_class(strata, train)
    if len(rows) < 2 * _FEWEST_HELD_OUT:
        return []
    seen, held = train_test_split(rows, test_size=0.5, stratify=strata[rows], random_state=0)
    found = []
    for number, name in enumerate(names[:MOST_COLUMNS]):
        column = x[:, number : number + 1]
        tree = kind(max_leaf_nodes=64, random_state=0).fit(column[seen], y[seen])
        if score(y[held], tree.predict(column[held])) >= _PERFECT:
            found.append(name)
    return _note(
        found,
        f"alone tells the {what} (nearly) without fail; is it known before the {what} is?",
        f"each tell the {what} alone, (nearly) without fail; are they known before the {what} is?",
    )


def _some_of_each_class(y: npt.NDArray[np.int32], train: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    classes = [train[y[train] == number] for number in np.unique(y[train])]
    most = max(50, _MOST_OF_A_CLASS * 2 // len(classes))
    return np.concatenate([rows[:: -(-len(rows) // most)] for rows in classes if len(rows) >= 2] or [train[:0]])


def _counts_rows(values: Values) -> bool:
    """Whether every row has one more than the row before, or as many more or less."""
    if len(values) < _FEWEST_ROWS or not _are_whole(values):
        return False
    steps = np.diff(values.astype(np.float64))
    return bool(steps[0] != 0 and (steps == steps[0]).all())


def _are_different_integers(values: Values) -> bool:
    return len(values) >= _FEWEST_ROWS and _are_whole(values) and len(np.unique(values)) == len(values)


def _are_whole(values: Values) -> bool:
    return values.dtype.kind in "iu" or (values.dtype.kind == "f" and bool((values == np.round(values)).all()))


def _note(names: Sequence[str], one: str, several: str) -> list[str]:
    if not names:
        return []
    listed = ", ".join(names[:_MOST_NAMED]) + (f" and {len(names) - _MOST_NAMED} more" if names[_MOST_NAMED:] else "")
    way_out = ", ".join(f'"{name}"' for name in names[:_MOST_NAMED])
    what = f"column {listed} {one}" if len(names) == 1 else f"columns {listed} {several}"
    return [f"{what} (data.drop = [{way_out}] leaves {'it' if len(names) == 1 else 'them'} out)"]
