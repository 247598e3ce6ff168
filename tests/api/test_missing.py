"""Networks that a study asks for and that are gone: told, with what to do."""

from pathlib import Path

import numpy as np
import pytest

from ablate.api.missing import missing_networks
from ablate.results import models
from tests.api.test_plans import finish, keep_weights, plan
from tests.api.test_plans import folder as folder  # noqa: PLC0414 - a fixture

ALL = "study.save_models='all'"


def test_a_damaged_network_is_missed_and_made_anew_by_what_is_said(folder: Path) -> None:
    made = plan(folder, ALL)
    finish(made)
    keep_weights(made)
    assert missing_networks(made) == []
    lost = made.everything[1]
    models.model_path(made.store, lost.key, "npz").write_bytes(b"PK")
    assert models.read_weights(made.store, made.store.load(lost.key)) is None
    (said,) = missing_networks(plan(folder, ALL))
    name = made.store.record_path(lost.key).relative_to(made.store.root)
    assert f"the network of {lost.treatment.name}, seed {lost.seed} is not there: its weights were damaged" in said
    assert f"move the record out of {made.store.root} ({name})" in said
    made.store.record_path(lost.key).unlink()
    assert [run.key for run in plan(folder, ALL).pending] == [lost.key]


def test_what_was_never_finished_or_is_too_large_is_not_missed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan(folder, ALL)
    assert missing_networks(made) == []
    finish(made, 0)
    assert "seed 1 is not there: it was not kept" in missing_networks(made)[0]
    monkeypatch.setattr("ablate.results.weights.LIMIT", 10)
    assert missing_networks(made) == []


def test_of_the_best_the_networks_are_missed_that_are_the_best(folder: Path) -> None:
    made = plan(folder)
    finish(made, 0, 1, 2, 3, 4)
    assert missing_networks(made) == []
    finish(made)
    (said,) = missing_networks(made)
    assert "networks of 4 runs (baseline, seed 1, first) are not there" in said
    for run in made.everything:
        if run.treatment.name in ("baseline", "batch_norm=true"):
            models.keep_weights(made.store, run.key, {"w": np.zeros(1, np.float32)})
    assert missing_networks(made) == []
    assert missing_networks(plan(folder, "study.save_models='none'")) == []
