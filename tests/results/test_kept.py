"""What is said of records whose kept weights are not those that the settings lead one to expect."""

from dataclasses import replace
from typing import Any

import pytest

from ablate.results import kept
from ablate.results.record import KEPT_EPOCH, MOMENTUM, Record
from tests.results.builders import record

RESTORING = {"patience": 3, "restore_best_weights": True}


def made(rules: Any = False, callbacks: tuple[str, ...] = (), **environment: Any) -> Record:
    found = record()
    settings = {
        "remedies": {"early_stopping": rules},
        "training": {"callbacks": list(callbacks)},
    }
    result = {**found.result, "best_epoch": 2, "stopped_epoch": 3}
    return replace(found, settings=settings, result=result, environment={**found.environment, **environment})


@pytest.mark.parametrize(
    ("rules", "epoch"), [(False, 3), (RESTORING, 2), ({**RESTORING, "restore_best_weights": False}, 3)]
)
def test_what_the_settings_ask_for_needs_no_words(rules: Any, epoch: int) -> None:
    older, newer = made(rules), made(rules, ("mine:rate",), **{KEPT_EPOCH: epoch})
    assert kept.kept_epoch(older) == kept.kept_epoch(newer) == epoch
    assert kept.notes([older, newer]) == []


def test_other_epochs_none_and_records_that_do_not_say_are_told_apart() -> None:
    several = [
        made(),
        made(callbacks=("mine:stop",), **{KEPT_EPOCH: 1}),
        made(callbacks=("mine:average",), **{KEPT_EPOCH: None}),
        made(callbacks=("mine:average",), **{KEPT_EPOCH: None}),
        made(callbacks=("mine:rate",)),
    ]
    earlier, changed, unknown = kept.notes(several)
    assert earlier.startswith("In 1 of 5 runs a callback brought back the weights of another epoch")
    assert changed.startswith("In 2 of 5 runs a callback changed the weights after the last epoch")
    assert unknown.startswith("1 of 5 runs used callbacks and were recorded by an older version")
    assert kept.kept_epoch(several[2]) is None


def normed(hidden: list[int], batch_norm: Any, **environment: Any) -> Record:
    settings = {
        "model": {"hidden": hidden},
        "remedies": {"batch_norm": batch_norm},
        "training": {"batch_size": 32},
    }
    return replace(made(**environment), settings=settings)


@pytest.mark.parametrize(
    ("of", "momentum"),
    [
        (normed([8], batch_norm=True), 0.99),  # as an older version wrote it
        (normed([8], batch_norm=False), None),
        (normed([], batch_norm=True), None),  # of a builder, which may do anything with it
        (normed([], batch_norm=False, **{MOMENTUM: 0.9}), 0.9),
        (normed([8], batch_norm=True, **{MOMENTUM: "damaged"}), None),
        (normed([8], batch_norm=True, **{MOMENTUM: 1.0}), None),
    ],
)
def test_how_long_a_batch_norm_remembers_is_in_the_record(of: Record, momentum: float | None) -> None:
    assert kept.momentum(of) == momentum


def test_batches_are_counted_up_to_the_kept_weights() -> None:
    rows = {"rows": {"train": 100}}
    assert kept.batches(normed([8], batch_norm=True, **rows)) == 4 * 3
    assert kept.batches(normed([8], batch_norm=True, **rows, **{KEPT_EPOCH: 1})) == 4
    assert kept.batches(normed([8], batch_norm=True, **rows, **{KEPT_EPOCH: None})) is None
    assert kept.batches(normed([8], batch_norm=True, rows={"train": "many"})) is None


def test_no_record_is_compared_with_another() -> None:
    """Records compare all their numbers, and each with each is too much for a study of some thousand runs."""

    class Alone(Record):
        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared")

        __hash__ = None  # type: ignore[assignment]

    alone = [Alone(**vars(each)) for each in (made(), made(**{KEPT_EPOCH: 1}), made(callbacks=("mine:rate",)))]
    assert [said[:9] for said in kept.notes(alone)] == ["In 1 of 3", "1 of 3 ru"]


def test_networks_that_are_too_large_to_be_kept_are_told() -> None:
    large = replace(made(), result={**made().result, "parameters": 600_000_000})
    (said,) = kept.notes([made(), large])
    assert said.startswith("1 of 2 runs have networks of more than 2,147,483,648 bytes")
