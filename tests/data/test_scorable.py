"""Metrics that mean nothing on some data are refused before anything is trained."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.data import scorable, sources, splits
from ablate.data.dataset import Dataset
from ablate.settings.metrics import SCORES, Measured
from ablate.settings.run import Data


def dataset(source: str) -> Dataset:
    return sources.load(Data(source=source), Path())


def messages(source: str, *metrics: str, **data: Any) -> list[str]:
    found = scorable.problems(dataset(source), Data(source=source, **data), Measured(metrics))
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("source", "metric", "message"),
    [
        ("digits", "f1", "is for two classes, and the data has 10; did you mean 'f1_macro'?"),
        ("breast_cancer", "top_k_accuracy", "asks for the 2 likeliest classes, and the data has 2: always 1"),
        ("digits", "mae", "is for numbers to be predicted, and the label column holds classes"),
    ],
)
def test_metrics_that_the_classes_leave_no_meaning(source: str, metric: str, message: str) -> None:
    assert messages(source, "accuracy", metric) == [f'study.metrics = "{metric}": {message}']


def test_the_positive_class_is_one_of_two() -> None:
    assert messages("breast_cancer", positive="malignant") == []
    assert "did you mean 'malignant'" in messages("breast_cancer", positive="malign")[0]
    assert "is for data with two classes, and this has 10" in messages("digits", positive="3")[0]


def lacking(part: str, label: int, source: str = "breast_cancer") -> tuple[Dataset, splits.Split]:
    """A split of which one part lacks a class."""
    found = dataset(source)
    rows = splits.split(found, Data(source=source), 1)
    kept = getattr(rows, part)
    return found, replace(rows, **{part: kept[found.y[kept] != label]})


@pytest.mark.parametrize(("part", "named"), [("validation", "validation part"), ("test", "test set")])
@pytest.mark.parametrize("metric", SCORES)
def test_a_part_that_lacks_a_class_is_told_of_the_metrics_that_need_it(part: str, named: str, metric: str) -> None:
    data, rows = lacking(part, 0)
    own = Data(source="breast_cancer", positive="malignant")
    found = scorable.of_split(data, own, Measured((metric,)), rows, 7)
    if not SCORES[metric].needs:
        assert found == []
        return
    (problem,) = found
    assert f"{metric} is undefined: with seed 7 the {named} has no example of class 'malignant'" in problem.message


def test_a_part_without_the_other_class_has_precision_and_recall_of_the_positive_one() -> None:
    data, rows = lacking("validation", 1)
    own = Data(source="breast_cancer", positive="malignant")
    assert scorable.of_split(data, own, Measured(("f1", "precision", "recall")), rows, 1) == []
    assert len(scorable.of_split(data, own, Measured(("roc_auc", "average_precision")), rows, 1)) == 2


def test_whole_parts_can_be_scored_by_all() -> None:
    data = dataset("breast_cancer")
    rows = splits.split(data, Data(source="breast_cancer"), 1)
    assert np.unique(data.y[rows.validation]).tolist() == [0, 1]
    assert scorable.of_split(data, Data(source="breast_cancer"), Measured(tuple(SCORES)), rows, 1) == []
    assert scorable.needs_all_seeds(Measured(("roc_auc",)))
    assert not scorable.needs_all_seeds(Measured(("balanced_accuracy", "mine:kappa")))
