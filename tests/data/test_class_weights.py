"""Class weights: scikit-learn's formula, tables by name, and names that are wrong."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from ablate.data import class_weights, sources, splits
from ablate.errors import StudyError
from ablate.settings.run import Data


@pytest.mark.parametrize("source", ["breast_cancer", "wine"])
def test_balanced_is_that_of_scikit_learn(source: str) -> None:
    data = Data(source=source)
    dataset = sources.load(data, Path())
    for seed in (1, 2):
        train = splits.split(dataset, data, seed).train
        found = class_weights.by_class("balanced", dataset, train)
        labels = dataset.y[train]
        assert found == pytest.approx(compute_class_weight("balanced", classes=np.unique(labels), y=labels), rel=1e-12)
        assert found is not None
        assert found[labels].sum() == pytest.approx(len(train))


def test_a_class_that_training_lacks_weighs_nothing() -> None:
    dataset = sources.load(Data(source="iris"), Path())
    train = np.flatnonzero(dataset.y != 1).astype(np.int32)
    found = class_weights.by_class("balanced", dataset, train)
    assert found == pytest.approx([1.0, 0.0, 1.0])


def test_a_table_weighs_classes_by_name_and_others_once() -> None:
    dataset = sources.load(Data(source="breast_cancer"), Path())
    assert dataset.classes == ("malignant", "benign")
    found = class_weights.by_class({"malignant": 3.0}, dataset, dataset.train)
    assert found is not None
    assert found.tolist() == [3.0, 1.0]
    assert class_weights.by_class(False, dataset, dataset.train) is None


def test_a_name_that_no_class_has_is_told() -> None:
    dataset = sources.load(Data(source="breast_cancer"), Path())
    with pytest.raises(StudyError, match="no class of the data is called 'malign'; did you mean 'malignant'"):
        class_weights.by_class({"malign": 3.0}, dataset, dataset.train)
