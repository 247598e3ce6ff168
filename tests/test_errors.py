"""Errors that a user can mend: every problem in one message, and the same after a trip to another process."""

import pickle
from pathlib import Path

import pytest

from ablate import errors
from ablate.errors import AblateError, Problem, StudyError


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("data.source", "is required"), "data.source: is required"),
        (Problem("l2", "too small", "-1.0"), "l2 = -1.0: too small"),
        (Problem("l2", "too small", "-1.0", 7), "line 7: l2 = -1.0: too small"),
        (Problem("", "cannot be read"), "cannot be read"),
        (Problem("", "no table", line=1), "line 1: no table"),
    ],
    ids=str,
)
def test_a_problem_says_what_is_known_of_it(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_a_study_error_lists_every_problem() -> None:
    one, two = Problem("a", "is required"), Problem("b", "unknown key")
    assert str(StudyError("x.toml", [one])) == "x.toml: 1 problem\n  a: is required"
    found = StudyError(Path("x.toml"), [one, two])
    assert str(found) == "x.toml: 2 problems\n  a: is required\n  b: unknown key"
    assert found.problems == (one, two)


def test_a_study_error_comes_back_from_a_worker() -> None:
    sent = StudyError(Path("x.toml"), [Problem("a", "is required", "1", 2)])
    found = pickle.loads(pickle.dumps(sent))
    assert (type(found), found.source, found.problems, str(found)) == (
        StudyError,
        sent.source,
        sent.problems,
        str(sent),
    )


def test_every_error_of_ours_can_be_caught_as_one() -> None:
    own = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    assert len(own) >= 7
    assert all(issubclass(each, AblateError) for each in own)
