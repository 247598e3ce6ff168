"""What treatments must have in common to share a compiled program."""

from typing import Any

import pytest

from ablate.settings.run import RunSettings
from ablate.settings.structure import structure, structure_name
from ablate.studies import design
from tests.conftest import study_of

Sections = dict[str, dict[str, Any]]


def test_treatments_that_share_a_program_are_one_group() -> None:
    varied: Sections = {"underfitting": {"batch_norm": [False, True]}, "overfitting": {"dropout": [0.0, 0.5]}}
    groups = {treatment.name: structure_name(treatment.settings) for treatment in design.treatments(study_of(**varied))}
    assert groups["baseline"] == groups["dropout=0.5"] != groups["batch_norm=true"]


VARIABLES: list[Sections] = [
    {"training": {"epochs": 9}},
    {"training": {"learning_rate": 0.5}},
    {"underfitting": {"init": "he_normal"}},
    {"underfitting": {"optimizer": {"name": "sgd", "learning_rate": 0.3}}},
    {"underfitting": {"learning_rate_schedule": "cosine"}},
    {"overfitting": {"dropout": 0.5}},
    {"overfitting": {"l2": 0.1}},
    {"overfitting": {"early_stopping": {"patience": 1}}},
]
COMPILED: list[Sections] = [
    {"model": {"hidden": [16, 9]}},
    {"model": {"activation": "tanh"}},
    {"training": {"batch_size": 16}},
    {"data": {"train_size": 100}},
    {"underfitting": {"batch_norm": [True, False]}},
    {"underfitting": {"optimizer": "adam"}},
    {"underfitting": {"optimizer": {"name": "sgd", "momentum": 0.9}}},
    {"overfitting": {"l1": 0.1}},
    {"overfitting": {"max_norm": 3.0}},
    {"overfitting": {"label_smoothing": 0.1}},
    {"overfitting": {"weight_decay": 0.1}},
]


@pytest.mark.parametrize("sections", VARIABLES, ids=str)
def test_what_a_program_reads_from_variables_needs_no_other_program(sections: Sections) -> None:
    assert structure_name(study_of(**sections).base) == structure_name(study_of().base)
    assert structure(study_of(**sections).base) == structure(study_of().base)


@pytest.mark.parametrize("sections", COMPILED, ids=str)
def test_what_is_compiled_in_has_a_program_of_its_own(sections: Sections) -> None:
    assert structure_name(study_of(**sections).base) != structure_name(study_of().base)


def test_a_builder_may_do_anything_with_what_it_is_handed() -> None:
    def named(rate: float) -> bytes:
        written = study_of(overfitting={"dropout": rate}).base.model_dump(exclude_none=True)
        return structure_name(RunSettings.model_validate({**written, "model": {"builder": "mine:make"}}))

    assert named(0.1) != named(0.2)


def test_a_structure_is_its_own() -> None:
    found = structure(study_of(overfitting={"dropout": 0.3, "l1": 0.2}, underfitting={"batch_norm": True}).base)
    assert structure(found) == found
