"""Time estimates are arithmetic on what was measured, and a proposal fits into its limit."""

from typing import Any

import pytest

from ablate.execution import estimate
from ablate.execution.estimate import Cost
from ablate.settings.structure import structure_name
from ablate.studies import design
from ablate.studies.spec import Study
from tests.conftest import study_of

COST = Cost(epoch=1.0, around=0.5, compilation=4.0)


def study(name: str = "grid", **study_keys: Any) -> Study:
    return study_of(
        study={"replicates": 10, "design": name, **study_keys},
        underfitting={"batch_norm": [False, True]},
        overfitting={"dropout": [0.0, 0.2, 0.5], "l2": [0.0, 0.01, 0.1]},
    )


def costs_of(asked: Study) -> estimate.Costs:
    return {structure_name(treatment.settings): COST for treatment in design.treatments(asked)}


def test_epochs_compilations_and_workers_add_up() -> None:
    asked = study("one-at-a-time")
    settings = [treatment.settings for treatment in design.treatments(asked)]  # six, two programs, two epochs each
    assert estimate.seconds_for(settings, costs_of(asked), jobs=1) == pytest.approx(6 * 2.5 + 2 * 4)
    assert estimate.seconds_for(settings, costs_of(asked), jobs=2) == pytest.approx((6 * 2.5 + 2 * 4) / 2)
    assert estimate.seconds_for(settings, {}, jobs=1) is None


def test_a_program_that_was_never_measured_counts_as_the_others() -> None:
    known = {b"one": Cost(1.0, 0.0, 2.0), b"two": Cost(3.0, 1.0, 4.0)}
    assert estimate.cost_of(b"three", known) == Cost(2.0, 0.5, 3.0)
    assert estimate.cost_of(b"two", known) == known[b"two"]


@pytest.mark.parametrize("limit", [60.0, 120.0, 250.0, 10_000.0])
def test_a_proposal_fits_and_one_more_replicate_would_not(limit: float) -> None:
    asked = study()
    found = estimate.propose(asked, limit, costs_of(asked), 1, 10_000)
    assert found is not None
    assert found.seconds <= limit
    each = found.runs // found.replicates
    assert found.replicates == 10 or found.seconds + each * 2.5 > limit


def test_a_smaller_design_is_proposed_where_the_own_leaves_too_few_replicates() -> None:
    asked = study()
    everything = estimate.propose(asked, 10_000.0, costs_of(asked), 1, 10_000)
    assert everything is not None
    assert (everything.design, everything.replicates, everything.runs) == ("grid", 10, 180)
    smaller = estimate.propose(asked, 120.0, costs_of(asked), 1, 10_000)
    assert smaller is not None
    assert smaller.design != "grid"
    assert smaller.replicates >= estimate.FEWEST_REPLICATES
    assert estimate.propose(asked, 1.0, costs_of(asked), 1, 10_000) is None
