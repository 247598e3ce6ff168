"""What a plan knows of data and code before anything is trained."""

from pathlib import Path

import numpy as np
import pytest

from ablate import api
from ablate.api import identifying
from ablate.errors import StudyError
from tests.api.test_plans import folder as folder  # noqa: PLC0414 - a fixture
from tests.api.test_plans import plan
from tests.conftest import STUDIES

IRIS = ["data.source='iris'", "data.train_size=90"]


def test_what_is_known_of_the_data_is_what_is_in_it(folder: Path) -> None:
    (facts,) = plan(folder).identity.data.values()
    assert (facts.rows, facts.features, facts.classes, facts.shape) == (30, 2, 3, (2,))
    assert facts.largest_class == pytest.approx(1 / 3)


def test_other_data_makes_other_runs(folder: Path) -> None:
    before = {run.key for run in plan(folder).everything}
    x, y = np.ones((30, 2), np.float32), np.arange(30) % 3
    np.savez(folder / "d.npz", x_train=x[:18], y_train=y[:18], x_test=x[18:], y_test=y[18:])
    assert not before & {run.key for run in plan(folder).everything}


def test_data_that_cannot_be_used_is_told_with_the_line_of_the_study(folder: Path) -> None:
    (folder / "d.npz").unlink()
    with pytest.raises(StudyError, match=r"line 6: data\.source = .d\.npz.*no such file"):
        plan(folder)


def test_examples_in_training_and_in_test_are_told_and_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = api.load(STUDIES / "tiny.toml", IRIS)
    plan = api.make_plan(study, out=tmp_path)
    said = "iris: 1 of 30 examples of the test set (3.3%) is in the training part as well"
    assert plan.warnings[0] == said
    plan.store.prepare()
    plan.store.write_identity(plan.identity)
    monkeypatch.setattr(identifying, "shared_rows", None)  # would fail if it were called
    again = api.make_plan(study, out=tmp_path)
    assert again.warnings[0] == said
    assert again.identity == plan.identity


def test_data_without_such_examples_needs_no_words(tmp_path: Path) -> None:
    plan = api.make_plan(api.load(STUDIES / "tiny.toml"), out=tmp_path)
    (facts,) = plan.identity.data.values()
    assert (facts.test_rows, facts.shared, facts.leak) == (360, 0, "")
    assert plan.warnings == ()


def test_what_is_wrong_with_data_and_code_is_told_at_once(folder: Path) -> None:
    (folder / "d.npz").unlink()
    with pytest.raises(StudyError) as caught:
        plan(folder, "training.callbacks=['nowhere:make']", "data.source='d.npz'")
    assert [problem.key for problem in caught.value.problems] == ["data.source", "training.callbacks"]


def test_two_data_sets_that_cannot_be_used_are_told_at_once(folder: Path) -> None:
    (folder / "d.npz").unlink()
    with pytest.raises(StudyError) as caught:
        plan(folder, "factors.'data.source'=['d.npz', 'e.npz']")
    assert [problem.value for problem in caught.value.problems] == ['"d.npz"', '"e.npz"']
