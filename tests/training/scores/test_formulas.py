"""Scores by numpy against scikit-learn's on the same predictions."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics as sklearn_metrics
from sklearn.exceptions import UndefinedMetricWarning

from ablate.settings.metrics import ECE_BINS, SCORES
from ablate.training.scores import formulas
from ablate.training.scores.formulas import Answers

Array = npt.NDArray[Any]

CASES = [
    pytest.param(classes, kind, id=f"{classes} classes, {kind}")
    for classes in (2, 3, 10)
    for kind in ("as networks predict", "many ties", "a class absent", "always one class", "sure and wrong")
]


def answers_of(classes: int, kind: str, positive: int = 1, rows: int = 301) -> Answers:
    random = np.random.default_rng([classes, len(kind)])
    logits = random.normal(size=(rows, classes)) * (12 if kind == "sure and wrong" else 1)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if kind == "many ties":
        probabilities = (np.round(probabilities * 4) + 0.5) / (np.round(probabilities * 4) + 0.5).sum(1, keepdims=True)
    if kind == "always one class":
        probabilities = np.tile(np.eye(classes)[0] * 0.5 + 0.5 / classes, (rows, 1))
    present = classes - 1 if kind == "a class absent" else classes
    labels = random.integers(0, max(present, 1), rows).astype(np.int32)
    probabilities = (
        probabilities + 1e-6
    )  # below float32's eps, scikit-learn's log loss depends on the type it is handed
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return Answers(labels, probabilities.astype(np.float32), positive)


@pytest.fixture(autouse=True)
def undefined_is_zero_in_silence() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


def expected(name: str, answers: Answers) -> float:
    """What scikit-learn says, of float64 numbers: in float32 it adds up with a larger rounding than is asked for."""
    labels, size, positive = answers.labels, answers.classes, answers.positive
    probabilities = answers.probabilities.astype(np.float64)
    taken = probabilities.argmax(axis=1)
    average: dict[str, Any] = {"pos_label": positive} if size == 2 else {"average": "macro"}
    of_all = labels == positive if size == 2 else np.eye(size)[labels]
    by_class = probabilities[:, positive] if size == 2 else probabilities
    normal = probabilities / probabilities.sum(axis=1, keepdims=True)
    brier = {"pos_label": positive} if size == 2 else {"labels": range(size)}
    match name:
        case "accuracy" | "balanced_accuracy":
            return float(getattr(sklearn_metrics, f"{name}_score")(labels, taken))
        case "f1_macro":
            return float(sklearn_metrics.f1_score(labels, taken, average="macro"))
        case "f1" | "precision" | "recall":
            return float(getattr(sklearn_metrics, f"{name}_score")(labels, taken, **average))
        case "roc_auc" | "average_precision":
            return float(getattr(sklearn_metrics, f"{name}_score")(of_all, by_class, average="macro"))
        case "top_k_accuracy":
            return float(sklearn_metrics.top_k_accuracy_score(labels, normal, k=2, labels=range(size)))
        case "log_loss":
            return float(sklearn_metrics.log_loss(labels, normal, labels=range(size)))
        case "brier":
            return float(sklearn_metrics.brier_score_loss(labels, by_class if size == 2 else normal, **brier))
        case _:
            raise AssertionError(name)


@pytest.mark.parametrize(("classes", "kind"), CASES)
@pytest.mark.parametrize("positive", [0, 1])
def test_scores_are_those_of_scikit_learn(classes: int, kind: str, positive: int) -> None:
    answers = answers_of(classes, kind, positive if classes == 2 else 1)
    has_all = len(np.unique(answers.labels)) == classes
    names = [
        name
        for name in formulas.OF_CLASSES
        if name != "ece"
        and (has_all or SCORES[name].needs != "classes")
        and (classes == 2 or name != "f1")
        and (classes > 2 or name != "top_k_accuracy")
    ]
    found = formulas.of_classes(names, answers)
    # Both begin from the same float32 probabilities; what is left is the rounding of float32 where they add up to 1.
    assert found == pytest.approx({name: expected(name, answers) for name in names}, abs=1e-6)


@pytest.mark.parametrize(("classes", "kind"), CASES)
def test_the_calibration_error_is_its_definition(classes: int, kind: str) -> None:
    """Guo et al. 2017, equations 2 and 3, bin by bin."""
    answers = answers_of(classes, kind)
    sure, right = answers.probabilities.max(axis=1), answers.probabilities.argmax(axis=1) == answers.labels
    total = 0.0
    for number in range(ECE_BINS):
        inside = (sure > number / ECE_BINS) & (sure <= (number + 1) / ECE_BINS)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - sure[inside].astype(np.float64).mean())
    assert formulas.of_classes(["ece"], answers)["ece"] == pytest.approx(total, abs=1e-6)
    assert answers.bins[0].sum() == len(answers.labels)


def test_scores_of_numbers_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    targets, predictions = random.normal(50, 10, 200), random.normal(50, 10, 200).astype(np.float32)
    found = formulas.of_numbers(["mae", "rmse", "r2"], targets, predictions)
    assert found == pytest.approx(
        {
            "mae": sklearn_metrics.mean_absolute_error(targets, predictions),
            "rmse": sklearn_metrics.root_mean_squared_error(targets, predictions),
            "r2": sklearn_metrics.r2_score(targets, predictions),
        },
        abs=1e-6,
    )


def test_every_metric_of_the_table_has_a_score_and_no_other() -> None:
    by_task = {task: {m.name for m in SCORES.values() if m.task == task} for task in ("classification", "regression")}
    assert by_task == {"classification": set(formulas.OF_CLASSES), "regression": set(formulas.OF_NUMBERS)}


def test_what_is_not_finite_has_no_score() -> None:
    answers = answers_of(3, "as networks predict")
    answers.probabilities[5, 1] = np.nan
    assert np.isnan(list(formulas.of_classes(["accuracy", "roc_auc"], answers).values())).all()
    assert np.isnan(list(formulas.of_numbers(["mae"], np.zeros(2), np.array([1.0, np.inf])).values())).all()


def test_scores_stay_within_the_bounds_of_the_table() -> None:
    for classes, kind in [case.values for case in CASES]:
        answers = answers_of(int(str(classes)), str(kind))
        names = [name for name in formulas.OF_CLASSES if len(np.unique(answers.labels)) == classes or name == "ece"]
        for name, value in formulas.of_classes(names, answers).items():
            low, high = SCORES[name].low, SCORES[name].high
            assert low is None or value >= low - 1e-9, name
            assert high is None or value <= high + 1e-9, name


def test_the_confusion_counts_what_was_taken_for_what() -> None:
    labels = np.array([0, 0, 1, 2], np.int32)
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.9, 0.0], [0.4, 0.3, 0.3]], np.float32)
    assert Answers(labels, probabilities).confusion.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
