"""Saved networks are plain Keras: they load without this package and score what was recorded."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from ablate.data import sources, splits
from ablate.data.sources import Dataset
from ablate.results.record import Record
from ablate.settings.run import Data, RunSettings
from ablate.training import data as run_data
from ablate.training import saving, trainer
from ablate.training.workshop import Workshop
from tests.conftest import study_of
from tests.stranger import Found, Stranger


def trained(
    dataset: Dataset, workshop: Workshop, settings: RunSettings, name: Any = "compiled"
) -> tuple[Record, keras.Model]:
    kept: dict[str, Any] = {}
    record = trainer.train("k", settings, 1, dataset, workshop, trainer=name, keep=kept.update)
    scaling = run_data.scaling(dataset, splits.split(dataset, settings.data, 1).train)
    return record, saving.plain_network(settings, scaling, len(dataset.classes), kept)


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
