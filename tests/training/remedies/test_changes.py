"""Which uses of a layer share what is put behind them."""

from ablate.training.remedies.anatomy import Anatomy
from ablate.training.remedies.changes import key
from tests.training import by_hand


def test_uses_of_a_layer_with_weights_share_and_uses_of_an_activation_do_not() -> None:
    (hidden,) = Anatomy(by_hand.shared()).hidden
    assert len({key(step.operation, step.node) for step in hidden.activations}) == 1
    steps = [step for step in Anatomy(by_hand.residual_cnn()).steps if step.name.startswith("relu")]
    assert len({key(step.operation, step.node) for step in steps}) == 2
