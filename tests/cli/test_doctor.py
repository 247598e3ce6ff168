"""`ablate doctor`, with TensorFlow itself."""

import json
from pathlib import Path

import pytest

from ablate.api import doctor
from tests.commands import ablate


@pytest.mark.slow  # a process of its own imports TensorFlow
def test_this_machine_can_train_studies(tmp_path: Path) -> None:
    done = ablate("doctor", "-o", tmp_path, "--json")
    assert done.exit_code == 0, done.stdout
    found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert found["TensorFlow"]["found"].endswith("XLA compiles")
    assert {"libraries", "results folder", "clock", "compiled programs"} <= set(found)


def test_what_is_wrong_ends_with_1_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = doctor.Check("memory", "wrong", "none", "buy some")
    monkeypatch.setattr(doctor, "examine", lambda reports: iter([wrong]))
    done = ablate("doctor", "-o", tmp_path)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == ["WRONG  memory: none", "       what to do: buy some"]
