"""What the user's callbacks do to a network before its training is heard, and is nothing to later runs."""

import keras
import pytest

from ablate.data.dataset import Dataset
from ablate.training.workshop import Workshop
from tests.training.test_kept import At, Callbacks, replace_optimizer, trained


class Refitting(keras.callbacks.Callback):
    """Replaces the optimizer, as a callback may before the training begins."""

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        replace_optimizer(model, keras.optimizers.SGD(0.5))


def freeze(model: keras.Model, epoch: int) -> None:
    model.layers[1].trainable = False


@pytest.mark.parametrize("callbacks", [lambda: [Refitting()], lambda: [At("on_epoch_begin", freeze)]])
def test_what_a_callback_makes_of_a_model_is_nothing_to_later_runs(
    digits: Dataset, workshop: Workshop, callbacks: Callbacks
) -> None:
    alone, *_ = trained(digits, workshop, list)
    shared = Workshop()
    trained(digits, shared, callbacks)
    after, *_ = trained(digits, shared, list)
    assert after.trainer == "compiled"
    assert after.history["loss"] == alone.history["loss"]
    assert after.weights == alone.weights


def test_a_callback_that_changes_the_model_first_is_heard_by_fit(digits: Dataset, workshop: Workshop) -> None:
    compiled, *_ = trained(digits, workshop, lambda: [Refitting()])
    assert compiled.trainer == "fit"
    assert compiled.environment["trainer_reason"] == "a callback changed the model, its optimizer or a setting of Keras"
    plain, *_ = trained(digits, workshop, list)
    assert plain.trainer == "compiled"
    assert plain.history["loss"] != compiled.history["loss"]
