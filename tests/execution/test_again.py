"""A finished run is trained once more: by its own trainer, alone, and its record is kept apart. Lanes are stand-ins."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from ablate.execution import again
from ablate.results.store import Store
from tests.execution.test_scheduler import Lanes, planned
from tests.results.builders import record


class Alone(Lanes):
    """Lanes that are entered and left, as those are that start processes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Store, Store]:
    return Store(tmp_path / "reports" / "tiny"), Store(tmp_path / "scratch")


def use(monkeypatch: pytest.MonkeyPatch, **behaviour: Any) -> Alone:
    lanes = Alone(jobs=1, **behaviour)
    monkeypatch.setattr(again, "Lanes", lambda jobs, runs: lanes)
    monkeypatch.setattr(again, "POLL_SECONDS", 0.001)
    return lanes


def test_it_is_trained_as_its_record_was_and_kept_apart(
    stores: tuple[Store, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = use(monkeypatch)
    (run, *_), identity = planned()
    kept = replace(record(run.key), trainer="graph")
    assert again.train_again(run, kept, identity, *stores, tmp_path).status == "ok"
    (sent,) = lanes.sent
    assert (sent.key, sent.seed, sent.trainer, sent.keep_weights) == (run.key, run.seed, "graph", False)
    assert sent.as_recorded
    assert (sent.store, sent.folder) == (stores[1].root, tmp_path)
    assert lanes.closed == [False]


def test_a_process_that_ends_without_a_word_is_no_success(
    stores: tuple[Store, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, silent=True)
    (run, *_), identity = planned()
    found = again.train_again(run, record(run.key), identity, *stores, tmp_path)
    assert (found.status, found.message) == ("failed", "gone without a word")
