"""Remedies that put layers into networks of both kinds are what somebody would write in plain Keras."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from ablate.data.dataset import Dataset
from ablate.errors import ModelError
from ablate.settings.run import Model, RunSettings
from ablate.training import model as plain_model
from ablate.training import trainer
from ablate.training.networks import layers
from ablate.training.remedies.placement import place
from ablate.training.remedies.rebuild import rebuild
from ablate.training.workshop import Workshop
from tests.conftest import STUDIES, study_of
from tests.training import by_hand
from tests.training.remedies.test_rebuild import assert_same, batch, step

IMAGE = (8, 8)
CHANGES: dict[str, Any] = {"flip": "horizontal", "shift": 0.2, "rotation": 0.1, "zoom": 0.3, "noise": 0.1}


def written(*first: kl.Layer, norm: Any = None) -> keras.Model:
    """Two hidden layers on an image of 8 x 8 pixels, with layers before them and normalizations in them."""
    stack = [keras.Input(IMAGE), *first, kl.Flatten()]
    for number, units in ((1, 16), (2, 8)):
        stack += [kl.Dense(units, name=f"dense_{number}"), *([norm(number)] if norm else []), kl.Activation("relu")]
    return keras.Sequential([*stack, kl.Dense(10, activation="softmax", name="output")])


def written_out() -> list[kl.Layer]:
    return [
        kl.Reshape((8, 8, 1)),
        kl.RandomFlip("horizontal"),
        kl.RandomTranslation(0.2, 0.2),
        kl.RandomRotation(0.1),
        kl.RandomZoom(0.3),
        kl.GaussianNoise(0.1),
        kl.Reshape((8, 8)),
    ]


def group(groups: int) -> Any:
    return lambda number: kl.GroupNormalization(groups, name=f"group_norm_{number}")


HIDDEN: dict[str, tuple[dict[str, Any], Any]] = {
    "input_noise": ({"overfitting": {"input_noise": 0.3}}, lambda: written(kl.GaussianNoise(0.3))),
    "augmentation": ({"overfitting": {"augmentation": CHANGES}}, lambda: written(*written_out())),
    "batch": (
        {"underfitting": {"normalization": "batch"}},
        lambda: written(norm=lambda number: kl.BatchNormalization(name=f"batch_norm_{number}")),
    ),
    "momentum": (
        {"underfitting": {"normalization": {"name": "batch", "momentum": 0.8}}},
        lambda: written(norm=lambda number: kl.BatchNormalization(momentum=0.8, name=f"batch_norm_{number}")),
    ),
    "layer": (
        {"underfitting": {"normalization": "layer"}},
        lambda: written(norm=lambda number: kl.LayerNormalization(name=f"layer_norm_{number}")),
    ),
    "group": ({"underfitting": {"normalization": {"name": "group", "groups": 4}}}, lambda: written(norm=group(4))),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_layers_have_it_as_written_in_plain_keras(name: str) -> None:
    sections, write = HIDDEN[name]
    settings = study_of(**sections).base
    image = IMAGE if name == "augmentation" else ()
    found, other = plain_model.build(settings, 64, 10, 1, image=image), write()
    other.set_weights(found.get_weights())
    _share_seeds(found, other)
    x = np.random.default_rng(0).normal(size=(12, *IMAGE)).astype("float32")
    y = np.arange(12) % 10
    for model, examples in ((found, x if image else x.reshape(12, 64)), (other, x)):
        model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(), run_eagerly=True)
        model.train_on_batch(examples, y)
    for one, two in zip(found.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    still = found(x if image else x.reshape(12, 64), training=False)
    np.testing.assert_array_equal(still, other(x, training=False))


def _share_seeds(one: keras.Model, other: keras.Model) -> None:
    """Let everything random in two networks of the same layers begin with the same numbers."""
    states = [
        [variable for layer in model.layers for variable in layer.variables if "seed" in variable.path]
        for model in (one, other)
    ]
    for given, taken in zip(*states, strict=True):
        taken.assign(given)


def with_front(first: list[kl.Layer]) -> keras.Model:
    """`by_hand.fused_cnn` with layers behind its input."""
    model = by_hand.fused_cnn()
    images = x = keras.Input((8, 8, 3))
    for layer in first:
        x = layer(x)
    return keras.Model(images, model(x))


def put_in(model: keras.Model, **remedies: Any) -> keras.Model:
    return rebuild(model, place(model, Model(builder="some:network"), remedies, "it")).model


def level(**sections: Any) -> Any:
    return study_of(**sections).base.remedies


def test_a_network_of_the_users_has_it_behind_its_input() -> None:
    remedies = level(overfitting={"augmentation": CHANGES, "input_noise": 0.2})
    other = with_front([*written_out()[1:-1], kl.GaussianNoise(0.2)])
    found = put_in(by_hand.fused_cnn(), augmentation=remedies.augmentation, input_noise=0.2)
    found.set_weights(other.get_weights())
    _share_seeds(found, other)
    x, _ = batch(found)
    np.testing.assert_array_equal(found(x, training=False), other(x, training=False))
    one, two = step(found), step(other)
    assert one.pop("loss") == two.pop("loss")
    for value, same in zip(one.values(), two.values(), strict=True):
        np.testing.assert_array_equal(value, same)


@pytest.mark.parametrize(("kind", "made"), [("layer", kl.LayerNormalization), ("group", kl.GroupNormalization)])
def test_other_normalizations_stand_where_batch_normalization_stands(kind: str, made: Any) -> None:
    original = by_hand.residual_cnn()
    found = put_in(original, normalization=kind)
    reference = put_in(original, batch_norm=True)
    places = [name.replace(f"{kind}_norm", "batch_norm") for name, _ in layers.walk(found)]
    assert places == [name for name, _ in layers.walk(reference)]
    norms = [layer for _, layer in layers.walk(found) if type(layer) is made]
    assert len(norms) == 5
    assert kind == "layer" or {layer.groups for layer in norms} == {4}  # channels, which 32 groups do not divide


def test_groups_that_do_not_divide_the_channels_are_an_error() -> None:
    remedies = level(underfitting={"normalization": {"name": "group", "groups": 3}})
    message = "normalization = group.groups=3.: the 4 channels of layer 'c0' cannot be divided into 3 groups"
    with pytest.raises(ModelError, match=message):
        put_in(by_hand.residual_cnn(), normalization=remedies.normalization)


def projecting() -> keras.Model:
    """Three residual blocks, one with a projection on its shortcut; and sums that are none."""
    rows = keras.Input((6,))
    x = kl.Add(name="even")([kl.Dense(6, name="left")(rows), kl.Dense(6, name="right")(rows)])
    for number, units in enumerate((6, 8, 8)):
        y = kl.Dense(units, name=f"b{number}_out")(kl.Dense(4, activation="relu", name=f"b{number}_in")(x))
        shortcut = kl.Dense(units, name=f"b{number}_short")(x) if units != x.shape[-1] else x
        x = kl.Add(name=f"b{number}")([shortcut, y])
    x = kl.Concatenate()([x + 1.0, x])
    return keras.Model(rows, kl.Dense(5, activation="softmax", name="out")(x))


def test_stochastic_depth_is_a_dropout_of_whole_examples_on_residual_branches() -> None:
    found = put_in(projecting(), stochastic_depth=0.6)
    for variable in found.trainable_variables:
        variable.assign(np.abs(variable.numpy()) + 0.1)  # so that no branch is 0 by itself
    drops = {layer.name: layer for layer in found.layers if isinstance(layer, kl.Dropout)}
    assert {name: (pytest.approx(layer.rate), layer.noise_shape) for name, layer in drops.items()} == {
        "b0_stochastic_depth": (0.2, (None, 1)),
        "b1_stochastic_depth": (0.4, (None, 1)),
        "b2_stochastic_depth": (0.6, (None, 1)),
    }
    for number in range(3):
        assert drops[f"b{number}_stochastic_depth"].input is found.get_layer(f"b{number}_out").output
    branch = keras.Model(found.inputs[0], [found.get_layer("b2_out").output, drops["b2_stochastic_depth"].output])
    examples = np.ones((400, 6), np.float32) * np.arange(1, 401, dtype=np.float32)[:, None]
    before, after = branch(examples, training=True)
    share = after.numpy() / before.numpy()
    rows = np.unique(share.round(4), axis=1)
    assert rows.shape == (400, 1)  # of one example, all or nothing
    assert set(np.unique(rows).tolist()) <= {0.0, 2.5}
    assert 0.5 < (rows == 0).mean() < 0.7  # 0.6, and four standard deviations of 0.024


def test_stochastic_depth_is_refused_where_there_is_nothing_to_leave_out() -> None:
    with pytest.raises(ModelError, match=r"stochastic_depth = 0.1 has no place in it: it has no residual additions"):
        put_in(by_hand.fused_cnn(), stochastic_depth=0.1)


@pytest.mark.parametrize(
    ("network", "remedy", "message"),
    [
        (by_hand.shared, "augmentation", r"needs images, of shape .* examples have \(8,\)"),
        (by_hand.two_inputs, "input_noise", "it has several inputs, of which input_noise and augmentation change none"),
        (by_hand.text_lstm, "input_noise", "layer 'tokens' of it looks up|layer '.*' of it looks up whole numbers"),
    ],
)
def test_what_changes_examples_is_refused_where_there_is_nothing_to_change(
    network: Any, remedy: str, message: str
) -> None:
    value = level(overfitting={"augmentation": {"flip": "vertical"}}).augmentation if remedy == "augmentation" else 0.1
    with pytest.raises(ModelError, match=message):
        put_in(network(), **{remedy: value})


def facts(record: Any) -> Any:
    history = {name: values for name, values in record.history.items() if name != "seconds"}
    return repr((history, record.result, record.probes, record.weights))


def run(settings: RunSettings, digits: Dataset, workshop: Workshop, seed: int = 1, **options: Any) -> Any:
    return trainer.train("k", settings, seed, digits, workshop, folder=STUDIES, **options)


SMALL = {"data": {"train_size": 200}, "training": {"epochs": 2}}
EVERY: dict[str, Any] = {
    "input_noise": {"overfitting": {"input_noise": 0.3}},
    "augmentation": {"overfitting": {"augmentation": CHANGES}},
    "early": {"overfitting": {"dropout": {"rate": 0.5, "schedule": "early", "epochs": 1}}},
}


@pytest.mark.parametrize("name", EVERY)
def test_runs_of_one_program_are_the_same_after_any_other(digits: Dataset, name: str) -> None:
    workshop, settings = Workshop(), study_of(**SMALL, **EVERY[name]).base
    first, other, again = (run(settings, digits, workshop, seed) for seed in (1, 2, 1))
    assert facts(first) == facts(again) != facts(other)
    assert first.trainer == ("graph" if name == "augmentation" else "compiled")
    if name == "augmentation":
        assert first.environment["trainer_reason"].startswith("XLA has no operation ")


@pytest.mark.parametrize("clip", [{"clipnorm": 0.01}, {"global_clipnorm": 0.02}, {"clipvalue": 0.001}])
def test_gradients_are_clipped_by_the_optimizer(clip: dict[str, float]) -> None:
    settings = study_of(underfitting={"gradient_clip": clip, "optimizer": "adam"}).base
    found = plain_model.build(settings, 64, 10, 1)
    assert {name: getattr(found.optimizer, name) for name in clip} == clip
    number = study_of(underfitting={"gradient_clip": 0.5}).base
    assert plain_model.build(number, 64, 10, 1).optimizer.global_clipnorm == 0.5
    own = {"gradient_clip": clip, "optimizer": {"name": "sgd", "clipnorm": 3.0}}
    assert plain_model.build(study_of(underfitting=own).base, 64, 10, 1).optimizer.clipnorm == 3.0


def test_pieces_at_the_input_do_not_change_the_other_layers_weights() -> None:
    plain = plain_model.build(study_of().base, 64, 10, 1)
    noisy = plain_model.build(study_of(overfitting={"input_noise": 0.1}).base, 64, 10, 1)
    assert_same(layers.weights_by_layer(noisy), layers.weights_by_layer(plain))
