"""Fresh seeds: never those of the study, as many, and the same every time."""

from dataclasses import replace
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.results import confirmation
from ablate.results.identity import DataFacts, Identity, data_name, plan_runs
from ablate.study import design
from tests.conftest import study_of


@pytest.mark.parametrize(
    ("seeds", "fresh"),
    [([1, 2, 3], [4, 5, 6]), ([7], [8]), ([5, 1], [6, 7]), ([2**32 - 1, 0, 2], [1, 3, 4]), ([2**32 - 2], [2**32 - 1])],
    ids=str,
)
def test_fresh_seeds_follow_the_largest(seeds, fresh):
    assert confirmation.fresh_seeds(seeds) == fresh


def planned(**sections):
    study = study_of(study={"replicates": 2}, overfitting={"dropout": [0.0, 0.2, 0.5]}, **sections)
    treatments = design.treatments(study)
    facts = DataFacts("0" * 64, 100, 64, 10, 0.1)
    identity = Identity({"keras": "3"}, {data_name(treatment.settings.data): facts for treatment in treatments})
    return study, treatments, identity


def test_the_baseline_and_the_best_are_planned_with_keys_of_their_own(tmp_path: Path):
    study, treatments, identity = planned()
    known, runs = confirmation.plan(study, treatments, "dropout=0.5", identity, tmp_path)
    assert [(run.treatment.name, run.seed) for run in runs] == [
        ("baseline", 3), ("dropout=0.5", 3), ("baseline", 4), ("dropout=0.5", 4),
    ]  # fmt: skip
    assert known == identity
    main = {run.key for run in plan_runs(treatments, study.seeds, identity)}
    assert not main & {run.key for run in runs}
    later = plan_runs(treatments, replace(study, seeds=(1, 2, 3, 4)).seeds, identity)
    assert {run.key for run in runs} <= {run.key for run in later}  # more replicates find them trained


def test_a_study_that_goes_on_from_another_needs_its_fresh_seeds(tmp_path: Path):
    study, treatments, identity = planned(training={"continue_from": "first"})
    with pytest.raises(StudyError, match="first"):
        confirmation.plan(study, treatments, "dropout=0.5", identity, tmp_path)
