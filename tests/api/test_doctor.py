"""What `ablate doctor` looks at: each check is seen to fail once."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ablate.api import doctor
from ablate.api.doctor import Check


def answer(stdout: str = "", stderr: str = "", code: int = 0) -> Any:
    """A process that prints this and ends."""
    return lambda *_, **__: subprocess.CompletedProcess([], code, stdout, stderr)


FOUND = {"tensorflow": "2.21.0", "keras": "3.15.1", "gpus": [], "seconds": 2.0, "error": 0.0}


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one check that takes seconds is made by the command's test."""
    monkeypatch.setattr(doctor.subprocess, "run", answer(json.dumps(FOUND)))


def checks(reports: Path) -> dict[str, Check]:
    return {check.name: check for check in doctor.examine(reports)}


def test_nothing_is_made_and_nothing_is_left(tmp_path: Path) -> None:
    found = checks(tmp_path / "reports")
    assert not [check for check in found.values() if check.state == "wrong"]
    assert found["results folder"].found.startswith(str(tmp_path / "reports"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(doctor.os, "link", refuse)  # as on a file system without links
    found = checks(tmp_path)["results folder"]
    assert (found.state, found.found) == ("wrong", f"{tmp_path}: Operation not permitted")
    assert "-o" in found.advice


def test_a_disk_whose_clock_is_off_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.time, "time", lambda: 1e9)
    found = checks(tmp_path)["clock"]
    assert found.state == "note"
    assert "off this machine's" in found.found


def test_damaged_compiled_programs_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABLATE_XLA_CACHE", str(tmp_path))
    shelf = Path(checks(tmp_path)["compiled programs"].found.rpartition(" in ")[2])
    shelf.mkdir(parents=True)
    (shelf / f"a.pb.{hashlib.sha256(b'sound').hexdigest()[:32]}").write_bytes(b"sound")
    (shelf / f"b.pb.{hashlib.sha256(b'before').hexdigest()[:32]}").write_bytes(b"after")
    found = checks(tmp_path)["compiled programs"]
    assert (found.state, found.found.rpartition("; ")[2]) == ("note", "1 are damaged")
    monkeypatch.setenv("ABLATE_XLA_CACHE", "off")
    assert checks(tmp_path)["compiled programs"].found == "switched off by ABLATE_XLA_CACHE"


def test_little_memory_and_little_disk_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_MEMORY", 2**60)
    monkeypatch.setattr(doctor, "LEAST_DISK", 2**60)
    found = checks(tmp_path)
    assert {found[name].state for name in ("memory", "free disk")} == {"note"}


@pytest.mark.parametrize(
    ("process", "said"),
    [
        (answer(stderr="Traceback\nImportError: no AVX", code=1), "ImportError: no AVX"),
        (answer(code=-4), "exit code -4"),
        (answer(json.dumps({**FOUND, "error": 0.5})), "a product compiled by XLA is 0.5 off"),
    ],
)
def test_a_tensorflow_that_does_not_work_is_wrong(
    process: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.subprocess, "run", process)
    found = checks(tmp_path)["TensorFlow"]
    assert found.state == "wrong"
    assert said in found.found
    assert found.advice
