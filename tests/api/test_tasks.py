"""The task of a study: found in its data, then as if its file said so, everywhere the same."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate import api
from ablate.api import plans
from ablate.errors import StudyError
from ablate.settings import document

ROWS = 120


def written(folder: Path, y: Any, **sections: Any) -> Path:
    x = np.random.default_rng(0).random((len(y), 3)).astype(np.float32)
    np.savez(folder / "d.npz", x_train=x, y_train=y)
    document_ = {
        "study": {"name": "found", "replicates": 2, **sections.pop("study", {})},
        "data": {"source": "d.npz", **sections.pop("data", {})},
        "model": {"hidden": [4]},
        "training": {"epochs": 2, **sections.pop("training", {})},
        "overfitting": {"dropout": [0.0, 0.5], **sections.pop("overfitting", {})},
        **sections,
    }
    path = folder / "ablations.toml"
    path.write_text(document.write(document_), encoding="utf-8")
    return path


@pytest.fixture
def numbers() -> Any:
    return np.random.default_rng(1).normal(50, 12, ROWS)


@pytest.fixture
def classes() -> Any:
    return np.arange(ROWS) % 3


def test_what_was_found_is_as_if_it_were_said(tmp_path: Path, numbers: Any) -> None:
    path = written(tmp_path, numbers)
    found = api.make_plan(api.load(path))
    said = api.make_plan(api.load(path, ['data.task="regression"']))
    assert api.load(path).base.data.task is None
    assert found.study.base.data.task == "regression"
    assert found.study == said.study
    assert [run.key for run in found.everything] == [run.key for run in said.everything]
    assert (found.study.primary, found.study.secondary) == (
        "test_rmse",
        ("test_mae", "test_r2", "gap", "seconds_train"),
    )
    assert found.study.measured.history[:3] == ("loss", "train_loss", "val_loss")
    assert not [name for name in found.study.measured.history + found.study.measured.result if "accuracy" in name]


def test_classes_keep_the_settings_and_keys_that_they_had(tmp_path: Path, classes: Any) -> None:
    path = written(tmp_path, classes)
    found = api.make_plan(api.load(path))
    said = api.make_plan(api.load(path, ['data.task="classification"']))
    assert found.study == api.load(path)
    assert [run.key for run in found.everything] == [run.key for run in said.everything]
    settings = found.everything[0].treatment.settings.model_dump(mode="json", exclude_none=True)
    assert "task" not in settings["data"]
    assert "loss" not in settings["training"]


def test_the_loss_that_is_usual_does_not_change_keys(tmp_path: Path, numbers: Any) -> None:
    path = written(tmp_path, numbers)
    usual, mse, mae = (
        api.make_plan(api.load(path, options)).everything[0].key
        for options in ((), ['training.loss="mse"'], ['training.loss="mae"'])
    )
    assert usual == mse != mae


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"study": {"primary": "test_accuracy"}},
            r"study\.primary = \"test_accuracy\": is for a classification, and",
        ),
        ({"study": {"primary": "gap"}}, r"study\.primary = \"gap\": is for accuracies; .* test_rmse"),
        ({"study": {"secondary": ["epochs_to_gap_0.1"]}}, r"study\.secondary\[0\]"),
        ({"study": {"metrics": ["f1_macro"]}}, r"study\.metrics = \"f1_macro\": is for classes"),
        ({"data": {"positive": "x"}}, r"data\.positive = 'x': is for classes"),
        ({"overfitting": {"label_smoothing": 0.1}}, r"overfitting\.label_smoothing = 0\.1: is for classes"),
        ({"training": {"class_weight": "balanced"}}, r"training\.class_weight = balanced: is for classes"),
        (
            {"overfitting": {"early_stopping": {"stop_when_equal": True}}},
            r"stop_when_equal = true: compares acc",
        ),
        (
            {"overfitting": {"early_stopping": {"monitor": "val_accuracy", "patience": 1}}},
            r"early_stopping\.monitor = \"val_accuracy\": is for a classification",
        ),
        (
            {"factors": {"training.loss": ["mse", "mae"]}, "study": {"secondary": ["val_loss"]}},
            r"study\.secondary\[0\] = \"val_loss\": would compare different losses",
        ),
    ],
)
def test_what_is_for_classes_is_an_error_once_a_number_is_found(
    tmp_path: Path, numbers: Any, sections: Any, message: str
) -> None:
    path = written(tmp_path, numbers, **sections)
    with pytest.raises(StudyError, match=message):
        api.make_plan(api.load(path))


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"study": {"primary": "test_rmse"}},
            r"study\.primary = \"test_rmse\": is for a regression, and this",
        ),
        ({"study": {"metrics": ["r2"]}}, r"study\.metrics = \"r2\": is for numbers to be predicted"),
        (
            {"training": {"loss": "mae"}},
            r"training\.loss = mae: is for a number to predict; the loss of classes",
        ),
    ],
)
def test_what_is_for_numbers_is_an_error_once_classes_are_found(
    tmp_path: Path, classes: Any, sections: Any, message: str
) -> None:
    path = written(tmp_path, classes, **sections)
    with pytest.raises(StudyError, match=message):
        api.make_plan(api.load(path))


def test_data_sets_of_different_tasks_are_no_study(tmp_path: Path, numbers: Any, classes: Any) -> None:
    path = written(tmp_path, numbers)
    np.savez(tmp_path / "e.npz", x_train=np.zeros((ROWS, 3), np.float32), y_train=classes)
    with pytest.raises(StudyError, match=r"data\.task: is not said, .*d\.npz is a regression, e\.npz is a classificat"):
        api.make_plan(api.load(path, ['factors."data.source"=["d.npz", "e.npz"]']))


def test_labels_of_different_tasks_are_no_study(tmp_path: Path, numbers: Any, classes: Any) -> None:
    path = written(tmp_path, numbers, data={"label": "size"}, factors={"data.label": ["size", "kind"]})
    rows = [f"{x},{size:.4f},{'abc'[kind]}" for x, (size, kind) in enumerate(zip(numbers, classes, strict=True))]
    (tmp_path / "d.csv").write_text("\n".join(["x,size,kind", *rows]), encoding="utf-8")
    said = r"differ: d\.csv with the label 'size' is a regression, d\.csv with the label 'kind' is a classification;"
    with pytest.raises(StudyError, match=said):
        api.make_plan(api.load(path, ['data.source="d.csv"']))


def test_a_part_without_any_spread_is_an_error(tmp_path: Path) -> None:
    mostly = np.zeros(ROWS)
    mostly[:2] = [0.5, 30.0]
    path = written(tmp_path, mostly, data={"task": "regression"})
    with pytest.raises(StudyError, match=r"r2 is undefined: with seed 1 the target is 0 in every row of the"):
        api.make_plan(api.load(path))


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_squares_of_a_small_unit_are_refused_as_they_cannot_be_told_apart(
    tmp_path: Path, numbers: Any, loss: str
) -> None:
    sections = {"training": {} if loss == "mse" else {"loss": loss}}
    small = (numbers - numbers.mean()) / numbers.std()
    data = {} if loss == "mse" else {"task": "regression"}
    assert api.make_plan(api.load(written(tmp_path, 0.11 * small, data=data, **sections))).everything
    path = written(tmp_path, 0.003 * small, data=data, **sections)
    said = r"deviation of 0\.003, too small for squared .* it is 0\.1 or more, or training\.loss = \"mae"
    with pytest.raises(StudyError, match=said):
        api.make_plan(api.load(path))
    assert api.make_plan(api.load(path, ['training.loss="mae"'])).everything
    with pytest.raises(StudyError, match=said):  # one treatment is enough
        api.make_plan(api.load(path, ['data.task="regression"', 'factors."training.loss"=["mae", "mse"]']))


def test_results_are_shown_by_the_file_that_does_not_say_the_task(tmp_path: Path, numbers: Any) -> None:
    path = written(tmp_path, numbers)
    plan = api.make_plan(api.load(path))
    plan.store.prepare()
    plan.store.write("study.toml", document.write(plan.study.document()).encode())
    plan.store.write_identity(plan.identity)
    kept, by_file = api.open_results(out=tmp_path / "reports"), api.open_results(path)
    assert by_file.study == plan.study
    assert replace(kept.study, source=path) == plan.study
    assert kept.note == ""
    (tmp_path / "d.npz").unlink()  # what was found is kept: nothing is read again
    assert api.open_results(path).study == plan.study
    other = api.open_results(path, ["training.epochs=2"])
    assert [run.key for run in other.snapshot.planned] == [run.key for run in plan.everything]


def test_plan_says_what_was_found(tmp_path: Path, numbers: Any) -> None:
    (facts,) = plans.make_plan(api.load(written(tmp_path, numbers))).data.values()
    assert facts.task == "regression"
    assert facts.summary[1].startswith('a number to predict (task = "regression"): from ')
