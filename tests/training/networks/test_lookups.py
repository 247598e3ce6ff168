"""Networks that look up whole numbers are told from those that do not."""

import keras
from keras import layers as kl

from ablate.training.networks.lookups import looks_up
from tests.training import by_hand


def test_an_embedding_behind_the_input_is_found_through_what_only_reorders() -> None:
    model = keras.Sequential(
        [keras.Input((2, 3)), kl.Flatten(), kl.Embedding(5, 2, name="e"), kl.Flatten(), kl.Dense(2)]
    )
    assert looks_up(model) == "e"
    assert looks_up(by_hand.text_lstm())  # its input is of whole numbers
    assert looks_up(by_hand.residual_cnn()) == ""
