"""Remedies go to hidden layers and to no others, and what cannot have one is said, with the reason."""

from typing import Any

import keras
import pytest
from keras import layers as kl

from ablate.errors import ModelError
from ablate.settings.run import Model
from ablate.training.networks import layers
from ablate.training.remedies.changes import Placement
from ablate.training.remedies.placement import place
from ablate.training.remedies.rebuild import Rebuilt, rebuild
from tests.training import by_hand


def options(**chosen: Any) -> Model:
    return Model(builder="some:network", **chosen)


def placed(model: keras.Model, chosen: Model | None = None, **remedies: Any) -> Placement:
    return place(model, chosen or options(), remedies, "the network")


def built(model: keras.Model, chosen: Model | None = None, **remedies: Any) -> Rebuilt:
    return rebuild(model, placed(model, chosen, **remedies))


def done(placement: Placement, remedy: str) -> list[str]:
    return [note.layer for note in placement.notes if note.remedy == remedy and note.done]


def why_not(placement: Placement, layer: str) -> str:
    return next(note.text for note in placement.notes if note.layer == layer and not note.done)


HEADS = {
    "reshaped": [kl.Dense(4, activation="softmax", name="out"), kl.Reshape((2, 2)), kl.Flatten()],
    "activation": [kl.Dense(4, name="out"), kl.BatchNormalization(), kl.Activation("softmax")],
    "relu": [kl.Dense(4, activation="relu", name="out"), kl.Softmax()],
    "convolution": [kl.Reshape((3, 2)), kl.Conv1D(4, 1, name="out"), kl.ReLU(), kl.GlobalMaxPooling1D(), kl.Softmax()],
    "nested": [keras.Sequential([keras.Input((6,)), kl.Dense(4, name="out"), kl.Softmax()], name="head")],
    "recurrent": [kl.Reshape((3, 2)), kl.LSTM(4, activation="softmax", name="out")],
}


@pytest.mark.parametrize("head", HEADS)
def test_the_output_layer_and_what_follows_it_stay_as_they_are(head: str) -> None:
    model = keras.Sequential([keras.Input((5,)), kl.Dense(6, activation="relu", name="hidden"), *HEADS[head]])
    every = {"init": {"name": "he_normal"}, "l1": 0.1, "l2": 0.1, "max_norm": 2.0, "batch_norm": True, "dropout": 0.5}
    found = built(model, **every)
    assert list(found.pieces) == ["hidden_batch_norm", "hidden_activation", "hidden_dropout"]
    out = next(layer for name, layer in layers.walk(found.model) if name.endswith("out"))
    assert (out.kernel_regularizer, out.kernel_constraint) == (None, None) if hasattr(out, "kernel") else True
    output = next(name for name in layers.weights_by_layer(model) if "out" in name).rpartition("/")[0]
    placement = placed(model, **every)
    assert {note.text for note in placement.notes if note.layer == output} == {"is the output layer"}


def test_both_layers_that_are_averaged_are_the_output() -> None:
    rows = keras.Input((5,))
    x = kl.Dense(6, activation="relu", name="hidden")(rows)
    ends = [kl.Dense(4, activation="softmax", name=name)(x) for name in ("one", "two")]
    model = keras.Model(rows, kl.Average()(ends))
    assert done(placed(model, l2=0.1), "l2") == ["hidden"]


def test_an_activation_layer_that_is_used_everywhere_is_followed_by_dropout_only_where_it_is_hidden() -> None:
    rows = keras.Input((5,))
    relu = kl.ReLU(name="relu")
    x = relu(kl.Dense(6, name="one")(rows))
    x = relu(kl.Dense(6, name="two")(x))
    model = keras.Model(rows, kl.Softmax()(relu(kl.Dense(4, name="out")(x))))
    found = built(model, options(remedy_layers=["two"]), dropout=0.5)
    assert list(found.pieces) == ["relu_dropout"]
    before = found.model.get_layer("relu_dropout").input
    assert before is found.model.get_layer("out").input or before is not found.model.get_layer("two").input
    assert list(built(model, dropout=0.5).pieces) == ["relu_dropout", "relu_dropout_1"]


@pytest.mark.parametrize(
    ("patterns", "layers_meant"),
    [
        (["a_*"], ["a_c1", "a_c2"]),
        (["c0", "?_c2"], ["c0", "a_c2", "b_c2"]),
        (["*"], ["c0", "a_c1", "a_c2", "b_c1", "b_c2"]),
    ],
)
def test_layers_are_chosen_by_patterns(patterns: list[str], layers_meant: list[str]) -> None:
    chosen = options(remedy_layers=patterns)
    assert done(placed(by_hand.residual_cnn(), chosen, l2=0.1), "l2") == layers_meant
    inner = done(placed(by_hand.nested(), options(remedy_layers=["first/d"]), l2=0.1), "l2")
    assert inner == ["first/d"]


def test_a_pattern_that_fits_no_layer_is_an_error() -> None:
    message = r"model.remedy_layers: 'conv_\*' fits no layer of the network; it has c1, c2, d, out"
    with pytest.raises(ModelError, match=message):
        placed(by_hand.fused_cnn(), options(remedy_layers=["d", "conv_*"]), l2=0.1)


NO_PLACE = {
    "batch_norm": (by_hand.text_lstm, True, "l: its activation is inside the layer, with nothing between"),
    "dropout": (
        lambda: keras.Sequential([keras.Input((3,)), kl.Dense(4, "softmax")]),
        0.1,
        "dense.*: is the output layer",
    ),
    "l2": (by_hand.text_lstm, 0.1, "l: is not among model.remedy_layers; out: is the output layer"),
}


@pytest.mark.parametrize("remedy", NO_PLACE)
def test_a_remedy_without_a_place_is_an_error_that_names_every_reason(remedy: str) -> None:
    network, level, message = NO_PLACE[remedy]
    with pytest.raises(ModelError, match=f"{remedy} = .* has no place in the network: .*{message}"):
        placed(network(), options(remedy_layers=["e", "out"]) if remedy == "l2" else None, **{remedy: level})


def test_frozen_layers_and_layers_of_other_kinds_are_left_alone() -> None:
    model = by_hand.nested()
    model.get_layer("first").trainable = False
    placement = placed(model, l2=0.1, dropout=0.5)
    assert done(placement, "l2") == ["second/d"]
    assert why_not(placement, "first/d") == "is frozen (trainable = False)"
    assert why_not(placed(by_hand.text_gru(), l2=0.1), "e") == "is an Embedding, which remedies do not change"


def test_names_that_are_taken_get_a_number() -> None:
    model = keras.Sequential(
        [keras.Input((3,)), kl.Dense(4, "relu", name="a"), kl.Flatten(name="a_dropout"), kl.Dense(2, "softmax")]
    )
    assert list(built(model, dropout=0.5).pieces) == ["a_dropout_1"]
