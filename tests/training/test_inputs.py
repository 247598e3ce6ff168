"""Whole numbers that a network looks up reach it as they are; everything else is scaled as it always was."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from ablate.data import sources
from ablate.data.sources import Dataset
from ablate.errors import ModelError
from ablate.results.record import Record
from ablate.settings.run import Data, RunSettings
from ablate.studies import spec
from ablate.training import inputs, trainer
from ablate.training.workshop import Workshop
from ablate.usercode import tokens

MODULE = """
import keras
from keras import layers

def text(input_shape, classes):
    found = [keras.Input(input_shape), layers.Embedding(30, 8), layers.Flatten()]
    return keras.Sequential([*found, layers.Dense(classes, activation="softmax")])

def from_elsewhere(input_shape, classes):
    return text(input_shape, classes)
"""


class Both(layers.Layer):
    """Tokens and their positions, as many examples have it."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = layers.Embedding(30, 4)
        self.positions = layers.Embedding(12, 4)

    def call(self, x: Any) -> Any:
        return self.tokens(x) + self.positions(keras.ops.arange(12))


def a_model(*parts: Any, dtype: str = "float32") -> keras.Model:
    x = start = keras.Input((12,), dtype=dtype, name="tokens")
    for part in parts:
        x = part(x)
    return keras.Model(start, x)


EMBEDDING = {"name": "first"}
LOOKED_UP = {
    "at once": lambda: a_model(layers.Embedding(30, 4, **EMBEDDING)),
    "in another shape": lambda: a_model(layers.Reshape((3, 4)), layers.Flatten(), layers.Embedding(30, 4, **EMBEDDING)),
    "after a cast": lambda: a_model(lambda x: keras.ops.cast(x, "int32"), layers.Embedding(30, 4, **EMBEDDING)),
    "in a model": lambda: a_model(keras.Sequential([keras.Input((12,)), layers.Embedding(30, 4, **EMBEDDING)])),
    "in a sequence": lambda: keras.Sequential(
        [keras.Input((12,)), layers.Reshape((12,)), layers.Embedding(30, 4, **EMBEDDING)]
    ),
    "by every step": lambda: a_model(
        layers.Reshape((12, 1)), layers.TimeDistributed(layers.Embedding(30, 4), **EMBEDDING)
    ),
    "as categories": lambda: a_model(layers.CategoryEncoding(30, **EMBEDDING)),
    "by a dictionary": lambda: a_model(layers.IntegerLookup(vocabulary=[1, 2], **EMBEDDING)),
    "by a hash": lambda: a_model(layers.Hashing(7, **EMBEDDING)),
    "beside something else": lambda: a_model(
        lambda x: layers.Concatenate()([layers.Flatten()(layers.Embedding(30, 4, **EMBEDDING)(x)), x])
    ),
    "in a layer of the user's": lambda: a_model(Both()),
    "as a whole type": lambda: a_model(layers.Flatten(), dtype="int32"),
}
SCALED = {
    "dense": lambda: a_model(layers.Dense(3)),
    "positions": lambda: a_model(
        layers.Reshape((12, 1)), layers.Dense(4), lambda x: x + layers.Embedding(12, 4)(keras.ops.arange(12))
    ),
    "after a normalization": lambda: a_model(layers.BatchNormalization(), layers.Embedding(30, 4)),
}


@pytest.mark.parametrize("where", LOOKED_UP)
def test_layers_that_look_numbers_up_are_found(where: str) -> None:
    assert inputs.looks_up(LOOKED_UP[where]())


