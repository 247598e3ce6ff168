"""One compiled program, many runs: nothing of one run is left in the next."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ablate.results.record import Record
from ablate.study.settings import RunSettings
from ablate.study.sources import Dataset
from ablate.training import trainer
from ablate.training.program import structure
from ablate.training.trainer import Workshop
from tests.conftest import study_of


def train(settings: RunSettings, digits: Dataset, workshop: Workshop, seed: int = 1) -> Record:
    return trainer.train("k", settings, seed, digits, workshop)


def facts(record: Record) -> Any:
    """Everything but seconds."""
    history = {name: values for name, values in record.history.items() if name != "seconds"}
    return repr((history, record.result, record.probes, record.status))


STUDY = study_of(
    training={"epochs": 3},
    underfitting={
        "init": ["glorot_uniform", "he_normal"],
        "optimizer": [{"name": "sgd", "momentum": 0.9}, {"name": "sgd", "momentum": 0.9, "learning_rate": 0.5}],
    },
    overfitting={"dropout": [0.0, 0.5], "l2": [0.0, 0.1], "early_stopping": [False, {"patience": 1}]},
)
BASELINE = STUDY.base
CHANGES = [
    {"init": {"name": "he_normal"}},
    {"optimizer": {"name": "sgd", "momentum": 0.9, "learning_rate": 0.5}},
    {"dropout": 0.5},
    {"l2": 0.1},
    {"early_stopping": {"patience": 1}},
]


def test_a_run_is_the_same_after_any_other_bit_for_bit(digits: Dataset) -> None:
    workshop = Workshop()
    first = train(BASELINE, digits, workshop)
    for change in CHANGES:
        other = train(STUDY.settings(change), digits, workshop)
        assert facts(other) != facts(first)
    train(BASELINE, digits, workshop, seed=2)
    assert facts(train(BASELINE, digits, workshop)) == facts(first)
    assert facts(train(BASELINE, digits, Workshop())) == facts(first)


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_a_variable_does_not_change_the_structure(change: dict[str, Any]) -> None:
    assert structure(STUDY.settings(change)) == structure(BASELINE)


@pytest.mark.parametrize(
    "sections",
    [
        {"model": {"hidden": [16, 9]}},
        {"model": {"activation": "tanh"}},
        {"underfitting": {"batch_norm": True}},
        {"underfitting": {"optimizer": "adam"}},
        {"training": {"batch_size": 64}},
    ],
)
def test_what_is_compiled_in_does(sections: dict[str, Any]) -> None:
    assert structure(study_of(**sections).base) != structure(study_of().base)


def test_a_grid_compiles_one_program_per_structure(digits: Dataset) -> None:
    workshop = Workshop()
    study = study_of(
        study={"design": "grid"},
        underfitting={"batch_norm": [False, True], "init": ["he_normal", "zeros"]},
        overfitting={"dropout": [0.0, 0.5], "l2": [0.0, 0.1]},
    )
    from ablate.study import design

    records = [train(each.settings, digits, workshop) for each in design.treatments(study)]
    assert len(records) == 16
    assert sum(record.seconds["compile"] > 0 for record in records) == 2


def test_only_so_many_programs_are_kept(digits: Dataset) -> None:
    workshop = Workshop(capacity=1)
    settings = [study_of(underfitting={"batch_norm": value}, training={"epochs": 1}).base for value in (False, True)]
    compiled = [train(each, digits, workshop).seconds["compile"] > 0 for each in (*settings, settings[1], settings[0])]
    assert compiled == [True, True, False, True]


def test_data_of_another_type_gets_a_program_of_its_own() -> None:
    rng = np.random.default_rng(0)
    images = Dataset(
        x=rng.integers(0, 256, (120, 6), dtype=np.uint8),
        y=np.arange(120, dtype=np.int32) % 3,
        classes=("a", "b", "c"),
        train=np.arange(90, dtype=np.int32),
        test=np.arange(90, 120, dtype=np.int32),
        scale="divide",
        divisor=255.0,
    )
    floats = replace(images, x=images.x.astype(np.float32))
    workshop = Workshop()
    settings = study_of(training={"epochs": 1}).base
    records = [train(settings, dataset, workshop) for dataset in (images, floats, images)]
    assert [record.seconds["compile"] > 0 for record in records] == [True, True, False]
    assert facts(records[0]) == facts(records[2])


def test_the_order_of_runs_does_not_matter(digits: Dataset) -> None:
    """Batch norm, Adam and dropout have state of their own, and a run that diverged leaves NaN everywhere."""
    common = {"underfitting": {"batch_norm": True, "optimizer": "adam"}, "training": {"epochs": 2}}
    wild = {"name": "adam", "learning_rate": 1e30}
    treatments = [
        study_of(**common).base,
        study_of(**common, overfitting={"dropout": 0.3, "l2": 0.01}).base,
        study_of(**{**common, "underfitting": {"batch_norm": True, "optimizer": wild}}).base,
    ]
    forward, backward = Workshop(), Workshop()
    first = [train(each, digits, forward) for each in treatments]
    second = [train(each, digits, backward) for each in reversed(treatments)][::-1]
    assert first[2].status == "diverged"
    assert list(map(facts, first)) == list(map(facts, second))
