"""The form of a study file: what its tables take, what goes together, and the schema that editors check it by."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ablate.errors import StudyError
from ablate.settings import document
from ablate.studies import file
from ablate.studies.file import Claim, StudySection
from tests.conftest import study_of

ROOT = Path(__file__).parents[2]
BASE = {"says": "it is so", "metric": "test_accuracy", "treatment": {"dropout": 0.5}}
COMPARED = {**BASE, "against": {"dropout": 0.0}}


def test_the_schema_knows_every_key_of_the_default_study() -> None:
    schema = file.json_schema()
    raw = document.parse((ROOT / "ablations.toml").read_text(encoding="utf-8"), ROOT)
    for section, table in raw.items():
        entry = schema["properties"][section]
        reference = entry.get("$ref") or entry.get("items", {}).get("$ref") or entry["allOf"][0]["$ref"]
        known = schema["$defs"][reference.rpartition("/")[2]]["properties"]
        for each in table if isinstance(table, list) else [table]:
            assert set(each) <= set(known)


def test_replicates_and_seeds_are_not_given_together() -> None:
    with pytest.raises(StudyError, match="replicates or seeds, not both"):
        study_of(study={"replicates": 3, "seeds": [7]})


def test_the_schema_knows_arguments_in_all_their_spellings() -> None:
    schema: Any = file.json_schema()
    json.dumps(schema)
    factors = schema["$defs"]["FactorsSection"]
    assert list(factors["patternProperties"]) == [r"^model\.arguments\."]
    assert "model.arguments" not in factors["properties"]
    assert factors["properties"]["model"]["properties"]["arguments"]["type"] == "object"


def test_a_path_as_a_table_means_the_same_as_in_quotes() -> None:
    nested = {"model": {"activation": 1, "arguments": {"filters": 2}}, "dropout": 3, "init": {"name": "zeros"}}
    flat = {"model.activation": 1, "model.arguments.filters": 2, "dropout": 3, "init": {"name": "zeros"}}
    assert file.flatten(nested) == file.flatten(flat) == flat
    assert file.flatten([1]) == [1]


@pytest.mark.parametrize(
    "fields",
    [
        {**COMPARED, "expect": "lower", "by": 0.01},
        {**COMPARED, "expect": "equivalent", "margin": 0.01},
        {**BASE, "at_least": 0.9},
        {**BASE, "between": [0.1, 0.9]},
        {**BASE, "reproduces": 0.9},
    ],
    ids=str,
)
def test_a_complete_claim_is_taken(fields: dict[str, Any]) -> None:
    assert Claim(**fields).model_dump(exclude_unset=True) == fields


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (COMPARED, "a comparison takes expect"),
        ({**COMPARED, "expect": "lower", "at_least": 0.1}, "a comparison takes expect"),
        (BASE, "takes against and expect, or one of at_least"),
        ({**BASE, "at_least": 0.1, "at_most": 0.2}, "takes against and expect, or one of at_least"),
        ({**BASE, "at_least": 0.1, "expect": "lower"}, "takes against and expect, or one of at_least"),
        ({**COMPARED, "expect": "equivalent"}, "needs a margin"),
        ({**COMPARED, "expect": "lower", "margin": 0.1}, "nothing else takes one"),
        ({**COMPARED, "expect": "equivalent", "margin": 0.1, "by": 0.1}, "by goes with expect"),
        ({**BASE, "between": [0.9, 0.1]}, r"between should be \[smallest, largest\]"),
        ({**BASE, "between": [0.9]}, "at least 2"),
        ({**BASE, "says": "", "at_least": 0.1}, "at least 1 character"),
    ],
    ids=str,
)
def test_a_claim_that_cannot_be_judged_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Claim(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "samples"}, "the name 'samples' is taken"),
        ({"name": "a", "full": {"dropout": 0.5}}, "full is for design = 'leave-one-out' alone"),
        ({"name": "a", "seeds": [-1]}, "greater than or equal to 0"),
        ({"name": "a", "seeds": [2**32]}, "less than 4294967296"),
        ({"name": "a", "linked": [["init"]]}, "at least 2"),
    ],
    ids=str,
)
def test_keys_of_the_study_that_do_not_go_together_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        StudySection(**fields)


def test_every_table_of_the_file_knows_its_keys() -> None:
    known = file.known_keys()
    assert {"study", "data", "model", "training", "underfitting", "overfitting", "factors"} <= set(known[()])
    assert {"dropout", "l2"} <= set(known["overfitting",])
    assert "optimizer" in known["underfitting",]
    assert "reproduces" in known["claim",]
    assert {"model.activation", "training.batch_size"} <= set(known["factors",])
    assert "training.continue_from" not in known["factors",]
