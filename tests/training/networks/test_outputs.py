"""How models of the user's may end: by probabilities, by one unit for two classes, by logits; and how they may not."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from ablate.data import sources, splits
from ablate.data.dataset import Dataset
from ablate.errors import ModelError
from ablate.settings.run import Data, RunSettings
from ablate.studies import spec
from ablate.training import blueprint as blueprints
from ablate.training import data as run_data
from ablate.training import trainer
from ablate.training.networks import layers, outputs
from ablate.training.workshop import Workshop
from tests.conftest import STUDIES
from tests.training.parity import rounding

SEED, EPOCHS, RATE = 1, 3, 0.05
KINDS = {"one_sigmoid": False, "one_logit": True, "logits": True, "softmax": False}


@pytest.fixture(autouse=True)
def models_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(STUDIES)


@pytest.fixture(scope="module")
def cancer() -> Dataset:
    return sources.load(Data(source="breast_cancer"), Path())


@pytest.fixture(scope="module")
def workshop() -> Workshop:
    return Workshop(capacity=8)


def settings_of(builder: str, *, logits: bool = False, **sections: Any) -> RunSettings:
    document = {
        "study": {"name": "outputs", "metrics": ["brier", "roc_auc"]},
        "data": {"source": "breast_cancer"},
        "model": {"builder": f"user_outputs:{builder}", **({"logits": True} if logits else {})},
        "training": {"epochs": EPOCHS, "learning_rate": RATE},
    }
    return spec.build({**document, **sections}, Path("ablations.toml")).base


def trained(settings: RunSettings, cancer: Dataset, workshop: Workshop, name: Any = "compiled") -> Any:
    return trainer.train("k", settings, SEED, cancer, workshop, trainer=name, folder=STUDIES)


def by_keras(builder: str, dataset: Dataset, settings: RunSettings, weights: Any = None) -> dict[str, list[float]]:
    """The same training as a Keras user writes it; labels have the shape of the output."""
    logits, rows = KINDS[builder], splits.split(dataset, settings.data, SEED)
    model = blueprints.draw(settings, dataset.shape, 2, STUDIES).fresh(SEED)
    one = model.output_shape[-1] == 1
    loss = keras.losses.BinaryCrossentropy if one else keras.losses.SparseCategoricalCrossentropy
    metric = keras.metrics.BinaryAccuracy if one else keras.metrics.SparseCategoricalAccuracy
    metric = metric("accuracy", **({"threshold": 0.0 if logits else 0.5} if one else {}))
    model.compile(keras.optimizers.SGD(RATE), loss(from_logits=logits), metrics=[metric], jit_compile=False)
    scaling = run_data.scaling(dataset, rows.train, dataset.shape)
    x, y = np.asarray(scaling(dataset.x)), dataset.y[:, None] if one else dataset.y
    found: dict[str, list[float]] = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}
    for epoch in range(EPOCHS):
        order = run_data.batch_order(rows.train, SEED, epoch)
        kept = model.fit(x[order], y[order], batch_size=32, shuffle=False, verbose=0, class_weight=weights).history
        held_out = model.evaluate(x[rows.validation], y[rows.validation], verbose=0)
        for name, value in zip(found, (kept["loss"][0], kept["accuracy"][0], *held_out), strict=True):
            found[name].append(value)
    return found


@pytest.mark.parametrize("name", ["compiled", "fit"])
@pytest.mark.parametrize("builder", KINDS)
def test_every_end_trains_as_keras_trains_it(builder: str, name: str, cancer: Dataset, workshop: Workshop) -> None:
    settings = settings_of(builder, logits=KINDS[builder])
    record, expected = trained(settings, cancer, workshop, name), by_keras(builder, cancer, settings)
    bound = rounding(EPOCHS * 12)  # steps; 364 rows in batches of 32
    for column in ("loss", "val_loss"):
        assert record.history[column] == pytest.approx(expected[column], rel=bound), column
    for column, rows in (("accuracy", 364), ("val_accuracy", 91)):
        assert record.history[column] == pytest.approx(expected[column], abs=1.01 / rows), column


@pytest.mark.parametrize("name", ["compiled", "fit"])
@pytest.mark.parametrize("builder", ["one_logit", "softmax"])
def test_weights_of_classes_are_those_of_fit(builder: str, name: str, cancer: Dataset, workshop: Workshop) -> None:
    weights = {"training": {"epochs": EPOCHS, "learning_rate": RATE, "class_weight": {"malignant": 4.0}}}
    settings = settings_of(builder, logits=KINDS[builder], **weights)
    record = trained(settings, cancer, workshop, name)
    expected = by_keras(builder, cancer, settings, {0: 4.0, 1: 1.0})
    plain = trained(settings_of(builder, logits=KINDS[builder]), cancer, workshop)
    for column in ("loss", "val_loss"):
        assert record.history[column] == pytest.approx(expected[column], rel=rounding(EPOCHS * 12)), column
    assert record.history["val_loss"] != plain.history["val_loss"]


def test_one_unit_is_the_second_of_two_probabilities(cancer: Dataset, workshop: Workshop) -> None:
    """A sigmoid of a difference is the softmax of both: equal weights, equal scores."""
    sigmoid, logit = (trained(settings_of(name, logits=KINDS[name]), cancer, workshop) for name in list(KINDS)[:2])
    for column in ("val_loss", "val_brier", "val_roc_auc", "train_brier"):
        assert sigmoid.history[column] == pytest.approx(logit.history[column], rel=rounding(EPOCHS * 12)), column
    assert sigmoid.result["predicted_classes"] == 2
    assert np.sum(sigmoid.held_out.confusion) == len(cancer.test)


def test_label_smoothing_is_that_of_keras_for_one_unit(cancer: Dataset, workshop: Workshop) -> None:
    smoothed = trained(settings_of("one_logit", logits=True, overfitting={"label_smoothing": 0.2}), cancer, workshop)
    plain = trained(settings_of("one_logit", logits=True), cancer, workshop)
    assert smoothed.history["loss"] != plain.history["loss"]
    units = keras.ops.convert_to_tensor([[0.3], [-1.0]])
    labels = np.array([[1.0], [0.0]], np.float32)
    found = float(outputs.loss(1, logits=True, smoothing=0.2)(labels, units))
    targets, chances = np.array([0.9, 0.1]), 1 / (1 + np.exp([-0.3, 1.0]))
    assert found == pytest.approx(-np.mean(targets * np.log(chances) + (1 - targets) * np.log(1 - chances)), rel=1e-6)


def test_smoothing_over_logits_is_smoothing_over_their_softmax() -> None:
    values = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    labels = np.array([0, 1, 2, 3, 0, 1])
    chances = keras.ops.softmax(values)
    one, other = (outputs.SmoothedCrossentropy(0.3, from_logits=logits) for logits in (True, False))
    assert float(one(labels, values)) == pytest.approx(float(other(labels, chances)), rel=1e-5)
    assert outputs.SmoothedCrossentropy.from_config(one.get_config()).get_config() == one.get_config()


@pytest.mark.parametrize(
    ("builder", "logits", "message"),
    [
        ("logits", False, "or say logits = true under .model."),
        ("one_logit", False, "or say logits = true under .model."),
        ("logits_that_start_at_zero", False, "does not end in probabilities"),
        ("inside", False, "does not end in probabilities"),
        ("softmax", True, "ends in a softmax, which gives probabilities and no logits; leave out logits = true"),
        ("softmax_layer", True, "leave out logits = true"),
        ("one_sigmoid", True, "ends in a sigmoid"),
        ("several_sigmoids", False, "as multi-label models do; what is supported is one class for each example"),
        ("sequence", False, "as sequence-to-sequence models have them; what is supported is one class"),
    ],
)
def test_what_does_not_end_as_the_study_says_is_refused(
    builder: str, logits: bool, message: str, cancer: Dataset
) -> None:
    with pytest.raises(ModelError, match=message):
        blueprints.draw(settings_of(builder, logits=logits), cancer.shape, 2, STUDIES)


def test_a_softmax_of_its_own_is_accepted(cancer: Dataset) -> None:
    assert blueprints.draw(settings_of("softmax_layer"), cancer.shape, 2, STUDIES).shape == cancer.shape


def test_one_unit_is_not_enough_for_three_classes() -> None:
    with pytest.raises(ModelError, match="a single unit is for two classes"):
        blueprints.draw(settings_of("one_sigmoid"), (4,), 3, STUDIES)


def test_a_kept_network_says_what_its_record_says(cancer: Dataset, workshop: Workshop) -> None:
    from ablate.training import saving

    settings = settings_of("one_logit", logits=True)
    kept: dict[str, Any] = {}
    record = trainer.train("k", settings, SEED, cancer, workshop, keep=kept.update, folder=STUDIES)
    rows = splits.split(cancer, settings.data, SEED)
    blueprint = blueprints.draw(settings, cancer.shape, 2, STUDIES)
    network = saving.plain_network(settings, run_data.scaling(cancer, rows.train, (30,)), 2, kept, blueprint)
    found = saving.evaluate(network, cancer, rows)
    assert found["test_loss"] == pytest.approx(record.result["test_loss"], rel=1e-5)
    assert found["test_accuracy"] == pytest.approx(record.result["test_accuracy"], abs=1e-6)
    assert layers.parameters(network) >= 30 * 8
