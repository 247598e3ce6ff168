"""The scores of runs: of the weights that loss and accuracy are of, by every trainer, and by metrics of the user's."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from ablate.data import sources, splits
from ablate.data.dataset import Dataset
from ablate.errors import ModelError
from ablate.results.record import Record
from ablate.settings.metrics import Measured
from ablate.settings.run import Data, RunSettings
from ablate.studies import spec
from ablate.training import data as run_data
from ablate.training import model as plain_model
from ablate.training import trainer
from ablate.training.networks import layers
from ablate.training.scores import scoring
from ablate.training.workshop import Workshop
from tests.conftest import STUDIES
from tests.training.parity import ROUNDING

SEED = 3
METRICS = ["balanced_accuracy", "f1_macro", "roc_auc", "brier"]


@pytest.fixture(autouse=True)
def code_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(STUDIES)


@pytest.fixture(scope="module")
def wine() -> Dataset:
    return sources.load(Data(source="wine"), Path())


@pytest.fixture(scope="module")
def workshop() -> Workshop:
    return Workshop(capacity=8)


def settings_of(metrics: list[str], primary: str = "test_accuracy", **sections: Any) -> RunSettings:
    document = {
        "study": {"name": "scoring", "metrics": metrics, "primary": primary},
        "data": {"source": "wine"},
        "model": {"hidden": [6]},
        "training": {"epochs": 6, "learning_rate": 0.1},
    }
    return spec.build({**document, **sections}, Path("ablations.toml")).base


def trained(settings: RunSettings, wine: Dataset, workshop: Workshop, **options: Any) -> Record:
    return trainer.train("k", settings, SEED, wine, workshop, folder=STUDIES, **options)


def predictions_of(kept: dict[str, Any], settings: RunSettings, wine: Dataset, part: str) -> tuple[Any, Any]:
    """The probabilities that kept weights give to a part of the data, by plain Keras; and its labels."""
    rows = splits.split(wine, settings.data, SEED)
    model = plain_model.build(settings, 13, 3, SEED)
    layers.put_weights(model, kept)
    chosen = getattr(rows, part)
    scaled = run_data.scaling(wine, rows.train)(wine.x[chosen])
    return model(scaled, training=False).numpy(), wine.y[chosen]


def by_scikit_learn(probabilities: Any, labels: Any) -> dict[str, float]:
    taken, wide = probabilities.argmax(axis=1), probabilities.astype(np.float64)
    return {
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(labels, taken),
        "f1_macro": sklearn_metrics.f1_score(labels, taken, average="macro"),
        "roc_auc": sklearn_metrics.roc_auc_score(labels, wide / wide.sum(axis=1, keepdims=True), multi_class="ovr"),
        "brier": np.mean(np.sum((wide - np.eye(3)[labels]) ** 2, axis=1)),
    }


@pytest.mark.parametrize("name", ["compiled", "graph", "fit"])
@pytest.mark.parametrize(
    "rules", [False, {"monitor": "val_f1_macro", "patience": 1}, {"monitor": "val_brier", "patience": 2}]
)
def test_all_figures_are_of_the_kept_weights(name: Any, rules: Any, wine: Dataset, workshop: Workshop) -> None:
    settings = settings_of(METRICS, overfitting={"early_stopping": rules})
    kept: dict[str, Any] = {}
    record = trained(settings, wine, workshop, trainer=name, keep=kept.update)
    assert record.trainer == name
    for side, part in (("train", "train_sample"), ("val", "validation"), ("test", "test")):
        probabilities, labels = predictions_of(kept, settings, wine, part)
        own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
        assert record.result[f"{side}_loss"] == pytest.approx(-np.log(own).mean(), rel=256 * ROUNDING), side
        for metric, value in by_scikit_learn(probabilities, labels).items():
            assert record.result[f"{side}_{metric}"] == pytest.approx(value, abs=1e-5), (side, metric)
    probabilities, labels = predictions_of(kept, settings, wine, "test")
    expected = sklearn_metrics.confusion_matrix(labels, probabilities.argmax(axis=1))
    assert record.held_out is not None
    assert record.held_out.confusion == tuple(map(tuple, expected.tolist()))
    assert record.held_out.classes == wine.classes
    assert record.result["predicted_classes"] == len(np.unique(probabilities.argmax(axis=1)))


def test_the_best_epoch_is_the_best_by_the_monitored_score(wine: Dataset, workshop: Workshop) -> None:
    for monitor, best in (("val_f1_macro", np.argmax), ("val_brier", np.argmin)):
        rules = {"early_stopping": {"monitor": monitor, "patience": 5}}
        record = trained(settings_of(METRICS, overfitting=rules), wine, workshop)
        column = record.history[monitor]
        assert record.result["best_epoch"] == int(best(column)) + 1
        assert record.result[monitor] == column[int(best(column))]


def test_metrics_change_nothing_else(wine: Dataset, workshop: Workshop) -> None:
    plain, scored = (trained(settings_of(names), wine, workshop) for names in ([], METRICS))
    for column in plain.history:
        if column != "seconds":
            assert scored.history[column] == plain.history[column], column
    assert scored.weights == plain.weights
    assert plain.held_out is None
    assert set(plain.result) == set(Measured().result)


def test_the_gap_is_that_of_the_primary_score(wine: Dataset, workshop: Workshop) -> None:
    record = trained(settings_of(METRICS, "test_f1_macro"), wine, workshop)
    columns = record.history
    expected = np.subtract(columns["train_f1_macro"], columns["val_f1_macro"])
    assert columns["gap"] == pytest.approx(expected, abs=1e-12)
    assert record.result["gap"] == pytest.approx(expected[-5:].mean(), abs=1e-12)
    losses = trained(settings_of(METRICS, "test_brier"), wine, workshop).history  # no score that should be high
    assert losses["gap"] == pytest.approx(np.subtract(columns["train_accuracy"], columns["val_accuracy"]), abs=1e-12)


def test_weights_of_no_epoch_are_scored_again(wine: Dataset, workshop: Workshop) -> None:
    class Halve(keras.callbacks.Callback):
        def on_train_end(self, logs: Any = None) -> None:
            self.model.set_weights([weight / 2 for weight in self.model.get_weights()])

    kept: dict[str, Any] = {}
    settings = settings_of(METRICS)
    record = trained(settings, wine, workshop, keep=kept.update, callbacks=lambda: [Halve()])
    probabilities, labels = predictions_of(kept, settings, wine, "validation")
    for metric, value in by_scikit_learn(probabilities, labels).items():
        assert record.result[f"val_{metric}"] == pytest.approx(value, abs=1e-5), metric
    assert record.result["val_brier"] != record.history["val_brier"][-1]


def test_a_keras_metric_of_the_users_is_scored_as_keras_does(wine: Dataset, workshop: Workshop) -> None:
    settings = settings_of(["user_outputs:top_two", "user_outputs:surprise_error"], "test_top_two")
    kept: dict[str, Any] = {}
    record = trained(settings, wine, workshop, keep=kept.update)
    probabilities, labels = predictions_of(kept, settings, wine, "test")
    metric = keras.metrics.SparseTopKCategoricalAccuracy(k=2)
    metric.update_state(labels, probabilities)
    assert record.result["test_top_two"] == pytest.approx(float(metric.result()), abs=1e-6)
    assert record.history["val_surprise_error"] == pytest.approx(record.history["val_loss"], rel=1e-5)
    assert record.result["gap"] == pytest.approx(
        np.subtract(record.history["train_accuracy"], record.history["val_accuracy"])[-5:].mean(), abs=1e-7
    )


def test_a_metric_that_cannot_take_classes_is_an_error_in_words(wine: Dataset, workshop: Workshop) -> None:
    with pytest.raises(ModelError, match=r"user_outputs:of_one_number cannot score .* probabilities of shape .114, 3."):
        trained(settings_of(["user_outputs:of_one_number"]), wine, workshop)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong_way", "of which less is better; the name of the function says otherwise and should end in _error"),
        ("no_metric", "returned int, not a Keras metric"),
    ],
)
def test_what_is_no_metric_of_that_name_is_an_error(name: str, message: str, wine: Dataset) -> None:
    with pytest.raises(ModelError, match=message):
        scoring.of(Measured((f"user_outputs:{name}",)), wine)


def test_a_network_that_knows_one_class_is_seen(wine: Dataset, workshop: Workshop) -> None:
    settings = settings_of(METRICS, underfitting={"init": "zeros"}, training={"epochs": 1, "learning_rate": 1e-6})
    record = trained(settings, wine, workshop)
    assert record.result["predicted_classes"] == 1
    assert record.result["test_balanced_accuracy"] == pytest.approx(1 / 3)
