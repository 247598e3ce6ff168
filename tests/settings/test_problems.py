"""Problems: what pydantic found, as the key that was written, its value and a hint."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from ablate.errors import StudyError
from ablate.settings import problems
from tests.conftest import study_of


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (["data", "source"], "data.source"),
        (["exclude", 0, "dropout"], "exclude[0].dropout"),
        (["factors", "model.hidden", 1], 'factors."model.hidden"[1]'),
        (["model", "arguments", "naïve"], 'model.arguments."naïve"'),
        ([], ""),
    ],
    ids=str,
)
def test_a_key_is_named_as_it_would_be_written(path: list[str | int], text: str) -> None:
    assert problems.key_path(path) == text


@pytest.mark.parametrize(
    ("given", "known", "listed", "hint"),
    [
        ("droput", ["dropout", "l2"], True, "; did you mean 'dropout'?"),
        ("DROPOUT", ["dropout", "l2"], True, "; did you mean 'dropout'?"),
        ("zebra", ["dropout", "l2"], True, "; allowed: dropout, l2"),
        ("zebra", ["dropout", "l2"], False, ""),
        ("zebra", [], True, ""),
    ],
)
def test_a_near_miss_is_named_and_else_what_is_allowed(given: str, known: list[str], listed: bool, hint: str) -> None:
    assert problems.suggest(given, known, listed=listed) == hint


class Table(BaseModel):
    epochs: int
    share: float


def found(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Table.model_validate(raw, strict=True)
    return [str(problem) for problem in problems.from_error(caught.value, raw, {(): ["epochs", "share"]})]


def test_every_problem_has_its_key_and_value_and_a_missing_key_has_none() -> None:
    assert found({"epochs": "many"}) == ['epochs = "many": input should be a valid integer', "share: is required"]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"study": {"design": "gird"}}, "did you mean 'grid'?"),
        (
            {"underfitting": {"normalization": {"name": "bach", "momentum": 0.9}}},
            "unknown name 'bach'; did you mean 'batch'?",
        ),
        ({"underfitting": {"normalization": {"momentum": 0.9}}}, "a table needs a name"),
        ({"study": {"design": "everything"}}, "should be 'one-at-a-time', 'grid'"),
        ({"overfitting": {"early_stopping": True}}, "should be false, or a table of rules such as { patience = 10 }"),
        ({"overfitting": {"max_norm": True}}, "should be false, or the largest norm, such as 3.0"),
        ({"underfitting": {"learning_rate_schedule": True}}, "should be false, or one of cosine, step, plateau"),
        ({"underfitting": {"learning_rate_schedule": {"name": "step", "evry": 1}}}, "did you mean 'every'?"),
        ({"underfitting": {"optimizer": {"name": "adam", "beta1": 0.9}}}, "did you mean 'beta_1'?"),
        ({"underfitting": {"init": {"name": "constant", "valeu": 1.0}}}, "did you mean 'value'?"),
        ({"overfitting": {"early_stopping": {"patiense": 1, "stop_when_equal": True}}}, "did you mean 'patience'?"),
        ({"data": {"validation": "tset"}}, "should be a share between 0 and 1, or 'test'"),
        ({"training": {"callbacks": ["mine"]}}, "should name a function as 'module:function'"),
        ({"models": {}}, "did you mean 'model'?"),
    ],
    ids=str,
)
def test_a_mistake_is_told_what_would_do(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError) as caught:
        study_of(**sections)
    (problem,) = caught.value.problems
    assert message in problem.message
