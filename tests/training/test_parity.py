"""The compiled epoch is the algorithm of Keras' `model.fit`.

That is seen in float64, where training enlarges rounding to 1e-11 or so and a mistake is a million times larger. In
float32 two programs that XLA arranges differently may drift apart by as much as a mistake would make them: batch norm
and Adam divide by small numbers, and how much comes of that on one processor says nothing of another.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import keras
import numpy as np
import pytest

from ablate.data import splits
from ablate.data.sources import Dataset
from ablate.settings.levels import OPTIMIZERS
from ablate.settings.run import RunSettings
from ablate.training import model as plain_model
from ablate.training import trainer
from ablate.training.workshop import Workshop
from tests.conftest import study_of
from tests.training import parity

TOLERANCE = 1e-9  # relative, of every number of the history and of every prediction

PLATEAU = {"name": "plateau", "patience": 1, "min_delta": 0.5, "factor": 0.5}  # no epoch improves by so much
STRENGTH = 2.0**-6  # Keras makes a float32 of it, which has to be exact
SGD = {"name": "sgd", "momentum": 0.9, "nesterov": True, "learning_rate": 0.1}
CHAPTER = {
    "model": {"hidden": [8, 8], "block": ["dense", "batch_norm", "dense", "activation"]},
    "underfitting": {"batch_norm": True, "optimizer": {"name": "adam", "learning_rate": 0.1}},
    "overfitting": {"early_stopping": {"monitor": "val_accuracy", "patience": 1}},
}
# Batch norm takes away what is the same for all rows of a batch, and with it the gradient of a bias before it. Lion
# takes the sign of the rounding that is left. With a tanh between the two every weight has a gradient.
SIGNED = {"model": {"activation": "tanh", "block": ["dense", "activation", "batch_norm"]}}

REMEDIES: dict[str, Any] = {
    "l1": {"overfitting": {"l1": STRENGTH}},
    "l2": {"overfitting": {"l2": STRENGTH}},
    "l1-l2": {"overfitting": {"l1": STRENGTH, "l2": STRENGTH}},
    "weight_decay": {"overfitting": {"weight_decay": 0.5}},
    "max_norm": {"overfitting": {"max_norm": 0.5}},
    "label_smoothing": {"overfitting": {"label_smoothing": 0.2}},
    "dropout": {"overfitting": {"dropout": 0.3}},
    "cosine": {"underfitting": {"learning_rate_schedule": {"name": "cosine", "warmup": 1}}},
    "step": {"underfitting": {"learning_rate_schedule": {"name": "step", "every": 1}}},
    "plateau": {"underfitting": {"learning_rate_schedule": PLATEAU}},
    "identity": {"underfitting": {"init": "identity"}},
    "momentum": {"underfitting": {"optimizer": SGD}},
    "two-classes-standardized": {"data": {"source": "breast_cancer"}},
    "chapter-early-stopping": CHAPTER,
    # Keras makes float32 of weights, which these are exactly
    "class-weights": {"training": {"class_weight": {"0": 4.0, "3": 0.25, "8": 2.0}, "learning_rate": 0.1}},
    "class-weights-smoothed": {
        "training": {"class_weight": {"0": 4.0, "3": 0.25}},
        "overfitting": {"label_smoothing": 0.2, "dropout": 0.3},
    },
    "activation-of-the-users": {"model": {"activation": "user_code:my_silu"}},
}

NUMBER = {"source": "diabetes", "task": "regression"}
REGRESSIONS: dict[str, Any] = {
    "mse": {"data": NUMBER},
    "mae": {"data": NUMBER, "training": {"loss": "mae"}},
    "huber": {"data": NUMBER, "training": {"loss": "huber"}},
    "penalties": {"data": NUMBER, "overfitting": {"l1": STRENGTH, "l2": STRENGTH}},
    "adam-norm-dropout": {
        "data": NUMBER,
        "underfitting": {"optimizer": "adam", "batch_norm": True},
        "overfitting": {"dropout": 0.3},
    },
    "early-stopping": {
        "data": NUMBER,
        "training": {"epochs": 6, "learning_rate": 0.3},
        "overfitting": {"early_stopping": {"monitor": "val_mae", "patience": 1}},
    },
}


@pytest.fixture(scope="module")
def float64() -> Iterator[ProcessPoolExecutor]:
    """A process in which everything is float64. It keeps its programs, as a worker does."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=parity.in_float64) as process:
        yield process


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch-norm"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_trains_as_in_fit(float64: ProcessPoolExecutor, optimizer: str, batch_norm: bool) -> None:
    sections: dict[str, Any] = {"underfitting": {"optimizer": optimizer, "batch_norm": batch_norm}}
    if optimizer == "lion" and batch_norm:
        sections |= SIGNED
    trainer = "compiled" if batch_norm else "graph"  # the same epoch; XLA needs another second
    assert float64.submit(parity.distance, sections, trainer).result() < TOLERANCE


