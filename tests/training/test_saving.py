"""Saved networks are plain Keras: they load without this package and score what was recorded."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from ablate.results.record import Record
from ablate.study import sources, splits
from ablate.study.settings import Data, RunSettings
from ablate.study.sources import Dataset
from ablate.training import data as run_data
from ablate.training import saving, trainer
from ablate.training.trainer import Workshop
from tests.conftest import study_of

SCORE = """
import json, sys, keras, numpy as np
with np.load(sys.argv[1]) as test:
    x, y = test["x"], test["y"]
found = []
for path in sys.argv[2:]:
    model = keras.models.load_model(path)
    loss, accuracy = model.evaluate(x, y, batch_size=4096, verbose=0)
    layers = [f"{type(layer).__module__}.{type(layer).__name__}" for layer in model.layers]
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    found.append([loss, accuracy, layers, rates, "ablate" in sys.modules])
print(json.dumps(found))
"""


def trained(
    dataset: Dataset, workshop: Workshop, settings: RunSettings, name: Any = "compiled"
) -> tuple[Record, keras.Model]:
    kept: dict[str, Any] = {}
    record = trainer.train("k", settings, 1, dataset, workshop, trainer=name, keep=kept.update)
    scaling = run_data.scaling(dataset, splits.split(dataset, settings.data, 1).train)
    return record, saving.plain_network(settings, scaling, len(dataset.classes), kept)


def saved(dataset: Dataset, workshop: Workshop, folder: Path, name: str = "compiled", **sections: Any) -> list[Any]:
    """What another program finds in the file, after the recorded test loss and accuracy."""
    return all_saved(dataset, workshop, folder, [sections], name)[0]


def all_saved(
    dataset: Dataset, workshop: Workshop, folder: Path, levels: list[dict[str, Any]], name: str = "compiled"
) -> list[list[Any]]:
    """The same of several networks."""
    recorded, paths = [], []
    for number, sections in enumerate(levels):
        settings = study_of(training={"epochs": 3}, **sections).base
        record, model = trained(dataset, workshop, settings, name)
        paths.append(str(folder / f"{number}.keras"))
        model.save(paths[-1])
        recorded.append([record.result["test_loss"], record.result["test_accuracy"]])
    np.savez(folder / "test.npz", x=dataset.x[dataset.test], y=dataset.y[dataset.test])
    command = [sys.executable, "-c", SCORE, str(folder / "test.npz"), *paths]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout
    return [[*ours, *theirs] for ours, theirs in zip(recorded, json.loads(output.splitlines()[-1]), strict=True)]


@pytest.mark.parametrize("name", ["compiled", "fit"])
def test_a_saved_network_is_plain_keras_and_scores_what_was_recorded(
    digits: Dataset, workshop: Workshop, tmp_path: Path, name: str
) -> None:
    test_loss, test_accuracy, loss, accuracy, layers, rates, knows_us = saved(
        digits,
        workshop,
        tmp_path,
        name,
        model={"input_block": ["dropout"]},
        underfitting={"batch_norm": True, "optimizer": {"name": "adam", "learning_rate": 0.01}},
        overfitting={"dropout": 0.3, "l2": 1e-4, "early_stopping": {"monitor": "val_loss", "patience": 1}},
    )
    assert accuracy == pytest.approx(test_accuracy, abs=1e-6)
    assert loss == pytest.approx(test_loss, abs=2e-2)  # Keras' loss has the penalty, which the recorded one has not
    assert rates == [0.3, 0.3, 0.3]
    assert not knows_us
    assert {layer.rpartition(".")[2] for layer in layers} == {
        "InputLayer",
        "Rescaling",
        "Dropout",
        "Dense",
        "BatchNormalization",
        "Activation",
    }
    assert all(layer.startswith("keras.") for layer in layers)


def test_a_network_without_dropout_has_no_layer_of_it_and_takes_raw_features(
    workshop: Workshop, tmp_path: Path
) -> None:
    data = {"source": "wine"}
    wine = sources.load(Data(**data), Path())
    test_loss, test_accuracy, loss, accuracy, layers, rates, _ = saved(wine, workshop, tmp_path, data=data)
    assert (loss, accuracy) == (pytest.approx(test_loss, rel=1e-4), pytest.approx(test_accuracy, abs=1e-6))
    assert rates == []
    assert len(layers) == 7  # features, scaling, two times dense and activation, output


def test_training_goes_on_from_a_saved_network(digits: Dataset, workshop: Workshop, tmp_path: Path) -> None:
    settings = study_of(training={"epochs": 5}).base
    path = tmp_path / "model.keras"
    trained(digits, workshop, settings)[1].save(path)
    model = keras.models.load_model(path)
    x, y = digits.x[digits.train], digits.y[digits.train]
    before = model.evaluate(x, y, verbose=0)[0]
    model.fit(x, y, epochs=2, verbose=0)
    assert model.evaluate(x, y, verbose=0)[0] < before
