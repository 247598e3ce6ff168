"""The commands as processes: what reaches which stream, live progress, closed pipes, interrupts."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands import TINY
from tests.conftest import default_signals


def test_progress_elsewhere_than_on_a_terminal_is_a_line_for_each_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ablate", "run", "-c", TINY, "-o", str(tmp_path), "-j1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if "/4 " in line]
    assert len(lines) == 4
    assert all("test accuracy" in line and line.startswith("20") for line in lines)
    assert "\x1b" not in done.stderr


def test_a_closed_pipe_is_not_a_traceback(tiny_results: Path) -> None:
    command = f"{sys.executable} -m ablate status -o {tiny_results} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_progress_on_a_terminal_is_live(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "ablate", "run", "-c", TINY, "-o", str(tmp_path), "-j1"]
    process = subprocess.Popen(command, stdout=follower, stderr=follower, env={**os.environ, "TERM": "xterm"})
    os.close(follower)
    seen = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
    assert process.wait(30) == 0
    os.close(leader)
    assert b"runs" in seen
    assert b"epochs" in seen
    assert b"\x1b[" in seen
    assert b"4 trained" in seen


@pytest.mark.parametrize("delay", [0.3, 1.5])
def test_an_interrupt_before_training_is_exit_130(delay: float, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ablate", "run", "-c", TINY, "-o", str(tmp_path), "-S", "training.epochs=1000000"]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=default_signals,  # noqa: PLW1509 - no thread of the tests forks at that moment
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()  # the study is read: imports are over
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(60) == 130
    assert "Traceback" not in rest


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ablate", "plan", "-c", str(tmp_path / "absent.toml"), "--debug"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" in done.stderr
    assert done.returncode == 2
