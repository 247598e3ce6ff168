"""Networks of the user's that predict a number: one that can be anything."""

from pathlib import Path
from typing import Any

import keras
import pytest

from ablate.data import sources
from ablate.data.dataset import Dataset
from ablate.errors import ModelError
from ablate.training import trainer
from ablate.training.networks import numbers
from ablate.training.workshop import Workshop
from tests.conftest import study_of

NUMBER = {"source": "diabetes", "task": "regression"}


def ending(*layers: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu"), *layers])


@pytest.mark.parametrize(
    "model",
    [
        ending(keras.layers.Dense(1)),
        ending(keras.layers.Dense(1, activation="linear")),
        ending(keras.layers.Dense(2), keras.layers.Dense(1), keras.layers.Rescaling(2.0)),
        ending(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])),
    ],
    ids=["dense", "linear", "rescaled", "inside"],
)
def test_one_linear_unit_is_taken(model: keras.Model) -> None:
    numbers.check(model, "mine")


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (
            [keras.layers.Dense(3)],
            r"ends in shape \(3,\); for one number to predict it should end in Dense\(1\); 3",
        ),
        ([keras.layers.Dense(1, activation="sigmoid")], r"ends in sigmoid, which cannot take every value"),
        ([keras.layers.Dense(1, activation="relu")], r"ends in relu"),
        ([keras.layers.Dense(1), keras.layers.ReLU()], r"ends in relu"),
        ([keras.layers.Dense(2), keras.layers.Reshape((2, 1))], r"ends in shape \(2, 1\)"),
    ],
    ids=["several", "sigmoid", "relu", "relu layer", "sequence"],
)
def test_what_cannot_be_any_number_is_refused(last: list[Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        numbers.check(ending(*last), "mine")


@pytest.fixture(scope="module")
def diabetes() -> Dataset:
    return sources.load(study_of(data=NUMBER).base.data, Path())


def test_a_builder_is_told_of_one_output_and_its_network_trained(diabetes: Dataset, tmp_path: Path) -> None:
    (tmp_path / "number_model.py").write_text(
        "import keras\n"
        "def make(input_shape, classes):\n"
        "    assert classes == 1\n"
        "    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(8, activation='tanh'),"
        " keras.layers.Dense(classes)])\n",
        encoding="utf-8",
    )
    from ablate.usercode import code

    code.open_folder(tmp_path)
    settings = study_of(data=NUMBER).base
    model = settings.model.model_copy(update={"hidden": [], "builder": "number_model:make"})
    own = settings.model_copy(update={"model": model})
    record = trainer.train("k", own, 1, diabetes, Workshop(), trainer="graph", folder=tmp_path)
    assert record.trainer == "graph"
    assert record.history["train_r2"][-1] > record.history["train_r2"][0]


def test_losses_do_not_share_a_program(diabetes: Dataset, workshop: Workshop) -> None:
    """Each compiles in what it makes small; one program for all would train the later ones by the first's."""
    settings = {loss: study_of(data=NUMBER, training={"loss": loss}).base for loss in ("mse", "huber", "mae")}
    together = {
        loss: trainer.train("k", each, 1, diabetes, workshop, trainer="graph") for loss, each in settings.items()
    }
    for loss, each in settings.items():
        alone = trainer.train("k", each, 1, diabetes, Workshop(), trainer="graph")
        assert alone.weights == together[loss].weights
    assert len({record.weights for record in together.values()}) == 3
