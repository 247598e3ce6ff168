"""Initializers of levels: Keras' own classes, with a seed where they are random."""

import keras
import numpy as np
import pytest

from ablate.training.networks.initializers import initializer


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ({"name": "he_normal"}, keras.initializers.HeNormal),
        ({"name": "zeros"}, keras.initializers.Zeros),
        ({"name": "random_normal", "stddev": 0.5}, keras.initializers.RandomNormal),
    ],
)
def test_a_level_names_a_class_of_keras(level: dict[str, object], expected: type) -> None:
    assert isinstance(initializer(level, 7), expected)


def test_equal_seeds_give_equal_weights_and_others_do_not() -> None:
    first, again, other = (np.asarray(initializer({"name": "he_normal"}, seed)((3, 4))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
