"""The settings of one run: what goes together, what is written down, and what each layer gets."""

from typing import Any

import pytest
from pydantic import ValidationError

from ablate.errors import StudyError
from ablate.settings.run import Data, Model, RunSettings, Training
from tests.conftest import study_of


def test_a_list_for_the_layers_must_fit_the_network() -> None:
    with pytest.raises(StudyError, match="2 hidden layers take 2, or one more"):
        study_of(overfitting={"dropout": [0.0, [0.1, 0.2, 0.3]]})
    fits = study_of(model={"input_block": ["dropout"]}, overfitting={"dropout": [0.0, [0.1, 0.2, 0.3]]})
    settings = fits.settings({"dropout": [0.1, 0.2, 0.3]})
    assert settings.by_layer("dropout") == (0.1, [0.2, 0.3])


@pytest.mark.parametrize(
    ("remedies", "model", "expected"),
    [
        ({"dropout": 0.3}, {}, (0.0, [0.3, 0.3])),
        ({"dropout": 0.3}, {"input_block": ["dropout"]}, (0.3, [0.3, 0.3])),
        ({"dropout": [[0.1, 0.2]]}, {"input_block": ["dropout"]}, (0.0, [0.1, 0.2])),
        ({"dropout": [[0.1, 0.2]]}, {}, (0.0, [0.1, 0.2])),
        ({"dropout": 0.3}, {"input_block": ["dropout"], "block": ["dense", "activation"]}, (0.3, [0.0, 0.0])),
    ],
    ids=str,
)
def test_every_layer_gets_its_rate(remedies: dict[str, Any], model: dict[str, Any], expected: Any) -> None:
    assert study_of(model=model, overfitting=remedies).base.by_layer("dropout") == expected


def test_a_model_of_the_users_takes_a_list_as_it_is() -> None:
    written = study_of(overfitting={"dropout": [[0.1, 0.2]]}).base.model_dump(exclude_none=True)
    settings = RunSettings.model_validate({**written, "model": {"builder": "mine:make"}})
    assert settings.remedies.dropout == [0.1, 0.2]
    assert settings.by_layer("batch_norm") == (False, [])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "not none"),
        ({"hidden": [4], "builder": "a:b"}, "not hidden and builder"),
        ({"file": "a.keras", "activation": "tanh"}, "takes activation with hidden layers alone"),
        ({"builder": "a:b", "block": ["dense"]}, "takes block with hidden layers alone"),
        ({"hidden": [4], "block": ["dense"] * 3}, "one or two of it"),
        ({"hidden": [4], "block": ["dense", "dropout", "dropout"]}, "at most one 'dropout'"),
        ({"hidden": [4], "input_block": ["batch_norm", "batch_norm"]}, "at most one 'batch_norm'"),
        ({"hidden": [4], "activation": "softmax"}, "relu"),
        ({"hidden": [4], "activation": "a b:c"}, "pattern"),
        ({"file": "a.h5"}, "pattern"),
    ],
    ids=str,
)
def test_a_network_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Model(**fields)


@pytest.mark.parametrize(
    ("model", "title", "written"),
    [
        (Model(hidden=[8, 4]), "dense 8 → 4, relu", {"hidden", "activation", "block", "input_block"}),
        (Model(builder="a:b", arguments={"filters": 16}), "a:b(filters=16)", {"builder", "arguments"}),
        (Model(file="a.keras"), "a.keras", {"file"}),
    ],
    ids=["hidden", "builder", "file"],
)
def test_a_network_is_written_without_what_it_does_not_use(model: Model, title: str, written: set[str]) -> None:
    assert model.title == title
    dumped = model.model_dump(exclude_none=True)
    assert set(dumped) == written
    assert Model.model_validate(dumped) == model


@pytest.mark.parametrize("share", [0.0, 1.0, "tests", True])
def test_what_is_held_out_is_a_share_or_the_test_set(share: Any) -> None:
    with pytest.raises(ValidationError):
        Data(source="digits", validation=share)
    assert Data(source="digits", validation="test").validation == "test"


def test_the_code_that_settings_name_is_found_with_its_key() -> None:
    own = {"model": {"activation": "mine:act"}, "training": {"callbacks": ["mine:one", "mine:two"]}}
    found = study_of(**own).base.code
    assert found == {
        "mine:act": "model.activation",
        "mine:one": "training.callbacks",
        "mine:two": "training.callbacks",
    }
    assert study_of().base.code == {}
    assert Model(builder="mine:make").builder == "mine:make"


def test_a_learning_rate_of_zero_trains_nothing_and_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        Training(epochs=1, learning_rate=0.0)
