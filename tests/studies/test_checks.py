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
    ("model", "said"),
    [
        ({"file": "a.keras"}, "a model from a file has its layers"),
        (
            {"hidden": [4], "block": ["dense", "activation"]},
            "neither model.block nor model.input_block",
        ),
    ],
    ids=["file", "block"],
)
def test_a_remedy_without_a_place_is_refused(model: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=r"overfitting\.dropout") as caught:
        spec.build({**BASE, "model": model, "overfitting": {"dropout": [0.0, 0.5]}}, Path("ablations.toml"))
    assert said in str(caught.value)
    spec.build({**BASE, "model": model, "overfitting": {"dropout": [0.0]}}, Path("ablations.toml"))
