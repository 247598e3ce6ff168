"""Masks without Keras' random numbers: the right rate, and no pattern between steps, layers, units or seeds."""

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from ablate.settings.seeds import Stream, derive
from ablate.training.networks import surgery
from ablate.training.networks.surgery import VariableDropout
from tests.training.parity import ROUNDING

SHAPE = (100, 200)


def masks(rate: float, seed: int, steps: int) -> npt.NDArray[np.bool_]:
    """Which units survive, shape (steps, batch, units)."""
    layer = VariableDropout()
    ones = tf.ones(SHAPE)
    layer(ones)
    layer.restart(rate, seed)
    step = tf.function(lambda: layer(ones, training=True), jit_compile=True)
    return np.stack([step().numpy() > 0 for _ in range(steps)])


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5, 0.9])
def test_the_share_of_silenced_units_is_the_rate(rate: float) -> None:
    kept = masks(rate, 7, 20)
    error = np.sqrt(rate * (1 - rate) / kept.size)
    assert abs(1 - kept.mean() - rate) < 4 * error
    per_unit = kept.mean(axis=(0, 1))
    assert np.abs(per_unit - (1 - rate)).max() < 5 * np.sqrt(rate * (1 - rate) / (20 * SHAPE[0]))
    assert per_unit.std() == pytest.approx(np.sqrt(rate * (1 - rate) / (20 * SHAPE[0])), rel=0.25)


def correlation(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_steps_units_rows_layers_and_seeds_are_independent() -> None:
    kept = masks(0.5, derive(1, Stream.DROPOUT, 1), 10)
    other_layer = masks(0.5, derive(1, Stream.DROPOUT, 2), 10)
    other_seed = masks(0.5, derive(2, Stream.DROPOUT, 1), 10)
    pairs = [
        (kept[:-1], kept[1:]),
        (kept[:, :, :-1], kept[:, :, 1:]),
        (kept[:, :-1], kept[:, 1:]),
        (kept, other_layer),
        (kept, other_seed),
    ]
    for a, b in pairs:
        assert abs(correlation(a, b)) < 4 / np.sqrt(a.size)


def test_no_mask_comes_back() -> None:
    kept = masks(0.5, 3, 200).reshape(200, -1)
    assert len({row.tobytes() for row in kept}) == 200


def test_survivors_are_scaled_up_and_inference_changes_nothing() -> None:
    layer = VariableDropout()
    inputs = tf.constant(np.random.default_rng(0).normal(size=SHAPE), tf.float32)
    layer(inputs)
    layer.restart(0.2, 1)
    outputs = layer(inputs, training=True).numpy()
    survivors = outputs != 0
    np.testing.assert_allclose(outputs[survivors], inputs.numpy()[survivors] / 0.8, rtol=1e-6)
    np.testing.assert_array_equal(layer(inputs, training=False).numpy(), inputs.numpy())


def test_a_rate_of_zero_changes_no_bit() -> None:
    layer = VariableDropout()
    inputs = tf.constant(np.random.default_rng(0).normal(size=SHAPE), tf.float32)
    layer(inputs)
    layer.restart(0.0, 1)
    np.testing.assert_array_equal(layer(inputs, training=True).numpy(), inputs.numpy())


def test_a_restart_repeats_the_masks() -> None:
    np.testing.assert_array_equal(masks(0.3, 5, 3), masks(0.3, 5, 3))


def test_the_copy_computes_what_the_original_computes() -> None:
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.1), name="a"),
            keras.layers.Dropout(0.5, name="b"),
            keras.layers.Dense(2, name="c"),
        ]
    )
    strength = tf.Variable(0.1)
    copy = surgery.prepare(model, tf.Variable(0.0), strength)
    copy.get_layer("a").set_weights(model.get_layer("a").get_weights())
    copy.get_layer("c").set_weights(model.get_layer("c").get_weights())
    inputs = tf.ones((5, 4))
    np.testing.assert_array_equal(copy(inputs).numpy(), model(inputs).numpy())
    assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
    assert float(sum(copy.losses)) == pytest.approx(float(sum(model.losses)), rel=1e-6)
    strength.assign(0.2)
    assert float(sum(copy.losses)) == pytest.approx(2 * float(sum(model.losses)), rel=1e-6)
    assert set(surgery.dropouts(copy)) == {"b"}


@pytest.mark.parametrize("xla", [True, False], ids=["xla", "graph"])
@pytest.mark.parametrize("strength", [0.0, 0.01, 3.0])
def test_the_penalty_and_its_gradient_are_those_of_keras(strength: float, xla: bool) -> None:
    kernel = tf.Variable(np.random.default_rng(0).normal(size=(31, 17)), dtype=tf.float32)
    variable = tf.Variable(strength)
    ours, theirs = surgery.VariableL2(variable), keras.regularizers.L2(strength)

    @tf.function(jit_compile=xla)
    def both() -> list[tf.Tensor]:
        values, gradients = [], []
        for penalty in (ours, theirs):
            with tf.GradientTape() as tape:
                value = penalty(kernel) * 2.0  # so that the gradient from above is not 1
            values.append(value)
            gradients.append(tape.gradient(value, kernel))
        return [*values, *gradients]

    value, expected, gradient, expected_gradient = (each.numpy() for each in both())
    np.testing.assert_allclose(value, expected, rtol=kernel.numpy().size * ROUNDING)  # added up in different orders
    np.testing.assert_allclose(gradient, expected_gradient, rtol=8 * ROUNDING)  # a product of four numbers, twice
    assert (np.abs(gradient).max() > 0) == (strength > 0)
