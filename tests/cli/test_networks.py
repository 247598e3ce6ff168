"""Networks side by side: a layer is a row, in the place where it is; what does not fit follows in another table."""

from ablate.cli import networks
from ablate.execution.assignment import Network

PLAIN = Network((("a", "Dense relu"), ("out", "Dense softmax")))
NORMED = Network(
    (("a", "Dense"), ("a_batch_norm", "BatchNormalization"), ("out", "Dense softmax")), {"batch_norm": "a: it"}
)


def test_layers_stand_in_their_order_and_remedies_follow() -> None:
    lines = list(networks.tables({("baseline", "optimizer=adam"): PLAIN, ("batch_norm=true",): NORMED}))
    assert [line.split() for line in lines[:4]] == [
        ["layer", "baseline,", "optimizer=adam", "batch_norm=true"],
        ["a", "Dense", "relu", "Dense"],
        ["a_batch_norm", "-", "BatchNormalization"],
        ["out", "Dense", "softmax", "Dense", "softmax"],
    ]
    assert lines[-1] == "batch_norm=true: batch_norm in a: it"


def test_a_table_too_wide_goes_on_in_another_without_rows_that_it_has_not() -> None:
    wide = {(f"treatment {number}" * 5,): PLAIN for number in range(3)}
    lines = list(networks.tables({("normed",): NORMED, **wide}))
    heads = [line for line in lines if line.startswith("layer")]
    assert len(heads) > 1
    assert max(map(len, lines)) <= networks.WIDTH
    assert sum("a_batch_norm" in line for line in lines) == 1
