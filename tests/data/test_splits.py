"""Splits that cannot be made are found before anything is trained; the others are tested where they are used."""

from pathlib import Path

import pytest

from ablate import api
from ablate.data import sources, splits
from ablate.errors import StudyError
from ablate.settings.run import Data
from tests.conftest import STUDIES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"validation": 0.999}, r"data\.validation: parts 120 rows into 0 and 120; with 3 classes"),
        ({"validation": 0.001}, r"into 119 and 1;"),
        ({"train_size": 4}, r"data\.validation"),
        ({"train_size": 100_000}, r"data\.train_size = 100000: the training part .* has only 120 rows"),
    ],
)
def test_a_split_that_leaves_too_little_is_an_error_of_the_study(change: dict[str, float], message: str) -> None:
    data = Data(source="iris", **change)  # type: ignore[arg-type]
    with pytest.raises(StudyError, match=message):
        splits.split(sources.load(data, Path()), data, 1)


def test_a_plan_finds_it_and_names_the_study_file() -> None:
    study = api.load(STUDIES / "tiny.toml", ["data.validation=0.999"])
    with pytest.raises(StudyError, match=r"tiny\.toml"):
        api.make_plan(study)
