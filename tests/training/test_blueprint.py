"""Models of the user's are trained as ours are: by shared programs, with paired seeds (as in `fit`: `test_parity`)."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ablate.data import splits
from ablate.data.sources import Dataset
from ablate.errors import ModelError
from ablate.results.record import Record
from ablate.settings.run import RunSettings
from ablate.training import blueprint as blueprints
from ablate.training import data as run_data
from ablate.training import saving, trainer
from ablate.training.blueprint import Blueprint
from ablate.training.networks import layers, surgery
from ablate.training.workshop import Workshop
from tests.conftest import STUDIES
from tests.stranger import Stranger


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(STUDIES)


def settings_of(builder: str, **sections: Any) -> RunSettings:
    reference = builder if ":" in builder else f"user_models:{builder}"
    model = {"hidden": [], "builder": reference, **sections.pop("model", {})}
    document: Any = {"study": {"name": "own"}, "data": {"source": "digits"}, "training": {"epochs": 2}, **sections}
    from ablate.studies import spec

    document["data"] = {"source": "digits", **document["data"]}
    document["model"] = {name: value for name, value in model.items() if value}
    return spec.build(document, Path("ablations.toml")).base


def train(dataset: Dataset, workshop: Workshop, settings: RunSettings, seed: int = 1, **options: Any) -> Record:
    return trainer.train("k", settings, seed, dataset, workshop, folder=STUDIES, **options)


def drawn(builder: str, shape: tuple[int, ...] = (8, 8), **sections: Any) -> Blueprint:
    return blueprints.draw(settings_of(builder, **sections), shape, 10, STUDIES)


def facts(record: Record) -> Any:
    history = {name: values for name, values in record.history.items() if name != "seconds"}
    return repr((history, record.result, record.probes, record.status, record.weights))


@pytest.mark.parametrize(("builder", "name"), [("make_cnn", "compiled"), ("make_dense", "compiled")])
def test_a_run_is_the_same_after_any_other(digits: Dataset, builder: str, name: str) -> None:
    workshop = Workshop()
    settings = settings_of(builder, underfitting={"optimizer": "adam"})
    first, other, again = (train(digits, workshop, settings, seed) for seed in (1, 2, 1))
    assert first.trainer == name
    assert [record.seconds["compile"] > 0 for record in (first, other, again)] == [True, False, False]
    assert facts(first) == facts(again) != facts(other)


def test_treatments_share_the_initial_weights_of_layers_that_are_the_same() -> None:
    def weights(seed: int, **remedies: Any) -> dict[str, Any]:
        found = drawn("make_cnn", overfitting=remedies.pop("off", {}), underfitting=remedies).fresh(seed)
        return {name: weight for name, weight in layers.weights_by_layer(found).items() if weight.ndim > 1}

    plain, dropout, norm = weights(1), weights(1, off={"dropout": 0.5}), weights(1, batch_norm=True)
    he, other = weights(1, init="he_normal"), weights(2)
    assert set(plain) == {"conv2d/0", "dense/0"}
    for name, weight in plain.items():
        np.testing.assert_array_equal(weight, dropout[name])
        np.testing.assert_array_equal(weight, norm[name])
        assert not np.array_equal(weight, other[name])
    np.testing.assert_array_equal(plain["dense/0"], he["dense/0"])
    assert not np.array_equal(plain["conv2d/0"], he["conv2d/0"])


def test_every_layer_and_mask_has_a_seed_of_its_own() -> None:
    model = drawn("make_dense", overfitting={"dropout": 0.5}).fresh(1)
    found = dict(layers.walk(model))
    seeds = [found["inner/dense"].kernel_initializer.seed, found["inner/dense_1"].kernel_initializer.seed]
    seeds += [found["dense_2"].kernel_initializer.seed, found["inner/dropout"].seed, found["gaussian_noise"].seed]
    assert len(set(seeds)) == 5
    again = dict(layers.walk(drawn("make_dense", overfitting={"dropout": 0.5}).fresh(1)))
    assert list(again) == list(found)  # names do not count the models that were made before


def test_dropout_inside_a_model_becomes_a_variable_rate_and_silences(digits: Dataset) -> None:
    workshop = Workshop()
    with_it = train(digits, workshop, settings_of("make_dense", overfitting={"dropout": 0.5}))
    without = train(digits, workshop, settings_of("make_dense"))
    assert with_it.result["parameters"] == without.result["parameters"] == 64 * 12 + 12 + 12 * 8 + 8 + 8 * 10 + 10
    assert with_it.history["loss"] != without.history["loss"]
    from ablate.training.networks.surgery import VariableDropout
    from ablate.training.program import Program

    blueprint = drawn("make_dense", overfitting={"dropout": 0.5})
    program = Program("p", settings_of("make_dense", overfitting={"dropout": 0.5}), 64, 10, blueprint=blueprint)
    assert [name for name, layer in layers.walk(program.model) if isinstance(layer, VariableDropout)] == [
        "inner/dropout"
    ]


def test_weights_that_the_builder_decides_are_every_runs_start() -> None:
    blueprint = drawn("make_pretrained")
    for seed in (1, 2):
        model = blueprint.fresh(seed)
        assert (model.get_layer("pretrained").kernel.numpy() == 0.25).all()
    one, other = (blueprint.fresh(seed).get_layer("new").kernel.numpy() for seed in (1, 2))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        ("seeds_everything", "sets the seed of all random numbers"),
        ("logits", "does not end in probabilities, .* it should end in Dense.10, activation='softmax'."),
        ("one_class", r"ends in shape \(1,\); for 10 classes it should end in Dense"),
        ("other_input", r"takes examples of shape \(5,\), and the data has \(8, 8\)"),
        ("no_model", "returned str, not a Keras model"),
        ("lambda_layer", r"layer 'lambda' \(Lambda\) cannot be made from its get_config"),
        ("subclassed", r"the layers of a subclassed model \(Subclassed\) cannot be copied; make it of layers"),
        ("other_every_time", "returned two different networks"),
        ("user_architectures:weights_beside_their_layer", "takes weights as an argument .* use them inside a layer"),
        ("user_architectures:random_numbers_beside_layers", "'add' takes random numbers as an argument"),
        ("user_networks:raises", r"user_networks:raises raised ValueError: no such thing .user_networks.py, line \d+."),
        ("user_networks:four_classes", r"ends in shape \(4,\); for 10 classes it should end in Dense"),
        ("user_architectures:silent", r"layer 'silent' \(Silent\) cannot be made from its get_config"),
    ],
)
def test_what_is_wrong_with_a_model_is_said(digits: Dataset, builder: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        drawn(builder).fresh(1)


def test_remedies_are_put_into_what_a_builder_without_parameters_returns() -> None:
    """The weights that layers have with and without them are the same, and every mask has a seed of its own."""
    every = {"overfitting": {"dropout": 0.5, "l2": 0.01}, "underfitting": {"batch_norm": True}}
    plain, treated = drawn("user_networks:build").fresh(1), drawn("user_networks:build", **every).fresh(1)
    before, after = layers.weights_by_layer(plain), layers.weights_by_layer(treated)
    for name, weight in before.items():
        np.testing.assert_array_equal(weight, after[name])
    assert set(after) - set(before) == {f"{name}_batch_norm/{n}" for name in ("conv", "dense") for n in range(4)}
    seeds = {name: layer.seed for name, layer in layers.walk(treated) if isinstance(layer, keras.layers.Dropout)}
    alone = drawn("user_networks:build", overfitting={"dropout": 0.5}).fresh(1)
    assert seeds == {name: alone.get_layer(name).seed for name in ("conv_dropout", "dense_dropout")}
    assert len(set(seeds.values())) == 2
    he = layers.weights_by_layer(drawn("user_networks:build", underfitting={"init": "he_normal"}).fresh(1))
    assert [name for name in before if not np.array_equal(before[name], he[name])] == ["conv/0", "dense/0"]


def test_own_random_layers_keep_their_masks_when_layers_are_put_in() -> None:
    found = [
        dict(layers.walk(drawn("user_models:make_dense", **sections).fresh(1)))
        for sections in ({}, {"underfitting": {"batch_norm": True}})
    ]
    assert len(found[1]) > len(found[0])
    assert found[0]["gaussian_noise"].seed == found[1]["gaussian_noise"].seed


def test_a_parameter_that_the_builder_has_wins() -> None:
    blueprint = drawn("make_cnn", overfitting={"dropout": 0.25, "max_norm": 1.0})
    names = [name for name, _ in layers.walk(blueprint.model)]
    assert "dropout" in names
    assert not [name for name in names if name.endswith("_dropout")]
    assert {note.remedy for note in blueprint.notes} == {"max_norm"}


def test_pretrained_layers_start_anew_where_init_is_compared_and_only_there(tmp_path: Path) -> None:
    settings = {"underfitting": {"init": "he_normal"}}
    begun = drawn("make_pretrained", **settings).fresh(1)
    assert not (begun.get_layer("pretrained").kernel.numpy() == 0.25).any()
    keras.Sequential(
        [
            keras.Input((8, 8)),
            keras.layers.Flatten(),
            keras.layers.Dense(5, "relu", name="one"),
            keras.layers.Dense(5, "relu", name="two"),
            keras.layers.Dense(10, "softmax", name="out"),
        ]
    ).save(tmp_path / "start.keras")

    def begin(**sections: Any) -> Blueprint:
        chosen: Any = {"file": str(tmp_path / "start.keras"), "remedy_layers": ["one"], "builder": ""}
        return blueprints.draw(settings_of("", model=chosen, **sections), (8, 8), 10, STUDIES)

    before = layers.weights_by_layer(begin().fresh(1))
    after, other = (layers.weights_by_layer(begin(**settings).fresh(seed)) for seed in (1, 2))
    assert [name for name in before if not np.array_equal(before[name], after[name])] == ["one/0"]
    assert not np.array_equal(after["one/0"], other["one/0"])
    told = next(note.text for note in begin(**settings).notes if note.done)
    assert told.startswith("new weights instead of those that it came with")
    halved = layers.weights_by_layer(begin(overfitting={"dropout": 0.5}).fresh(3))
    assert all(np.array_equal(weight, before[name]) for name, weight in halved.items())


def test_a_run_with_remedies_put_in_trains_saves_and_scores_as_recorded(
    stranger: Stranger, digits: Dataset, tmp_path: Path
) -> None:
    workshop = Workshop()
    settings = settings_of(
        "user_networks:build",
        overfitting={"dropout": 0.3, "l2": 0.001},
        underfitting={"batch_norm": True, "init": "he_normal"},
    )
    kept: dict[str, Any] = {}
    record = train(digits, workshop, settings, keep=kept.update)
    assert record.environment["remedies_put_in"]["dropout"].startswith("conv, dense: after its activation; not out: is")
    shown = {probe.layer for probe in record.probes if probe.kind == "activations"}
    assert shown == {"conv", "dense", "out"}  # by the names that they have in every treatment
    blueprint = workshop.blueprint(settings, digits, STUDIES)
    assert blueprint is not None
    scaling = run_data.scaling(digits, splits.split(digits, settings.data, 1).train, blueprint.shape)
    saving.plain_network(settings, scaling, 10, kept, blueprint).save(tmp_path / "model.keras")
    test = digits.x[digits.test].reshape(-1, 8, 8)
    np.savez(tmp_path / "test.npz", x=test, y=digits.y[digits.test])
    found = stranger.score(tmp_path / "model.keras", tmp_path / "test.npz")
    assert found.accuracy == pytest.approx(record.result["test_accuracy"], abs=1e-6)
    assert not found.modules & {"ablate", "user_networks"}


def test_an_input_of_as_many_numbers_is_fed_in_its_shape() -> None:
    model = keras.Sequential([keras.Input((16, 4)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
    assert blueprints._checked(model, "it", (8, 8), 10, logits=False) == (16, 4)
    anything = keras.Sequential(
        [keras.Input((None, 8)), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(10, "softmax")]
    )
    assert blueprints._checked(anything, "it", (8, 8), 10, logits=False) == (8, 8)


def test_a_saved_model_is_plain_keras_and_goes_on_from_there(
    stranger: Stranger, digits: Dataset, tmp_path: Path
) -> None:
    """It takes examples as they are in the data, and scores what was recorded; its file can be a study's model."""
    workshop = Workshop()
    settings = settings_of("make_cnn", overfitting={"dropout": 0.3}, underfitting={"optimizer": "adam"})
    kept: dict[str, Any] = {}
    record = train(digits, workshop, settings, keep=kept.update)
    blueprint = workshop.blueprint(settings, digits, STUDIES)
    assert blueprint is not None
    scaling = run_data.scaling(digits, splits.split(digits, settings.data, 1).train, blueprint.shape)
    path = tmp_path / "model.keras"
    saving.plain_network(settings, scaling, 10, kept, blueprint).save(path)
    test = digits.x[digits.test].reshape(-1, 8, 8)
    np.savez(tmp_path / "test.npz", x=test, y=digits.y[digits.test])
    found = stranger.score(path, tmp_path / "test.npz")
    assert found.loss == pytest.approx(record.result["test_loss"], rel=1e-4)
    assert found.accuracy == pytest.approx(record.result["test_accuracy"], abs=1e-6)
    assert not found.modules & {"ablate", "user_models"}
    read = saving.read_weights(path, settings, digits, blueprint)
    assert all(np.array_equal(read[name], kept[name]) for name in kept)
    with pytest.raises(ModelError, match="are not those of this network"):
        layers.put_weights(blueprint.fresh(1), {})

    from dataclasses import replace

    raw = settings_of("", model={"builder": "", "file": str(path)}, data={"source": "digits", "scale": "none"})
    unscaled = replace(digits, scale="none", divisor=1.0)
    begun = [train(unscaled, workshop, raw, seed) for seed in (1, 2)]
    starts = [
        [probe for probe in each.probes if (probe.kind, probe.moment) == ("weights", "initial")] for each in begun
    ]
    assert starts[0] == starts[1]
    assert begun[0].weights != begun[1].weights


