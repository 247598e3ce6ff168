"""Designs: exactly the treatments that were asked for, in a stable order."""

import time
import tracemalloc

import pytest

from ablate.errors import StudyError
from ablate.studies import design
from tests.conftest import study_of

TWO_FACTORS = {
    "underfitting": {"batch_norm": [False, True]},
    "overfitting": {"dropout": [0.0, 0.2, 0.5]},
}


def test_one_at_a_time_changes_one_factor_of_the_baseline() -> None:
    found = design.treatments(study_of(**TWO_FACTORS))
    assert [treatment.name for treatment in found] == ["baseline", "batch_norm=true", "dropout=0.2", "dropout=0.5"]
    assert all(len(treatment.changed) == 1 for treatment in found[1:])
    assert found[3].settings.remedies.dropout == 0.5
    assert found[3].settings.remedies.batch_norm is False


def test_a_grid_is_every_combination_with_the_baseline_first() -> None:
    found = design.treatments(study_of(study={"design": "grid"}, **TWO_FACTORS))
    assert len(found) == design.count(study_of(study={"design": "grid"}, **TWO_FACTORS)) == 6
    assert len({treatment.name for treatment in found}) == 6
    assert found[0].name == "baseline"
    assert found[-1].name == "batch_norm=true, dropout=0.5"


def test_a_study_without_factors_is_its_baseline() -> None:
    (only,) = design.treatments(study_of())
    assert only.name == "baseline"


def test_a_billion_combinations_are_refused_at_once() -> None:
    levels = [index / 1000 for index in range(1000)]
    rates = [1 + index for index in range(1000)]
    study = study_of(
        study={"design": "grid"},
        overfitting={"dropout": levels, "l2": levels},
        factors={"training.batch_size": rates},
    )
    before = time.process_time()
    with pytest.raises(StudyError, match="1,000,000,000 runs"):
        design.treatments(study)
    assert time.process_time() - before < 60  # it would take hours to make them


def test_a_level_can_be_too_many_for_one_study_and_allowed_by_the_limit() -> None:
    study = study_of(study={"replicates": 5}, **TWO_FACTORS)
    with pytest.raises(StudyError, match="20 runs"):
        design.treatments(study, max_runs=19)
    assert len(design.treatments(study, max_runs=20)) == 4


def test_levels_that_do_not_go_together_are_an_error_of_the_study() -> None:
    study = study_of(
        study={"design": "grid"},
        overfitting={"dropout": [[0.1, 0.2], 0.5]},
        factors={"model.hidden": [[4, 4], [8, 8]]},
    )
    assert len(design.treatments(study)) == 4
    clash = study_of(overfitting={"dropout": [0.5, [0.1, 0.2]]}, factors={"model.hidden": [[4, 4], [8, 8, 8]]})
    assert len(design.treatments(clash)) == 3
    with pytest.raises(StudyError, match="3 hidden layers take 3"):
        clash.settings({"dropout": [0.1, 0.2], "model.hidden": [8, 8, 8]})


def test_only_narrows_down_by_label_or_value() -> None:
    study = study_of(study={"design": "grid"}, **TWO_FACTORS)
    everything = design.treatments(study)
    chosen = design.select(everything, study, ["batch_norm=true", "dropout=0.0", "dropout=0.5"])
    assert [treatment.name for treatment in chosen] == ["batch_norm=true", "batch_norm=true, dropout=0.5"]
    assert design.select(everything, study, []) == everything


@pytest.mark.parametrize(
    ("text", "message"),
    [("dropuot=0.5", "did you mean 'dropout'"), ("dropout=0.7", "no level '0.7'"), ("dropout", "no level ''")],
)
def test_only_refuses_what_is_not_there(text: str, message: str) -> None:
    study = study_of(**TWO_FACTORS)
    with pytest.raises(StudyError, match=message):
        design.select(design.treatments(study), study, [text])


@pytest.mark.parametrize("name", ["grid", "pairwise"])
def test_counting_takes_little_memory(name: str) -> None:
    """A million pairs, a billion combinations: refused by arithmetic, not by making them."""
    levels = [index / 1000 for index in range(1000)]
    study = study_of(
        study={"design": name, "replicates": 10},
        overfitting={"dropout": levels, "l2": levels},
        factors={"training.batch_size": [1 + index for index in range(1000)]},
    )
    tracemalloc.start()
    with pytest.raises(StudyError, match="runs"):
        design.treatments(study)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6
