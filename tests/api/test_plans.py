"""Plans say what is odd about the data before anything is trained."""

from pathlib import Path

import pytest

from ablate import api
from ablate.api import plans
from tests.conftest import STUDIES

IRIS = ["data.source='iris'", "data.train_size=90"]


def test_examples_in_training_and_in_test_are_told_and_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = api.load(STUDIES / "tiny.toml", IRIS)
    plan = api.make_plan(study, out=tmp_path)
    said = "iris: 1 of 30 examples of the test set (3.3%) is in the training part as well"
    assert plan.warnings[0] == said
    plan.store.prepare()
    plan.store.write_identity(plan.identity)
    monkeypatch.setattr(plans, "shared_rows", None)  # would fail if it were called
    again = api.make_plan(study, out=tmp_path)
    assert again.warnings[0] == said
    assert again.identity == plan.identity


def test_data_without_such_examples_needs_no_words(tmp_path: Path) -> None:
    plan = api.make_plan(api.load(STUDIES / "tiny.toml"), out=tmp_path)
    (facts,) = plan.identity.data.values()
    assert (facts.test_rows, facts.shared, facts.leak) == (360, 0, "")
    assert plan.warnings == ()