@pytest.mark.parametrize("where", SCALED)
def test_networks_that_calculate_with_their_features_have_none(where: str) -> None:
    assert inputs.looks_up(SCALED[where]()) == ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 sentences of 6 tokens; the class is that of the first."""
    home = tmp_path_factory.mktemp("tokens")
    random = np.random.default_rng(0)
    x = random.integers(0, 30, (120, 6))
    for dtype in ("uint8", "int32"):
        np.savez(home / f"{dtype}.npz", x_train=x.astype(dtype), y_train=x[:, 0] // 10)
    (home / "token_models.py").write_text(MODULE)
    (home / "token_others.py").write_text("from token_models import text")
    return home


def settings_of(source: str, **sections: Any) -> RunSettings:
    document = {
        "study": {"name": "s"},
        "data": {"source": source, **sections.pop("data", {})},
        "model": {"builder": "token_models:text"},
        "training": {"epochs": 40, "learning_rate": 0.05},
        "underfitting": {"optimizer": "adam"},
        **sections,
    }
    return spec.build(document, Path("ablations.toml")).base


def train(settings: RunSettings, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Record:
    monkeypatch.syspath_prepend(folder)
    dataset = sources.load(settings.data, folder)
    return trainer.train("k", settings, 1, dataset, Workshop(), trainer="graph", folder=folder, **options)


def test_tokens_are_the_same_whatever_type_they_are_stored_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bytes_, numbers = (train(settings_of(f"{dtype}.npz"), folder, monkeypatch) for dtype in ("uint8", "int32"))
    assert bytes_.result == numbers.result
    assert bytes_.result["train_accuracy"] > 0.95
    assert bytes_.weights == numbers.weights
    assert bytes_.environment["scaling"] == 'as they are, which layer "embedding" looks up'
    assert "auto" in numbers.environment["scaling"]


def test_a_scale_that_is_chosen_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = train(settings_of("uint8.npz", data={"scale": "standard"}), folder, monkeypatch)
    assert record.environment["scaling"] == "standardized"


def test_numbers_that_float32_cannot_hold_are_refused(folder: Path) -> None:
    x = np.array([[2**24 + 1], [1]] * 20)
    blueprint: Any = type("Drawn", (), {"model": a_model(layers.Embedding(2**24 + 2, 1))})
    far = 2**25 + np.arange(40)[:, None]  # would be held as differences from an offset
    for large, words in ((x, "those from 16,777,216 on are not exact in float32"), (far, "a large offset")):
        np.savez(folder / "large.npz", x_train=large, y_train=np.arange(40) % 2)
        dataset = sources.load(Data(source="large.npz"), folder)
        with pytest.raises(ModelError, match=words):
            inputs.as_taken(dataset, settings_of("large.npz"), blueprint, folder)


def test_whole_numbers_of_a_table_reach_an_embedding_as_keras_takes_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither scaled nor less an offset, although they lie far from zero: as `fit` trains on the table itself."""
    random = np.random.default_rng(0)
    tokens_ = 20_000 + random.integers(0, 30, (120, 6))
    table = pd.DataFrame(tokens_, columns=[*"abcdef"]).assign(kind=(tokens_[:, 0] - 20_000) // 10)
    table.to_csv(folder / "far.csv", index=False)
    (folder / "token_far.py").write_text(MODULE.replace("Embedding(30", "Embedding(20_030"))
    model = {"builder": "token_far:text"}
    settings = settings_of("far.csv", data={"source": "far.csv", "label": "kind"}, model=model)
    kept: dict[str, Any] = {}
    record = train(settings, folder, monkeypatch, keep=kept.update)
    assert record.environment["scaling"] == 'as they are, which layer "embedding" looks up'
    assert record.result["train_accuracy"] > 0.95

    import token_far

    network = token_far.text((6,), 3)
    network.set_weights([*kept.values()])  # in the order of layers
    dataset = sources.load(settings.data, folder)
    test = table.iloc[dataset.test]
    network.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = network.evaluate(test[[*"abcdef"]].to_numpy(), test["kind"].to_numpy(), verbose=0)
    assert accuracy == pytest.approx(record.result["test_accuracy"], abs=1e-6)
    assert loss == pytest.approx(record.result["test_loss"], rel=1e-5)  # float32: a mean of 24 terms in another order


def test_a_network_whose_source_does_not_show_it_is_refused(folder: Path, digits: Dataset) -> None:
    """Its key is that of older records, which may be of scaled tokens."""
    dataset = sources.load(Data(source="uint8.npz"), folder)
    (folder / "token_silent.py").write_text("def make(input_shape, classes): return None")
    settings = settings_of("uint8.npz", model={"builder": "token_silent:make"})
    blueprint: Any = type("Drawn", (), {"model": a_model(layers.Embedding(30, 1))})
    with pytest.raises(ModelError, match="say scale = 'none'"):
        inputs.as_taken(dataset, settings, blueprint, folder)
    none = sources.load(Data(source="uint8.npz", scale="none"), folder)
    assert inputs.as_taken(none, settings, blueprint, folder) is none


def test_what_may_be_looked_up_is_seen_in_source_and_file(folder: Path, tmp_path: Path) -> None:
    assert tokens.may_take(settings_of("x.npz"), folder)
    assert tokens.may_take(settings_of("x.npz", model={"builder": "token_others:text"}), folder)
    (folder / "token_dense.py").write_text("def make(input_shape, classes, dtype='int32'): return dtype")
    assert not tokens.may_take(settings_of("x.npz", model={"builder": "token_dense:make"}), folder)
    for name, found in (("at once", True), ("as a whole type", True)):
        LOOKED_UP[name]().save(tmp_path / "model.keras")
        assert tokens.may_take(settings_of("x.npz", model={"file": "model.keras"}), tmp_path) is found
    SCALED["dense"]().save(tmp_path / "model.keras")
    assert not tokens.may_take(settings_of("x.npz", model={"file": "model.keras"}), tmp_path)


def small(high: int) -> Dataset:
    """Forty examples of three numbers; one number of one training example is `high`."""
    x = np.random.default_rng(1).integers(0, 30, (40, 3), dtype=np.uint8)
    x[7, 1] = high
    y, rows = np.arange(40, dtype=np.int32) % 2, np.arange(40, dtype=np.int32)
    return Dataset(x, y, ("a", "b"), rows[:30], rows[30:], "divide", 255.0, automatic=True)


@pytest.mark.parametrize(
    ("made", "high", "fits"),
    [
        (lambda: [layers.Embedding(30, 2)], 29, True),
        (lambda: [layers.Embedding(30, 2)], 30, False),
        (lambda: [keras.Sequential([keras.Input((3,)), layers.Embedding(30, 2)])], 30, False),
        (lambda: [lambda x: x[:, :1], layers.Embedding(30, 2)], 30, True),  # the column with it is not looked up
        (lambda: [lambda x: x[:, 1:], layers.Embedding(30, 2)], 30, False),
    ],
)
def test_numbers_without_a_row_are_refused(made: Any, high: int, fits: bool) -> None:
    """XLA would take the nearest row, and train on another token than the data has."""
    x = start = keras.Input((3,))
    for part in made():
        x = part(x)
    model = keras.Model(start, layers.Dense(2)(layers.Flatten()(x)))
    if fits:
        inputs.check_range(model, small(high))
        return
    with pytest.raises(ModelError, match=r"has no place for some of the data's: 30 is not in \[0, 30\)"):
        inputs.check_range(model, small(high))


@pytest.mark.parametrize("by", ["compiled", "graph", "fit"])
def test_no_trainer_trains_on_numbers_without_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: Any) -> None:
    (tmp_path / "in_range.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    document = {"study": {"name": "s"}, "data": {"source": "digits"}, "training": {"epochs": 1}}
    settings = spec.build({**document, "model": {"builder": "in_range:text"}}, tmp_path / "ablations.toml").base
    with pytest.raises(ModelError, match=r"30 is not in \[0, 30\)"):
        trainer.train("k", settings, 1, small(30), Workshop(), trainer=by, folder=tmp_path)


def test_features_that_somebody_has_scaled_are_not_looked_up_as_they_are() -> None:
    start = keras.Input((3,))
    model = keras.Model(start, layers.Embedding(30, 2)(start))
    inputs.check_range(model, replace(small(30), automatic=False))
    with pytest.raises(ModelError, match=r"30 is not in \[0, 30\)"):
        inputs.check_range(model, replace(small(30), automatic=False, scale="none"))
