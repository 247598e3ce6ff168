"""Saved networks are plain Keras: they load without this package and score what was recorded."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn import metrics as reference

from ablate.data import sources, splits
from ablate.data.sources import Dataset
from ablate.results.record import Record, weights_digest
from ablate.settings.run import Data, RunSettings
from ablate.training import data as run_data
from ablate.training import saving, trainer
from ablate.training.scores import number_scores
from ablate.training.workshop import Workshop
from tests.conftest import study_of
from tests.stranger import Found, Stranger

NUMBER = {"source": "diabetes", "task": "regression"}


def trained(
    dataset: Dataset, workshop: Workshop, settings: RunSettings, name: Any = "compiled"
) -> tuple[Record, keras.Model]:
    kept: dict[str, Any] = {}
    record = trainer.train("k", settings, 1, dataset, workshop, trainer=name, keep=kept.update)
    scaling = run_data.scaling(dataset, splits.split(dataset, settings.data, 1).train)
    return record, saving.plain_network(settings, scaling, dataset.outputs, kept)


def saved(
    stranger: Stranger, dataset: Dataset, workshop: Workshop, folder: Path, name: str = "compiled", **sections: Any
) -> tuple[Record, Found]:
    """A record, and what another program finds in the file of its network."""
    settings = study_of(training={"epochs": 3}, **sections).base
    path = folder / "model.keras"
    record, model = trained(dataset, workshop, settings, name)
    model.save(path)
    np.savez(folder / "test.npz", x=dataset.x[dataset.test], y=dataset.y[dataset.test])
    return record, stranger.score(path, folder / "test.npz")


@pytest.mark.parametrize("name", ["compiled", "fit"])
def test_a_saved_network_is_plain_keras_and_scores_what_was_recorded(
    stranger: Stranger, digits: Dataset, workshop: Workshop, tmp_path: Path, name: str
) -> None:
    record, found = saved(
        stranger,
        digits,
        workshop,
        tmp_path,
        name,
        model={"input_block": ["dropout"]},
        underfitting={"batch_norm": True, "optimizer": {"name": "adam", "learning_rate": 0.01}},
        overfitting={"dropout": 0.3, "l2": 1e-4, "early_stopping": {"monitor": "val_loss", "patience": 1}},
    )
    assert found.accuracy == pytest.approx(record.result["test_accuracy"], abs=1e-6)
    assert found.loss == pytest.approx(
        record.result["test_loss"], abs=2e-2
    )  # Keras' loss has the penalty, which the recorded one has not
    assert found.rates == [0.3, 0.3, 0.3]
    assert "ablate" not in found.modules
    assert {layer.rpartition(".")[2] for layer in found.layers} == {
        "InputLayer",
        "Rescaling",
        "Dropout",
        "Dense",
        "BatchNormalization",
        "Activation",
    }
    assert all(layer.startswith("keras.") for layer in found.layers)


def test_a_network_without_dropout_has_no_layer_of_it_and_takes_raw_features(
    stranger: Stranger, workshop: Workshop, tmp_path: Path
) -> None:
    data = {"source": "wine"}
    wine = sources.load(Data(**data), Path())
    record, found = saved(stranger, wine, workshop, tmp_path, data=data)
    assert found.loss == pytest.approx(record.result["test_loss"], rel=1e-4)
    assert found.accuracy == pytest.approx(record.result["test_accuracy"], abs=1e-6)
    assert found.rates == []
    assert len(found.layers) == 7  # features, scaling, two times dense and activation, output


def test_training_goes_on_from_a_saved_network(digits: Dataset, workshop: Workshop, tmp_path: Path) -> None:
    settings = study_of(training={"epochs": 5}).base
    path = tmp_path / "model.keras"
    trained(digits, workshop, settings)[1].save(path)
    model = keras.models.load_model(path)
    x, y = digits.x[digits.train], digits.y[digits.train]
    before = model.evaluate(x, y, verbose=0)[0]
    model.fit(x, y, epochs=2, verbose=0)
    assert model.evaluate(x, y, verbose=0)[0] < before


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_a_network_predicts_numbers_in_the_unit_of_the_target(
    workshop: Workshop, tmp_path: Path, loss: str, suffix: str
) -> None:
    """Plain Keras on the file: the predictions, and the figures of its own `evaluate`, are those of the record."""
    settings = study_of(data=NUMBER, training={"epochs": 3, "loss": loss}, overfitting={"l2": 0.01}).base
    dataset = _offset(sources.load(settings.data, Path()))
    record, model = trained(dataset, workshop, settings)
    path = tmp_path / f"model{suffix}"
    saving.write(model, path)
    loaded = keras.saving.load_model(path)
    x, y = dataset.x[dataset.test], dataset.y[dataset.test]
    predicted = loaded.predict(x, verbose=0)[:, 0]
    assert predicted.dtype == np.float64
    assert reference.mean_absolute_error(y, predicted) == pytest.approx(record.result["test_mae"], rel=1e-5)
    assert reference.root_mean_squared_error(y, predicted) == pytest.approx(record.result["test_rmse"], rel=1e-5)
    assert reference.r2_score(y, predicted) == pytest.approx(record.result["test_r2"], rel=1e-5)
    assert record.held_out is not None
    np.testing.assert_allclose(np.sort(record.held_out.numbers[1]), np.sort(predicted), rtol=1e-8, atol=1e-4)
    rows = splits.split(dataset, settings.data, 1)
    scorer = number_scores.of(settings, dataset, run_data.standard(dataset, rows.train))
    found = saving.evaluate(loaded, dataset, rows, scorer)
    names = [f"{side}_{name}" for side in ("train", "val", "test") for name in ("loss", "mae", "rmse", "r2")]
    assert {name: found[name] for name in names} == pytest.approx({n: record.result[n] for n in names}, rel=1e-5)
    penalty = float(sum(model.losses))
    assert penalty > 0
    assert found["loss_with_penalties"] == pytest.approx(record.result["test_loss"] + penalty, rel=1e-5)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_keras_evaluates_a_saved_network_in_the_unit_of_the_target(
    workshop: Workshop, tmp_path: Path, loss: str
) -> None:
    settings = study_of(data=NUMBER, training={"epochs": 2, "loss": loss}).base
    dataset = sources.load(settings.data, Path())
    record, model = trained(dataset, workshop, settings)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    found = loaded.evaluate(dataset.x[dataset.test], dataset.y[dataset.test], verbose=0, return_dict=True)
    squared = record.result["test_rmse"] ** 2
    wanted = record.result["test_mae"] if loss == "mae" else squared
    assert found["loss"] == pytest.approx(wanted, rel=1e-5)
    assert found["mean_absolute_error"] == pytest.approx(record.result["test_mae"], rel=1e-5)
    assert found["root_mean_squared_error"] == pytest.approx(record.result["test_rmse"], rel=1e-5)


def test_an_offset_that_float32_cannot_hold_is_taken_away_exactly(tmp_path: Path) -> None:
    """1,000,000,000 and something, where the spread is smaller than a step of float32."""
    scaling = run_data.Scaling(tf.zeros(1), tf.ones(1), (1,), pivots=np.array([1e9 + 9]))
    inputs, centred = saving._inputs((1,), scaling)
    model = keras.Model(inputs, centred)
    model.save(tmp_path / "pivots.keras")
    values = 1e9 + np.arange(20.0)[:, None]
    found = keras.saving.load_model(tmp_path / "pivots.keras")(tf.constant(values))
    np.testing.assert_array_equal(found, values - (1e9 + 9))


def _offset(dataset: Dataset) -> Dataset:
    """The same data with a target whose digits float32 could not hold."""
    return replace(dataset, y=dataset.y + 1e9)


def test_a_network_of_numbers_is_read_back_from_its_file(workshop: Workshop, tmp_path: Path) -> None:
    settings = study_of(data=NUMBER).base
    dataset = sources.load(settings.data, Path())
    record, model = trained(dataset, workshop, settings)
    model.save(tmp_path / "model.keras")
    assert weights_digest(saving.read_weights(tmp_path / "model.keras", settings, dataset)) == record.weights
