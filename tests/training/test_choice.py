"""Whether a network that convolves is compiled is measured, and measuring changes nothing."""

from dataclasses import replace
from typing import Any

import pytest

from ablate.data.dataset import Dataset
from ablate.results.record import MEASURED
from ablate.results.ways import Way
from ablate.training import blueprint as blueprints
from ablate.training import choice, trainer
from ablate.training.workshop import Workshop
from tests.conftest import STUDIES
from tests.training.parity import settings_of
from tests.training.test_blueprint import facts

CNN: dict[str, Any] = {"model": {"builder": "user_models:make_cnn"}, "training": {"epochs": 2}}


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(STUDIES)


def test_xla_has_to_gain_a_quarter() -> None:
    assert choice.decide(compiled=1.0, plain=1.25) == Way(
        "compiled", "measured: 1e+03 ms a step by XLA, 1.25e+03 ms without"
    )
    assert choice.decide(compiled=1.0, plain=1.24).trainer == "graph"
    assert choice.decide(compiled=1.0, plain=0.1).trainer == "graph"


def test_a_run_is_trained_the_way_that_was_chosen(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways are really timed, and what is trained afterwards is what was trained before."""
    settings, workshop = settings_of(CNN), Workshop()
    monkeypatch.setattr(choice, "SHORT", 0.0)
    measured: list[Way] = []
    for way in ("compiled", "graph"):

        def choose(name: str, measure: Any, way: Any = way) -> Way:
            measured.append(measured[0] if measured else measure())
            return Way(way, "as the test says")

        before = trainer.train("k", settings, 1, digits, workshop, trainer=way, folder=STUDIES)
        record = trainer.train("k", settings, 1, digits, workshop, choose=choose, folder=STUDIES)
        assert record.trainer == way
        assert record.environment[MEASURED] == "as the test says"
        assert record.environment.get("trainer_reason") == (None if way == "compiled" else "as the test says")
        assert facts(record) == facts(before)
    assert "ms a step by XLA" in measured[0].why


def test_runs_that_are_short_are_not_compiled(digits: Dataset) -> None:
    measured = []

    def choose(name: str, measure: Any) -> Way:
        measured.append(measure())
        return measured[0]

    record = trainer.train("k", settings_of(CNN), 1, digits, Workshop(), choose=choose, folder=STUDIES)
    assert record.trainer == "graph"
    assert "too short" in record.environment["trainer_reason"]


def test_nobody_is_asked_about_other_networks(digits: Dataset, workshop: Workshop) -> None:
    def choose(name: str, measure: Any) -> Way:
        raise AssertionError(name)

    for sections, way in (({}, "compiled"), (CNN, "fit")):
        record = trainer.train(
            "k", settings_of(sections), 1, digits, workshop, trainer=way, choose=choose, folder=STUDIES
        )
        assert record.trainer == way
        assert MEASURED not in record.environment
    assert not blueprints.draw(
        settings_of({"model": {"builder": "user_models:make_dense"}}), (8, 8), 10, STUDIES
    ).convolves


def test_a_way_is_as_long_as_its_file_may_be() -> None:
    longest = replace(choice.decide(1e-9 / 3, 1e9 / 3))
    assert Way.from_json(longest.to_json()) == longest
