"""The page's words about how its numbers came about."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ablate.report import sections
from ablate.results.record import KEPT_EPOCH
from ablate.results.snapshot import Snapshot

Make = Callable[..., Snapshot]


def with_facts(snapshot: Snapshot, **facts: Any) -> Snapshot:
    data = {name: replace(each, **facts) for name, each in snapshot.identity.data.items()}
    return replace(snapshot, identity=replace(snapshot.identity, data=data))


@pytest.mark.parametrize(("shared", "warned"), [(None, False), (0, False), (9, False), (10, True)])
def test_examples_in_training_and_in_test_are_named_with_their_share(make: Make, shared: Any, warned: bool) -> None:
    snapshot = with_facts(make(), test_rows=1000, shared=shared, shared_other_label=2)
    said = f"{shared} of 1,000 examples of the test set ({(shared or 0) / 1000:.1%}) are in the training part as well"
    assert (said in " ".join(sections.header(snapshot).warnings)) == warned
    described = dict(sections.provenance(snapshot, None))["data"]
    assert (f"{said} (2 with another label)" in described) == bool(shared)


def test_weights_that_callbacks_changed_are_named_before_any_figure(make: Make) -> None:
    snapshot = make()
    assert not any("callback" in warning for warning in sections.header(snapshot).warnings)
    key, record = next(iter(snapshot.records.items()))
    changed = replace(record, environment={**record.environment, KEPT_EPOCH: None})
    snapshot = replace(snapshot, records={**snapshot.records, key: changed})
    count = len(snapshot.records)
    assert any(f"In 1 of {count} runs a callback changed" in warning for warning in sections.header(snapshot).warnings)
    assert not any(label == "kept epoch" for label, _ in sections.provenance(snapshot, None))
