"""Settings of the process: read without being changed, put back, and named where that cannot be done.

What code of the user's may do to each of them is tried in `test_isolation`.
"""

import os
import random

import keras
import numpy as np
import pytest

from ablate.training.isolation import process


def test_to_read_the_settings_changes_none() -> None:
    first = process.read()
    assert all(
        process.is_equal(value, first[name]) for name, value in process.read().items() if name not in process._RANDOM
    )
    assert process.write(first) == []


def test_settings_that_were_read_do_not_follow_what_happens_later(monkeypatch: pytest.MonkeyPatch) -> None:
    before = process.read()
    monkeypatch.setenv("MINE", "1")
    assert "MINE" not in before["environment"]
    assert process.write(before) == []
    assert "MINE" not in os.environ


def test_what_is_refused_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(process, "SETTINGS", {"odd": process.Setting(lambda: 1, refuse)})
    assert process.write({"odd": 2}) == ["odd"]
    assert process.write({"odd": 1}) == []


def test_random_numbers_and_names_begin_at_the_same_place() -> None:
    def drawn() -> tuple[float, float, str]:
        process.begin_random()
        return random.random(), np.random.random(), keras.layers.Dense(1).name  # noqa: NPY002

    before = process.read()
    try:
        first = drawn()
        random.random()
        keras.layers.Dense(1)
        assert drawn() == first
    finally:
        process.write(before)
