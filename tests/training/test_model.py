"""The chapter's networks can be written down: layers in order, parameters to the last."""

import hashlib
import inspect
from typing import Any

import keras
import numpy as np
import pytest

from ablate.settings.levels import INITIALIZERS, OPTIMIZERS
from ablate.training import model as plain_model
from tests.conftest import study_of

MNIST_FEATURES = 784

E1 = {"model": {"hidden": [64, 32, 64], "activation": "sigmoid"}}
E5 = {"model": {"hidden": [64, 32, 64]}, "underfitting": {"init": "he_normal"}}
E6 = {
    "model": {"hidden": [64, 32, 64], "block": ["dense", "batch_norm", "dense", "activation"]},
    "underfitting": {"init": "he_normal", "batch_norm": True},
}
E8B = {
    "model": {
        "hidden": [100, 50],
        "activation": "sigmoid",
        "block": ["dense", "activation", "batch_norm", "dropout"],
        "input_block": ["batch_norm", "dropout"],
    },
    "underfitting": {"batch_norm": [[True, True, False]], "optimizer": "rmsprop"},
    "overfitting": {"dropout": [[0.2, 0.2, 0.0]]},
}
E10 = {
    "model": {"hidden": [64, 32, 64], "block": ["dense", "batch_norm", "dropout", "dense", "activation"]},
    "underfitting": {"init": "he_normal", "batch_norm": True},
    "overfitting": {"dropout": [[0.2, 0.0, 0.0]], "l2": 0.01},
}


def build(sections: dict[str, Any], seed: int = 1) -> keras.Model:
    return plain_model.build(study_of(**sections).base, MNIST_FEATURES, 10, seed)


def layers(model: keras.Model) -> list[str]:
    return [layer.name for layer in model.layers[1:]]


@pytest.mark.parametrize(
    ("sections", "parameters", "names"),
    [
        (E1, 55_082, "dense_1 activation_1 dense_2 activation_2 dense_3 activation_3 output"),
        (E5, 55_082, "dense_1 activation_1 dense_2 activation_2 dense_3 activation_3 output"),
        (
            E6,
            65_098,
            " ".join(f"dense_{n} batch_norm_{n} dense_{n}b activation_{n}" for n in (1, 2, 3)) + " output",
        ),
        (
            E8B,
            87_596,
            "batch_norm_input dropout_input dense_1 activation_1 batch_norm_1 dropout_1 dense_2 activation_2 output",
        ),
        (
            E10,
            65_098,
            "dense_1 batch_norm_1 dropout_1 dense_1b activation_1 "
            + " ".join(f"dense_{n} batch_norm_{n} dense_{n}b activation_{n}" for n in (2, 3))
            + " output",
        ),
    ],
    ids=["E1", "E5", "E6", "E8b", "E10"],
)
def test_the_chapters_networks(sections: dict[str, Any], parameters: int, names: str) -> None:
    model = build(sections)
    assert model.count_params() == parameters
    assert layers(model) == names.split()


def test_neutral_levels_leave_their_pieces_out() -> None:
    assert "batch_norm_1" not in layers(build(E6 | {"underfitting": {"batch_norm": False}}))
    assert "dropout_2" not in layers(build(E8B))


def test_init_and_l2_go_to_the_first_dense_of_a_block_alone() -> None:
    model = build(E10)
    assert isinstance(model.get_layer("dense_1").kernel_initializer, keras.initializers.HeNormal)
    assert isinstance(model.get_layer("dense_1b").kernel_initializer, keras.initializers.GlorotUniform)
    assert isinstance(model.get_layer("output").kernel_initializer, keras.initializers.GlorotUniform)
    assert model.get_layer("dense_1").kernel_regularizer.l2 == pytest.approx(0.01)
    assert model.get_layer("dense_1b").kernel_regularizer is None
    assert model.get_layer("output").kernel_regularizer is None


def test_all_layers_are_plain_keras() -> None:
    assert {type(layer).__module__.split(".")[0] for layer in build(E10).layers} == {"keras"}


def kernels(sections: dict[str, Any], seed: int = 1) -> dict[str, str]:
    return {
        layer.name: hashlib.sha256(layer.kernel.numpy().tobytes()).hexdigest()
        for layer in build(sections, seed).layers
        if isinstance(layer, keras.layers.Dense)
    }


@pytest.mark.parametrize(
    "change",
    [
        {"underfitting": {"batch_norm": True}},
        {"underfitting": {"optimizer": "adam"}},
        {"overfitting": {"dropout": 0.5}},
        {"overfitting": {"l2": 0.01}},
        {"overfitting": {"early_stopping": {"patience": 3}}},
    ],
)
def test_treatments_of_a_replicate_share_their_initial_weights(change: dict[str, Any]) -> None:
    baseline = kernels({"model": {"hidden": [64, 32, 64]}})
    assert kernels({"model": {"hidden": [64, 32, 64]}, **change}) == baseline
    assert len(set(baseline.values())) == len(baseline)


def test_only_the_layers_with_another_init_differ_between_its_levels() -> None:
    baseline, changed = kernels({}), kernels({"underfitting": {"init": "he_normal"}})
    assert changed["output"] == baseline["output"]
    assert changed["dense_1"] != baseline["dense_1"]


def test_replicates_differ_in_every_kernel() -> None:
    first, second = kernels(E6, 1), kernels(E6, 2)
    assert all(first[name] != second[name] for name in first)


def test_random_normal_has_the_scale_that_was_asked_for() -> None:
    kernel = build({"underfitting": {"init": {"name": "random_normal", "stddev": 100.0}}}).get_layer("dense_1").kernel
    assert np.std(kernel.numpy()) == pytest.approx(100, rel=0.03)


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({}, 0.01),
        ({"underfitting": {"optimizer": "adam"}}, 0.001),
        ({"underfitting": {"optimizer": "adam"}, "training": {"learning_rate": 0.5}}, 0.5),
        (
            {
                "underfitting": {"optimizer": {"name": "adam", "learning_rate": 0.25}},
                "training": {"learning_rate": 0.5},
            },
            0.25,
        ),
    ],
)
def test_a_level_that_names_a_learning_rate_wins(sections: dict[str, Any], expected: float) -> None:
    assert float(build(sections).optimizer.learning_rate.numpy()) == pytest.approx(expected)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_of_the_catalogue_exists_with_its_arguments(name: str) -> None:
    model = build({"underfitting": {"optimizer": name}})
    assert type(model.optimizer).__name__.lower() == name
    assert set(OPTIMIZERS[name]) <= set(inspect.signature(type(model.optimizer)).parameters)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_initializer_of_the_catalogue_exists_with_its_arguments(name: str) -> None:
    initializer = build({"underfitting": {"init": name}}).get_layer("dense_1").kernel_initializer
    assert set(INITIALIZERS[name]) <= set(inspect.signature(type(initializer)).parameters)
