"""The compiled epoch against its oracle, `model.fit(jit_compile=True)` fed the same batches."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from ablate.results.record import Record
from ablate.study import sources, splits
from ablate.study.levels import OPTIMIZERS
from ablate.study.settings import Data, RunSettings
from ablate.study.sources import Dataset
from ablate.training import model as plain_model
from ablate.training import trainer
from ablate.training.trainer import Workshop
from tests.conftest import study_of

COMPARED = ("loss", "accuracy", "train_loss", "train_accuracy", "val_loss", "val_accuracy")


class Predictions(keras.callbacks.Callback):
    """What the model says of the test set in the end."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__()
        test = dataset.x[dataset.test] / np.float32(dataset.divisor)
        self._features = (test - test.mean(axis=0)) if dataset.scale == "standard" else test
        self.classes = np.empty(0)

    def on_train_end(self, logs: Any = None) -> None:
        self.classes = self.model(self._features, training=False).numpy()


def both(dataset: Dataset, workshop: Workshop, **sections: Any) -> tuple[Record, Record]:
    """Train with both trainers, and compare what the networks predict."""
    settings = study_of(training={"epochs": 3}, **sections).base
    ours, theirs = Predictions(dataset), Predictions(dataset)
    compiled = trainer.train("k", settings, 1, dataset, workshop, callbacks=lambda: [ours])
    oracle = trainer.train("k", settings, 1, dataset, workshop, trainer="fit", callbacks=lambda: [theirs])
    assert (compiled.trainer, oracle.trainer) == ("compiled", "fit")
    np.testing.assert_allclose(ours.classes, theirs.classes, atol=1e-4)
    return compiled, oracle


def assert_equal(compiled: Record, oracle: Record, tolerance: float = 1e-5) -> None:
    for name in COMPARED:
        np.testing.assert_allclose(compiled.history[name], oracle.history[name], rtol=tolerance, atol=1e-7)
    for name in ("test_loss", "test_accuracy"):
        assert compiled.result[name] == pytest.approx(oracle.result[name], rel=1e-4)
    assert len(compiled.probes) == len(oracle.probes)
    for ours, theirs in zip(compiled.probes, oracle.probes, strict=True):
        assert (ours.layer, ours.kind, ours.moment) == (theirs.layer, theirs.kind, theirs.moment)
        assert ours.sd == pytest.approx(theirs.sd, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch-norm"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_trains_as_in_fit(
    digits: Dataset, workshop: Workshop, optimizer: str, batch_norm: bool
) -> None:
    assert len(digits.train) % 32 != 0  # so that the last batch is a partial one
    compiled, oracle = both(digits, workshop, underfitting={"optimizer": optimizer, "batch_norm": batch_norm})
    assert_equal(compiled, oracle)
    assert compiled.history["loss"][-1] != compiled.history["loss"][0]


def test_l2_and_a_learning_rate_train_as_in_fit(digits: Dataset, workshop: Workshop) -> None:
    compiled, oracle = both(
        digits,
        workshop,
        overfitting={"l2": 0.01},
        underfitting={"optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": True, "learning_rate": 0.1}},
    )
    assert_equal(compiled, oracle)
    assert compiled.history["loss"][-1] > compiled.history["train_loss"][-1] + 0.01


def test_two_classes_and_standardized_features_train_as_in_fit(workshop: Workshop) -> None:
    data = {"source": "breast_cancer"}
    dataset = sources.load(Data(**data), Path())
    assert len(dataset.classes) == 2
    assert_equal(*both(dataset, workshop, data=data))


def test_the_chapters_block_with_early_stopping_trains_as_in_fit(digits: Dataset, workshop: Workshop) -> None:
    compiled, oracle = both(
        digits,
        workshop,
        model={"hidden": [16, 8], "block": ["dense", "batch_norm", "dense", "activation"]},
        underfitting={"batch_norm": True, "optimizer": {"name": "adam", "learning_rate": 0.1}},
        overfitting={"early_stopping": {"monitor": "val_accuracy", "patience": 1}},
    )
    assert_equal(compiled, oracle)
    assert compiled.result["stopped_epoch"] == oracle.result["stopped_epoch"]
    assert compiled.result["best_epoch"] == oracle.result["best_epoch"]


SEEDS = range(1, 31)


def in_plain_fit(settings: RunSettings, seed: int, dataset: Dataset) -> float:
    """Training loss after `model.fit` as anybody would call it: no XLA, Keras' own shuffling and Keras' `Dropout`."""
    rows = splits.split(dataset, settings.data, seed)
    x, y = dataset.x[rows.train] / np.float32(dataset.divisor), dataset.y[rows.train]
    model = plain_model.build(settings, dataset.x.shape[1], len(dataset.classes), seed)
    plain_model.compile_model(model, settings, jit_compile=False)
    model.fit(x, y, batch_size=settings.training.batch_size, epochs=settings.training.epochs, verbose=0)
    return float(keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, model(x, training=False))))


@pytest.mark.slow
@pytest.mark.parametrize("dropout", [0.0, 0.3], ids=["plain", "dropout"])
def test_plain_fit_agrees_over_seeds(digits: Dataset, workshop: Workshop, dropout: float) -> None:
    """Batches and masks differ, so only the distribution over seeds can agree: paired differences around zero.

    Three standard errors: with these 30 seeds fixed, an honest pair of trainers passes with probability 0.995. The
    second half shows that the test could fail: against another rate or batch size it does.
    """
    study = study_of(
        data={"train_size": 400},
        training={"epochs": 8, "learning_rate": 0.1},
        overfitting={"dropout": dropout},
        factors={"training.batch_size": [32, 64]},
    )
    theirs = np.array([in_plain_fit(study.base, seed, digits) for seed in SEEDS])

    def standard_errors(settings: RunSettings) -> float:
        records = [trainer.train("k", settings, seed, digits, workshop) for seed in SEEDS]
        difference = np.array([record.history["train_loss"][-1] for record in records]) - theirs
        return float(abs(difference.mean()) / (difference.std(ddof=1) / np.sqrt(len(difference))))

    assert standard_errors(study.base) < 3
    assert standard_errors(study.settings({"training.batch_size": 64})) > 3
