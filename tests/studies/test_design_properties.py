"""Whatever a study asks for: its treatments satisfy its includes and excludes, and its design is what it says."""

import itertools
import tomllib
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ablate.errors import StudyError
from ablate.settings import document
from ablate.studies import design, spec
from ablate.studies.design import Treatment
from ablate.studies.spec import Study
from tests.conftest import study_of

LEVELS: dict[str, list[Any]] = {
    "batch_norm": [False, True],
    "optimizer": ["sgd", {"name": "sgd", "momentum": 0.9}, "adam", {"name": "adam", "learning_rate": 0.1}],
    "dropout": [0.0, 0.2, 0.5],
    "l2": [0.0, 0.001, 0.01],
    "model.activation": ["relu", "tanh", "sigmoid"],
    "training.batch_size": [16, 32],
}
FAMILY = {"batch_norm": "underfitting", "optimizer": "underfitting", "dropout": "overfitting", "l2": "overfitting"}
DESIGNS = ["one-at-a-time", "grid", "leave-one-out", "pairwise", "listed"]


@st.composite
def tables(draw: Any, names: list[str]) -> dict[str, Any]:
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    return {name: draw(st.sampled_from(LEVELS[name])) for name in chosen}


@st.composite
def studies(draw: Any, designs: list[str] = DESIGNS) -> Study:
    names = draw(st.lists(st.sampled_from(sorted(LEVELS)), min_size=1, max_size=6, unique=True))
    sections: dict[str, Any] = {"underfitting": {}, "overfitting": {}, "factors": {}}
    for name in names:
        sections[FAMILY.get(name, "factors")][name] = LEVELS[name]
    head: dict[str, Any] = {"design": draw(st.sampled_from(designs))}
    if {"batch_norm", "training.batch_size"} <= set(names) and draw(st.booleans()):
        head["linked"] = [["batch_norm", "training.batch_size"]]
    if head["design"] == "leave-one-out" and draw(st.booleans()):
        head["full"] = {name: draw(st.sampled_from(LEVELS[name][1:])) for name in names[:1]}
    extra = {key: draw(st.lists(tables(names), max_size=2)) for key in ("exclude", "include")}
    try:
        study = study_of(study=head, **sections)
        return spec.build({**study.document(), **{key: value for key, value in extra.items() if value}}, study.source)
    except StudyError as error:
        assume(not any(expected in str(error) for expected in ("fits several levels", "do not go together")))
        raise


def expanded(study: Study) -> list[Treatment]:
    try:
        return design.treatments(study)
    except StudyError as error:
        assume("which every effect is compared with" not in str(error))
        raise


def has(treatment: Treatment, table: dict[str, Any]) -> bool:
    """Whether a treatment has all levels of a table, told from its labels alone."""
    for name, level in table.items():
        label = treatment.levels[name]
        wanted = spec.label(level)
        bare = isinstance(level, str) and label.startswith(f"{level}(")
        if label != wanted and not bare:
            return False
    return True


def distance(study: Study, one: Treatment, other: Treatment) -> int:
    return sum(one.levels[factor.name] != other.levels[factor.name] for factor in study.factors)


@settings(deadline=None, max_examples=60)
@given(studies())
def test_every_treatment_satisfies_includes_and_excludes(study: Study) -> None:
    found = expanded(study)
    names = [treatment.name for treatment in found]
    assert len(set(names)) == len(names)
    assert names[0] == "baseline"
    assert design.fewest(study) <= design.count(study)
    assert len(found) <= design.count(study)
    included = [study.choose(table, "include") for table in study.includes]
    wanted = [tuple(factor.labels[n] for factor, n in zip(study.factors, choice, strict=True)) for choice in included]
    levels = [tuple(treatment.levels[factor.name] for factor in study.factors) for treatment in found]
    assert set(wanted) <= set(levels)
    for treatment, own in zip(found, levels, strict=True):
        assert own in wanted or not any(has(treatment, dict(table)) for table in study.excludes)


@settings(deadline=None, max_examples=40)
@given(studies())
def test_reading_the_written_study_again_changes_nothing(study: Study) -> None:
    again = spec.build(tomllib.loads(document.write(study.document())), study.source)
    assert again == study
    first, second = expanded(study), expanded(again)
    assert [(each.name, each.settings) for each in first] == [(each.name, each.settings) for each in second]


@settings(deadline=None, max_examples=40)
@given(studies(["one-at-a-time"]))
def test_one_at_a_time_differs_from_the_baseline_in_one_factor(study: Study) -> None:
    found = expanded(study)
    designed = found[: len(found) - len(study.includes)] if study.includes else found
    assert all(distance(study, treatment, found[0]) == 1 for treatment in designed[1:])


@settings(deadline=None, max_examples=40)
@given(studies(["leave-one-out"]))
def test_leave_one_out_differs_from_full_in_one_factor(study: Study) -> None:
    plain = spec.build(
        {key: v for key, v in study.document().items() if key not in ("exclude", "include")}, study.source
    )
    found = design.treatments(plain)
    if len(plain.factors) == 1:
        assert len(found) == 2
        return
    assert len(found) == 2 + len(plain.factors)
    assert distance(plain, found[0], found[1]) == len(plain.factors)
    assert all(distance(plain, treatment, found[1]) == 1 for treatment in found[2:])
    for name, level in plain.full.items():
        assert found[1].levels[name] == spec.label(level)


@settings(deadline=None, max_examples=40)
@given(studies(["pairwise"]))
def test_pairwise_covers_every_pair_that_the_excludes_allow(study: Study) -> None:
    found = expanded(study)
    names = [factor.name for factor in study.factors]
    every = spec.build({**study.document(), "study": {**study.document()["study"], "design": "grid"}}, study.source)
    allowed = expanded(every)
    for one, other in itertools.combinations(names, 2):
        covered = {(treatment.levels[one], treatment.levels[other]) for treatment in found}
        assert covered == {(treatment.levels[one], treatment.levels[other]) for treatment in allowed}


@settings(deadline=None, max_examples=40)
@given(studies(["grid"]))
def test_a_grid_has_every_combination_that_the_excludes_allow(study: Study) -> None:
    found = expanded(study)
    every = itertools.product(*(factor.labels for factor in study.factors))
    combinations = [dict(zip((factor.name for factor in study.factors), labels, strict=True)) for labels in every]
    levels = [{factor.name: treatment.levels[factor.name] for factor in study.factors} for treatment in found]
    missing = [labels for labels in combinations if labels not in levels]
    excludes = [study.select(table, "exclude") for table in study.excludes]
    for labels in missing:
        choice = tuple(factor.labels.index(labels[factor.name]) for factor in study.factors)
        assert any(each.matches(choice) for each in excludes)