def test_probes_look_at_kernels_and_activations_by_name(digits: Dataset) -> None:
    record = train(digits, Workshop(), settings_of("make_cnn"))
    seen = [(probe.layer, probe.kind) for probe in record.probes if probe.moment == "end"]
    assert seen == [
        ("conv2d", "weights"),
        ("dense", "weights"),
        ("activation", "activations"),
        ("dense", "activations"),
    ]
    (image,) = (probe for probe in record.probes if probe.layer == "activation" and probe.moment == "end")
    assert image.dead is not None
    assert sum(image.counts) == 1000 * 6 * 6 * 4


ARCHITECTURES = (
    "masked_recurrent",
    "masked_pooling",
    "masked_attention",
    "masked_sequential",
    "masking",
    "operations",
    "shared_and_nested",
    "wrapped",
    "compiled",
)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_copies_and_saved_networks_give_what_the_users_model_gives(digits: Dataset, tmp_path: Path, name: str) -> None:
    """Bit for bit, with the same weights; also where dropouts were replaced, and as a file that Keras loads."""
    blueprint = drawn(f"user_architectures:{name}")
    x = np.asarray(digits.x[:20], np.float32).reshape(-1, 8, 8)
    weights = layers.weights_by_layer(blueprint.model)
    settings = settings_of(f"user_architectures:{name}")
    expected = blueprint.model(x, training=False).numpy()
    for copied in (blueprint.fresh(1), surgery.prepare(blueprint.fresh(2), None, None)):
        layers.put_weights(copied, weights)
        np.testing.assert_array_equal(copied(x, training=False).numpy(), expected)
        assert not any(part.compiled for part in copied._flatten_layers() if isinstance(part, keras.Model))
    path = tmp_path / "network.keras"
    saving.plain_network(settings, unscaled(), 10, weights, blueprint).save(path)
    loaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(loaded(x, training=False).numpy(), expected)


def unscaled() -> run_data.Scaling:
    return run_data.Scaling(tf.zeros(64), tf.ones(64), (8, 8))


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("masked_recurrent", "masked_attention")]


@pytest.mark.parametrize("name", ["masked_sequential", "shared_and_nested", *SLOW])
def test_every_trainer_trains_networks_with_masks_and_operations_alike(digits: Dataset, name: str) -> None:
    """As `fit` does under XLA; 1e-4 is a thousand roundings of float32 (6e-8) that training adds up and amplifies."""
    settings = settings_of(
        f"user_architectures:{name}", training={"epochs": 1, "batch_size": 100}, data={"scale": "none"}
    )
    workshop = Workshop()
    found = {way: train(digits, workshop, settings, trainer=way) for way in ("compiled", "graph", "fit")}
    assert {way: record.trainer for way, record in found.items()} == {way: way for way in found}
    for record in found.values():
        for column, values in found["fit"].history.items():
            if column != "seconds":
                np.testing.assert_allclose(record.history[column], values, rtol=1e-4, atol=1e-6)
