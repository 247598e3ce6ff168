"""Networks with remedies put in compute and train as the same networks written by hand, bit for bit."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest

from ablate.settings.run import Model
from ablate.training.networks import layers
from ablate.training.remedies.changes import Placement
from ablate.training.remedies.placement import place
from ablate.training.remedies.rebuild import rebuild
from tests.training import by_hand

Network = Callable[..., keras.Model]
OWN = Model(builder="some:network")
ROWS = 12


def batch(model: keras.Model) -> tuple[Any, Any]:
    """Some examples as a network takes them, and their labels."""
    random = np.random.default_rng(3)

    def examples(tensor: keras.KerasTensor) -> Any:
        shape = (ROWS, *tensor.shape[1:])
        return random.integers(0, 20, shape) if "int" in tensor.dtype else random.normal(size=shape).astype("float32")

    return keras.tree.map_structure(examples, model._inputs_struct), random.integers(0, 5, ROWS)


def step(model: keras.Model) -> dict[str, Any]:
    """What a step of training makes of a network: its weights, and its loss with penalties.

    Masks begin at the same number in every dropout, and the operations are executed one by one, as they are written.
    """
    x, y = batch(model)
    for _, layer in layers.walk(model):
        if isinstance(layer, keras.layers.Dropout) and layer.rate:
            layer.seed_generator.state.assign([7, 0])
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(), run_eagerly=True)
    loss = model.train_on_batch(x, y)
    return {**layers.weights_by_layer(model), "loss": loss}


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert set(one) == set(other)
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


@pytest.mark.parametrize("network", by_hand.EVERY, ids=lambda network: network.__name__)
def test_a_network_without_changes_is_the_same(network: Network) -> None:
    original = network()
    copied = rebuild(original, Placement()).model
    x, _ = batch(original)
    np.testing.assert_array_equal(copied(x, training=False), original(x, training=False))
    assert_same(step(copied), step(original))
    assert not set(map(id, layers.learned_variables(copied))) & set(map(id, layers.learned_variables(original)))


REMEDIES = {
    "init": ("init", {"name": "he_normal"}),
    "l2": ("l2", 0.01),
    "max_norm": ("max_norm", 0.5),
    "batch_norm": ("batch_norm", True),
    "dropout": ("dropout", 0.5),
}
WITHOUT_NORM = {"text_lstm"}  # there is nothing between a recurrent layer and its activation
BY_HAND = [each for each in by_hand.EVERY if each not in (by_hand.with_its_own, by_hand.mobile)]
CASES = [
    pytest.param(network, name, id=f"{network.__name__}-{name}", marks=() if name == "all" else pytest.mark.slow)
    for network in BY_HAND
    for name in ("all", *REMEDIES)
    if name != "batch_norm" or network.__name__ not in WITHOUT_NORM
]


@pytest.mark.parametrize(("network", "name"), CASES)
def test_a_remedy_is_what_somebody_would_write_by_hand(network: Network, name: str) -> None:
    chosen = dict(REMEDIES.values()) if name == "all" else dict([REMEDIES[name]])
    if network.__name__ in WITHOUT_NORM:
        chosen.pop("batch_norm", None)
    written = network(**{key: value if key != "init" else "he_normal" for key, value in chosen.items()})
    original = network()
    found = rebuild(original, place(original, OWN, chosen, "it")).model
    weights = layers.weights_by_layer(written)
    assert set(layers.weights_by_layer(found)) == set(weights)
    layers.put_weights(found, weights)
    x, _ = batch(original)
    np.testing.assert_array_equal(found(x, training=False), written(x, training=False))
    assert_same(step(found), step(written))
    _assert_initializers(found, written)


def _assert_initializers(found: keras.Model, written: keras.Model) -> None:
    """Layers with weights, those in wrappers too, are initialized by functions of the same class."""
    others = dict(layers.walk(written))
    for name, layer in layers.walk(found):
        if layer.weights:
            assert list(_initializers(layer.get_config())) == list(_initializers(others[name].get_config())), name


def _initializers(config: Any) -> Iterator[tuple[str, str]]:
    for key, value in config.items() if isinstance(config, dict) else ():
        if key.endswith("initializer"):
            yield key, value["class_name"]
        yield from _initializers(value)
