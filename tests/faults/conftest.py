"""Studies started as a user starts them, every process of which can be found again."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ablate.results.store import Store
from tests.conftest import STUDIES, default_signals

MARK = "ABLATE_TEST_MARK"
KILLS = int(os.environ.get("ABLATE_KILLS", "4"))  # the nightly workflow asks for more
STAND_IN = str(Path(__file__).parent / "stand_in")
BOTH_TRAINERS = pytest.mark.parametrize(
    "place", ["stand-in", pytest.param("keras", marks=pytest.mark.slow)], indirect=True
)


class Place:
    """A folder with a study in it, and the processes that were started there.

    Args:
        folder: where the study file lies.
        trainer: `keras`, or `stand-in` for one that needs no TensorFlow and learns nothing.

    Attributes:
        folder: the same.
        store: the study's results.
    """

    def __init__(self, folder: Path, trainer: str = "stand-in") -> None:
        self.folder = folder
        self.trainer = trainer
        self.store = Store(folder / "reports" / "tiny")
        self._mark = secrets.token_hex(16)
        (folder / "ablations.toml").write_bytes((STUDIES / "tiny.toml").read_bytes())
        (folder / "faulty.py").write_bytes((Path(__file__).parent / "faulty.py").read_bytes())

    def start(self, *arguments: str, python_path: str = "", **options: Any) -> "subprocess.Popen[str]":
        """`ablate` with some arguments, in a session of its own, with folders before those that Python looks in."""
        command = [sys.executable, "-u", "-m", "ablate", *arguments]
        stand_in = STAND_IN if self.trainer == "stand-in" else ""
        path = os.pathsep.join(filter(None, (python_path, stand_in, os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, MARK: self._mark, "ABLATE_TEST_FOLDER": str(self.folder), "PYTHONPATH": path}
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": default_signals, **options}
        return subprocess.Popen(command, cwd=self.folder, env=environment, text=True, start_new_session=True, **options)

    def ablate(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The same, to its end."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def processes(self) -> list[int]:
        """Living processes that were started here, at whatever remove."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                    if state != "Z" and self._mark.encode() in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found

    def workers(self) -> list[int]:
        """Those that train, or are about to."""
        return [each for each in self.processes() if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]

    def wait_for_end(self) -> list[int]:
        """Wait until no process is left; those that are still there after a minute, which do not mean to end."""
        deadline = time.monotonic() + 60
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.processes()

    def measured(self) -> dict[str, Any]:
        """What every record says of its run, but for times and machine."""
        found = {}
        for path in self.store.record_paths():
            body = json.loads(path.read_bytes())["body"]
            del body["seconds"], body["environment"], body["history"]["seconds"]
            found[path.stem] = body
        return found

    def unfinished(self) -> list[Path]:
        """Temporary files in the results folder."""
        return self.store.temporaries()


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A place whose processes are ended with the test, with the stand-in's trainer unless `BOTH_TRAINERS` says more."""
    made = Place(tmp_path, getattr(request, "param", "stand-in"))
    yield made
    for process in made.processes():
        os.kill(process, signal.SIGKILL)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the tiny study as the stand-in has them, all four runs of it."""
    made = Place(tmp_path_factory.mktemp("trained"))
    done = made.ablate("run", "-j2")
    assert done.returncode == 0, done.stderr
    return made.folder / "reports"


@pytest.fixture
def finished(place: Place, results: Path) -> Place:
    """A place where the tiny study is trained."""
    shutil.copytree(results, place.folder / "reports", dirs_exist_ok=True)
    return place


def wait_for(process: "subprocess.Popen[str]", text: str) -> str:
    """Read what a process says on stderr until a line has a text in it; returns that line."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return line
    raise AssertionError(f"it ended without saying {text!r}")