@pytest.mark.parametrize("name", REMEDIES)
def test_every_remedy_trains_as_in_fit(float64: ProcessPoolExecutor, name: str) -> None:
    assert float64.submit(parity.distance, REMEDIES[name]).result() < TOLERANCE


@pytest.mark.parametrize(
    ("name", "trainer"),
    [
        *((name, "graph") for name in REGRESSIONS),
        *((name, "compiled") for name in ("mse", "huber")),  # the same epoch; XLA needs another second
        *((name, "fit") for name in REGRESSIONS if "dropout" not in name),  # whose masks are Keras' own there
    ],
)
def test_every_regression_trains_as_in_fit(float64: ProcessPoolExecutor, name: str, trainer: str) -> None:
    assert float64.submit(parity.distance, REGRESSIONS[name], trainer).result() < TOLERANCE


@pytest.mark.parametrize(
    ("sections", "one", "other"),
    [
        ({"underfitting": {"optimizer": "adam", "batch_norm": True}}, "compiled", "fit"),
        ({"underfitting": {"optimizer": "adam", "batch_norm": True}}, "compiled", "graph"),
        ({"underfitting": {"optimizer": "adam"}, "model": {"builder": "user_models:make_images"}}, "compiled", "fit"),
        pytest.param(
            {"underfitting": {"batch_norm": True}, "model": {"builder": "user_models:make_cnn"}},
            "graph",
            "fit",
            marks=pytest.mark.slow,
        ),
        *(
            pytest.param({"model": {"builder": f"user_models:{name}"}}, "compiled", "fit", marks=pytest.mark.slow)
            for name in ("make_sequences", "make_attention")
        ),
    ],
    ids=["fit", "graph", "images", "convolutions", "sequences", "attention"],
)
def test_every_trainer_trains_and_looks_at_layers_alike(
    float64: ProcessPoolExecutor, sections: Any, one: str, other: str
) -> None:
    assert float64.submit(parity.distance_between, sections, one, other).result() < TOLERANCE


@pytest.mark.parametrize("mistake", parity.MISTAKES)
def test_a_mistake_would_be_seen(float64: ProcessPoolExecutor, mistake: str) -> None:
    sections = {"underfitting": {"optimizer": "adam"}}
    assert float64.submit(parity.distance, sections, "graph", mistake).result() > 1000 * TOLERANCE


def test_in_float32_it_is_as_near_as_rounding_allows() -> None:
    """The type that studies train in. See `parity.rounding` for the bound, which a slightly larger rate exceeds."""
    sections: dict[str, Any] = {"training": {"epochs": 1, "learning_rate": 0.01}}
    settings, faster = parity.settings_of(sections), {"training": {**sections["training"], "learning_rate": 0.011}}
    oracle = parity.by_plain_fit(settings)
    allowed = parity.rounding(steps=7)
    ours, wrong = parity.by_the_package(settings), parity.by_the_package(parity.settings_of(faster))
    assert ours.predictions.dtype == np.float32
    np.testing.assert_allclose(ours.predictions, oracle.predictions, rtol=allowed)
    np.testing.assert_allclose(ours.history["val_loss"], oracle.history["val_loss"], rtol=allowed)
    assert np.abs(wrong.predictions / oracle.predictions - 1).max() > 10 * allowed


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
