"""Hidden layers, their activations and the output are found in networks of every kind."""

import keras

from ablate.training.remedies.anatomy import Anatomy
from tests.training import by_hand


def test_the_activation_of_a_residual_branch_comes_after_the_addition() -> None:
    body = Anatomy(by_hand.residual_cnn())
    found = {
        each.name: [step.name.replace("relu", "").lstrip("_0123456789") for step in each.activations]
        for each in body.hidden
    }
    relu = [""]  # an operation, which Keras numbers
    assert found == {"c0": ["r0"], "a_c1": ["a_r1"], "a_c2": relu, "b_c1": ["b_r1"], "b_c2": relu}
    assert [step.name for step in body.hidden[2].before] == ["a_add"]
    assert [layer.name for layer in body.outputs] == ["out"]
    assert [step.name for step, _ in body.residuals()] == ["a_add", "b_add"]


def test_models_inside_are_taken_apart_once_however_often_they_are_used() -> None:
    body = Anatomy(by_hand.nested())
    found = {hidden.name: ([step.name for step in hidden.activations], hidden.is_fused) for hidden in body.hidden}
    assert found == {"first/d": (["r"], False), "second/d": (["second/d"], True)}


def test_both_uses_of_a_layer_belong_to_it() -> None:
    (hidden,) = Anatomy(by_hand.shared()).hidden
    assert len(hidden.activations) == 2
    assert hidden.channels == 6


def test_a_normalization_over_several_axes_is_no_output_layer() -> None:
    """Its scale is a matrix, and it begins no layer."""
    hidden, output = keras.layers.Dense(6, activation="relu", name="hidden"), keras.layers.Dense(4, name="out")
    for norm in (keras.layers.LayerNormalization(axis=(1, 2)), keras.layers.RMSNormalization(axis=(1, 2))):
        model = keras.Sequential([keras.Input((3, 5)), hidden, output, norm, keras.layers.Flatten()])
        body = Anatomy(model)
        assert [layer.name for layer in body.outputs] == ["out"]
        assert [each.name for each in body.hidden] == ["hidden"]
