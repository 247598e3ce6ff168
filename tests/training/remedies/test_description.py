"""Networks in words."""

from ablate.training.remedies import description
from ablate.training.remedies.changes import Note
from tests.training import by_hand
from tests.training.remedies.test_placement import built


def test_a_layer_is_told_with_what_remedies_change_in_it() -> None:
    model = built(by_hand.text_gru(), l2=0.25, dropout=0.5, init={"name": "random_normal", "stddev": 0.1}).model
    found = dict(description.describe(model))
    assert found["g"] == "Bidirectional(GRU) tanh RandomNormal(0.1) L2(0.25)"
    assert found["t"] == "TimeDistributed(Dense) relu RandomNormal(0.1) L2(0.25)"
    assert found["g_dropout"] == "Dropout 0.5"
    assert found["out"] == "Dense softmax GlorotUniform"


def test_layers_with_the_same_note_are_told_together_and_what_was_done_first() -> None:
    notes = [Note("a", "l2", "kernel", done=True), Note("o", "l2", "is it", done=False)]
    notes += [Note(f"b{number}", "l2", "kernel", done=True) for number in range(9)]
    text = "a, b0, b1, b2, b3, b4, b5, b6 and 2 more: kernel; not o: is it"
    assert description.summary(tuple(notes)) == {"l2": text}
