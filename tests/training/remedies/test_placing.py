"""What every hidden layer gets: beside or instead of what the network has itself, and where a list says so."""

import keras
import numpy as np
import pytest
from keras import layers as kl

from ablate.errors import ModelError
from ablate.training.networks import layers
from tests.training import by_hand
from tests.training.remedies.test_placement import built, done, options, placed, why_not


def test_what_a_network_has_itself_stays_or_is_replaced() -> None:
    original = by_hand.with_its_own()
    message = "has no place in the network: c: has a normalization of its own .own_norm., which stays; model.existing"
    with pytest.raises(ModelError, match=message):
        built(original, batch_norm=True)
    replaced = options(existing="replace")
    found = built(original, replaced, batch_norm=True, dropout=0.5)
    names = [name for name, _ in layers.walk(found.model)]
    assert "own_norm" not in names
    assert "own_dropout" not in names
    assert found.model.get_layer("c_batch_norm").momentum == 0.99
    assert found.model.get_layer("r_dropout").rate == 0.5
    assert not found.model.get_layer("c").use_bias
    only = built(original, replaced, dropout=0.5)
    assert only.model.get_layer("own_norm").momentum == 0.8


@pytest.mark.parametrize(("existing", "strengths"), [("keep", [0.5, 0.25]), ("replace", [0.25, 0.25])])
def test_a_penalty_of_its_own_stays_or_is_replaced(existing: str, strengths: list[float]) -> None:
    dense = kl.Dense(
        4, "relu", kernel_regularizer=keras.regularizers.L2(0.5), kernel_initializer="he_uniform", name="a"
    )
    model = keras.Sequential([keras.Input((3,)), dense, kl.Dense(4, "relu", name="b"), kl.Dense(2, "softmax")])
    found = built(model, options(existing=existing), l2=0.25, init={"name": "lecun_normal"})
    assert [float(found.model.get_layer(name).kernel_regularizer.l2) for name in "ab"] == strengths
    assert len(found.model.losses) == 2
    text = next(note.text for note in placed(model, init={"name": "lecun_normal"}).notes if note.layer == "a")
    assert text == "kernel, instead of HeUniform, which the default level leaves it"


def test_recurrent_kernels_and_spatial_dropout_come_on_request() -> None:
    plain = built(by_hand.text_lstm(), l2=0.1, dropout=0.5)
    assert plain.model.get_layer("l").recurrent_regularizer is None
    asked = built(by_hand.text_lstm(), options(recurrent_kernels=True), l2=0.1, init={"name": "he_normal"})
    assert asked.model.get_layer("l").recurrent_regularizer.l2 == 0.1
    assert type(asked.model.get_layer("l").recurrent_initializer) is keras.initializers.HeNormal
    maps = built(by_hand.fused_cnn(), options(spatial_dropout=True), dropout=0.5).model
    kinds = [type(maps.get_layer(f"{name}_dropout")) for name in ("c1", "c2", "d")]
    assert kinds == [kl.SpatialDropout2D, kl.SpatialDropout2D, kl.Dropout]


def test_channels_that_come_first_are_not_normalized_along_the_wrong_axis() -> None:
    convolution = kl.Conv2D(4, 3, activation="relu", data_format="channels_first", name="c")
    stack = [keras.Input((3, 8, 8)), convolution, kl.Flatten(), kl.Dense(4, "relu", name="d"), kl.Dense(2, "softmax")]
    placement = placed(keras.Sequential(stack), batch_norm=True)
    assert done(placement, "batch_norm") == ["d"]
    assert why_not(placement, "c").startswith("has its channels first")


def test_a_list_has_an_entry_for_every_place() -> None:
    found = built(by_hand.fused_cnn(), dropout=[0.1, 0.0, 0.3], batch_norm=[False, True, False]).model
    assert [(name, found.get_layer(name).rate) for name in ("c1_dropout", "d_dropout")] == [
        ("c1_dropout", 0.1),
        ("d_dropout", 0.3),
    ]
    names = {layer.name for layer in found.layers}
    assert {"c2_batch_norm", "c2_activation"} <= names
    assert not {"c2_dropout", "c1_batch_norm", "c1_activation"} & names
    with pytest.raises(
        ModelError, match=r"dropout = \[0.1,0.2\] has 2 entries, and the network has 3 places for it: c1"
    ):
        placed(by_hand.fused_cnn(), dropout=[0.1, 0.2])


def test_max_norm_measures_what_comes_in_to_each_unit() -> None:
    """After a step every unit's incoming weights are at most that long, in every kind of layer."""
    model = built(by_hand.depthwise_cnn(), max_norm=0.01).model
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 3))
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.train_on_batch(x, np.arange(4))
    units = {"dw": (2, 3), "s": (3,), "tr": (2,)}
    for name, axes in units.items():
        layer = model.get_layer(name)
        kernel = layer.pointwise_kernel if name == "s" else layer.kernel
        others = tuple(axis for axis in range(4) if axis not in axes)
        lengths = np.sqrt((kernel.numpy() ** 2).sum(axis=others))
        np.testing.assert_allclose(lengths, 0.01, rtol=1e-4)  # Keras adds an epsilon of 1e-7 to a length
