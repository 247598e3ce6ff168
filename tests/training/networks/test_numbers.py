"""Networks of the user's that predict a number: one that can be anything."""

from pathlib import Path
from typing import Any

import keras
import pytest

from ablate.data import sources, splits
from ablate.data.dataset import Dataset
from ablate.errors import ModelError
from ablate.training import blueprint as blueprints
from ablate.training import data as run_data
from ablate.training import model as plain_model
from ablate.training import saving, trainer
from ablate.training.networks import layers, numbers
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
        ending(keras.layers.Dense(1), keras.layers.LeakyReLU()),
        ending(keras.layers.Dense(1, activation="sigmoid"), keras.layers.Dense(1), keras.layers.Reshape((1,))),
    ],
    ids=["dense", "linear", "rescaled", "inside", "leaky", "reshaped"],
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
        ([keras.layers.Dense(1, activation="sigmoid"), keras.layers.Reshape((1,))], "ends in sigmoid"),
        ([keras.layers.Dense(1, activation="tanh"), keras.layers.Dropout(0.1)], "ends in tanh"),
        ([keras.layers.Reshape((1, 3)), keras.layers.Conv1D(1, 1, activation="relu"), keras.layers.Flatten()], "relu"),
        ([keras.layers.Dense(1, activation=keras.layers.ReLU())], "ends in relu"),
        ([keras.layers.Dense(1, activation=keras.layers.Activation("sigmoid"))], "ends in sigmoid"),
    ],
    ids=[
        "several",
        "sigmoid",
        "relu",
        "relu layer",
        "sequence",
        "reshaped",
        "dropped",
        "flat",
        "layer",
        "wrapped",
    ],
)
def test_what_cannot_be_any_number_is_refused(last: list[Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        numbers.check(ending(*last), "mine")


def of_operation(function: Any) -> keras.Model:
    inputs = keras.Input((4,))
    return keras.Model(inputs, function(keras.layers.Dense(1)(inputs)))


def test_operations_that_cannot_give_any_number_are_refused() -> None:
    for name in ("sigmoid", "relu", "hard_sigmoid", "softplus", "exp", "square", "absolute"):
        with pytest.raises(ModelError, match=f"ends in {name},"):
            numbers.check(of_operation(getattr(keras.ops, name)), "mine")
    inside = keras.Sequential([of_operation(keras.ops.tanh), keras.layers.Reshape((1,))])
    with pytest.raises(ModelError, match="ends in tanh"):
        numbers.check(inside, "mine")
    numbers.check(of_operation(lambda x: 2 * x + 1), "mine")


def test_a_network_that_predicts_in_the_unit_of_its_target_is_refused(diabetes: Dataset, tmp_path: Path) -> None:
    """Its predictions would be put back into that unit twice."""
    study = study_of(data=NUMBER)
    rows = splits.split(diabetes, study.base.data, 1)
    scaling = run_data.scaling(diabetes, rows.train, (diabetes.features,))
    blank = plain_model.build(study.base, diabetes.features, 1, 1)
    saved = saving.plain_network(study.base, scaling, 1, layers.weights_by_layer(blank))
    saving.write(saved, tmp_path / "saved.keras")
    model = study.base.model.model_copy(update={"hidden": [], "file": "saved.keras"})
    own = study.base.model_copy(update={"model": model})
    with pytest.raises(ModelError, match=r"saved\.keras predicts in the unit of its target.*get_layer\(\"target\"\)"):
        blueprints.draw(own, diabetes.shape, 0, tmp_path)
    around = keras.Sequential([keras.Input((diabetes.features,)), saved, keras.layers.Reshape((1,))])
    with pytest.raises(ModelError, match="in the unit of its target"):
        numbers.check(around, "mine")
    without = keras.Model(saved.inputs, saved.get_layer("target").input)  # as the message says
    without.save(tmp_path / "saved.keras")
    assert blueprints.draw(own, diabetes.shape, 0, tmp_path).shape == diabetes.shape


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
