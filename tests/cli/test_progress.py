"""Progress without a terminal: a line per finished run, a heartbeat, and nothing that a terminal would obey."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

STUDY = """
[study]
name = "noisy"
replicates = 1
save_models = "none"

[data]
source = "plain.csv"
label = "label"

[model]
hidden = [8]
activation = "relu"

[training]
epochs = {epochs}
callbacks = [{callbacks}]

[factors]
data.source = ["plain.csv", "bell\\u0007\\u001b[31m.csv"]
"""
CODE = """import time

import keras


class Slow(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.2)


def slow():
    return Slow()


def fails():
    raise ValueError("first\\x1b[2J\\r\\nsecond\\x07\\x00 \\x9b1m end")
"""
TABLE = "label,x,y\n" + "".join(f"{row % 2},{row},{row * row % 7}\n" for row in range(200))
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 (\d)/2 (.*)")
HEARTBEAT = """
import sys
from pathlib import Path

from ablate import api
from ablate.cli.console import Output
from ablate.cli.progress import listener

if __name__ == "__main__":
    plan = api.make_plan(api.load(Path("ablations.toml")))
    with listener(Output(quiet=False, verbose=False, as_json=False, color=True), heartbeat=0.3) as hears:
        api.run_plan(plan, api.Options(1), hears)
"""


def project(folder: Path, callbacks: str, epochs: int) -> Path:
    (folder / "ablations.toml").write_text(STUDY.format(epochs=epochs, callbacks=callbacks))
    (folder / "noise.py").write_text(CODE)
    (folder / "plain.csv").write_text(TABLE)
    (folder / "bell\x07\x1b[31m.csv").write_text(f"{TABLE}1,2,3\n")
    return folder


def stderr_of(folder: Path, *command: str, code: int, **environment: str) -> list[str]:
    """What a program says on a stderr that is no terminal, a line each."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code, done.stderr.decode()
    assert done.stdout == b""
    assert all(byte >= 0x20 or byte == 0x0A for byte in done.stderr), done.stderr
    text = done.stderr.decode()
    assert "\x9b" not in text
    return text.splitlines()


def test_a_line_for_each_run_holds_no_control_characters(tmp_path: Path) -> None:
    place = project(tmp_path, '"noise:fails"', 2)
    said = stderr_of(place, "-m", "ablate", "run", "-j1", code=3, FORCE_COLOR="1", TERM="xterm-256color")
    lines = [match for match in map(LINE.fullmatch, said) if match]
    assert [match[1] for match in lines] == ["1", "2"]
    assert all("failed: ValueError: first second\ufffd\ufffd \ufffd1m end" in match[2] for match in lines)
    assert r"data.source=bell\x07\x1b[31m.csv seed 1" in lines[1][2]


def test_a_heartbeat_is_heard_while_nothing_finishes(tmp_path: Path) -> None:
    place = project(tmp_path, '"noise:slow"', 6)
    (place / "script.py").write_text(HEARTBEAT)
    said = stderr_of(place, "script.py", code=0, FORCE_COLOR="1")
    lines = [match for match in map(LINE.fullmatch, said) if match]
    beats = [match for match in lines if "training: " in match[2]]
    finished = [match for match in lines if "test accuracy" in match[2]]
    assert len(finished) == 2
    assert len(beats) >= 2
    assert re.search(r"training: \d+ of at most 12 epochs", beats[-1][2])
