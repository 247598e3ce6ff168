"""What is wrong with all factors together is said before anything is made of them."""

from pathlib import Path
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.studies import checks, spec
from ablate.studies.factors import Factor

BASE: dict[str, Any] = {"study": {"name": "s"}, "data": {"source": "digits"}, "training": {"epochs": 1}}


def numbers(name: str, count: int) -> Factor:
    return Factor(name, ("model", name), None, tuple(range(count)))


@pytest.mark.parametrize(
    ("factors", "said"),
    [
        ([numbers("a", checks.MOST_LEVELS)], None),
        ([numbers("a", checks.MOST_LEVELS + 1)], r"varies 1 factors with 10,001 levels; 500 and 10,000 are the most"),
        ([numbers(f"f{number}", 2) for number in range(checks.MOST_FACTORS)], None),
        ([numbers(f"f{number}", 2) for number in range(checks.MOST_FACTORS + 1)], r"varies 501 factors"),
        ([numbers(f"f{number}", 1) for number in range(checks.MOST_FACTORS + 1)], None),  # none of them varies
    ],
    ids=["most levels", "more levels", "most factors", "more factors", "factors with one level"],
)
def test_factors_and_levels_are_counted(factors: list[Factor], said: str | None) -> None:
    found = [problem.message for problem in checks.too_many(factors)]
    assert len(found) == (said is not None)
    assert not said or said in found[0]


def test_levels_that_look_alike_are_named_by_their_place() -> None:
    (problem,) = checks.alike([Factor("model.kernel", ("model", "kernel"), None, (3, "3", 5))])
    assert ("[1]" in problem.key, problem.value) == (True, '"3"')
    assert "looks in tables as another level does" in problem.message


@pytest.mark.parametrize(
    ("block", "remedies", "said"),
    [
        (["dense", "activation"], {"overfitting": {"dropout": [0.0, 0.5]}}, "nor model.input_block holds 'dropout'"),
        (["dense"], {"underfitting": {"normalization": ["none", "layer"]}}, "nor model.input_block holds 'batch_norm'"),
        (["dense"], {"overfitting": {"stochastic_depth": [0.0, 0.1]}}, "hidden layers have no residual additions"),
    ],
)
def test_a_remedy_without_a_place_is_refused(block: list[str], remedies: dict[str, Any], said: str) -> None:
    model = {"hidden": [4], "block": block}
    with pytest.raises(StudyError, match=said):
        spec.build({**BASE, "model": model, **remedies}, Path("ablations.toml"))
    neutral = {family: {name: levels[:1] for name, levels in each.items()} for family, each in remedies.items()}
    spec.build({**BASE, "model": model, **neutral}, Path("ablations.toml"))
    spec.build({**BASE, "model": {"file": "a.keras"}, **remedies}, Path("ablations.toml"))


def stopping_at(gap: float, **data: str) -> spec.Study:
    sections = {"data": {"source": "d.npz", **data}, "model": {"hidden": [4]}}
    stops = {"early_stopping": [{"patience": 2}, {"stop_at_gap": gap}]}
    return spec.build({**BASE, **sections, "overfitting": stops}, Path("ablations.toml"))


def test_a_gap_to_stop_at_is_in_the_unit_of_a_number_and_a_share_of_classes() -> None:
    assert [level["stop_at_gap"] for level in stopping_at(5.0, task="regression").factors[0].levels[1:]] == [5.0]
    assert stopping_at(0.9, task="classification")
    said = r"early_stopping\[1\]\.stop_at_gap = 5\.0: input should be less than 1; for classes"
    with pytest.raises(StudyError, match=said):
        stopping_at(5.0, task="classification")
    open_ended = stopping_at(5.0)  # the data may hold either
    assert spec.for_task(open_ended, "regression").base.data.task == "regression"
    with pytest.raises(StudyError, match=said):
        spec.for_task(open_ended, "classification")
