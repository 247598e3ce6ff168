"""Five nights of a small recipe with code of its user's, as a CI server plays them: what the gate says of each."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sklearn.datasets import load_digits

from tests.conftest import default_signals

pytestmark = pytest.mark.slow

STUDY = """
[study]
name = "recipe"
replicates = 8
secondary = ["test_loss"]
save_models = "none"

[data]
source = "digits.csv"
label = "digit"

[model]
builder = "mine:make"

[training]
epochs = 12

[underfitting]
optimizer = { name = "adam", learning_rate = 0.01 }

[overfitting]
dropout = [0.0, 0.2]

[[claim]]
says = "The recipe reads digits"
metric = "test_accuracy"
treatment = { dropout = 0.0 }
at_least = 0.5
"""
CODE = """import keras
from keras import layers


def act(x):
    return {}


def make(input_shape, classes, dropout):
    return keras.Sequential([
        keras.Input(input_shape),
        layers.Dense(16, activation=act),
        layers.Dropout(dropout),
        layers.Dense(classes, activation="softmax"),
    ])
"""
GOOD = CODE.format("keras.ops.relu(x)")
# Negative parts are kept in place of positive ones. Initial weights are as often positive as negative, so such networks
# are as good as the others; but with the same seed it is another one.
OTHERWISE = CODE.format("-keras.ops.relu(-x)")
BROKEN = CODE.format("keras.ops.clip(x, 0.0, 0.05)")
ROWS = 500


def write_data(path: Path, rows: int = ROWS) -> None:
    digits = load_digits()
    lines = [",".join([*(f"p{place}" for place in range(64)), "digit"])]
    lines += [",".join(map(str, [*map(int, x), y])) for x, y in zip(digits.data[:rows], digits.target, strict=False)]
    path.write_text("\n".join(lines) + "\n")


class Nights:
    """A project and its nights; each begins with a fresh checkout, as on a CI server.

    Attributes:
        folder: the project.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []
        (folder / "ablations.toml").write_text(STUDY)
        (folder / "mine.py").write_text(GOOD)
        write_data(folder / "digits.csv")

    def ablate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-u", "-m", "ablate", *arguments]
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=default_signals,  # noqa: PLW1509 - no thread of the tests forks at that moment
            env={**os.environ, "GITHUB_STEP_SUMMARY": ""},
        )
        self.started.append(process)
        return process

    def run(self, night: str) -> None:
        done = self.ablate("run", "-o", night, "-j", "1")
        assert done.returncode == 0, done.stderr

    def check(self, night: str, *options: str) -> tuple[int, str]:
        """The exit code and the summary."""
        summary = self.folder / night / "summary.md"
        done = self.ablate("check", "-o", night, "--baseline", "baseline.json", "--summary", str(summary), *options)
        return done.returncode, summary.read_text()


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """The project after its first night, which was good."""
    made = Nights(tmp_path_factory.mktemp("recipe"))
    made.run("first")
    code, summary = made.check("first", "--save-baseline", "baseline.json")
    assert code == 0, summary
    assert "# 🟢 recipe: nothing is wrong" in summary
    assert "there was no stored baseline; nothing was compared" in summary
    assert (made.folder / "baseline.json").stat().st_size < 10_000
    yield made
    for process in made.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def change(nights: Nights) -> Iterator[Callable[[str], None]]:
    """A function that changes the user's code until the end of the test."""
    yield (nights.folder / "mine.py").write_text
    (nights.folder / "mine.py").write_text(GOOD)


def test_a_broken_builder_is_comparable_and_worse(nights: Nights, change: Callable[[str], None]) -> None:
    change(BROKEN)
    nights.run("broken")
    code, summary = nights.check("broken")
    assert code == 1, summary
    assert "# 🔴 recipe: 2 regressions" in summary
    assert "changed since the stored baseline: code of mine:make\n" in summary
    assert "- Regression: baseline: −" in summary
    assert "| `baseline` | **regression** |" in summary
    nothing = nights.check("broken", "--save-baseline", "broken.json")
    assert nothing[0] == 1
    assert not (nights.folder / "broken.json").exists(), "a red night does not become the baseline"
    assert "has changed since these runs" not in summary
    change(GOOD)
    code, summary = nights.check("broken")
    assert code == 3, "the code as it is now was not measured"
    assert "code of mine:make has changed since these runs were trained" in summary


def test_noise_is_no_regression(nights: Nights, change: Callable[[str], None]) -> None:
    change(OTHERWISE)
    nights.run("noise")
    code, summary = nights.check("noise")
    assert code == 0, summary
    assert "# 🟢 recipe: nothing is wrong" in summary
    assert "code of mine:make" in summary
    document = json.loads(nights.ablate("check", "-o", "noise", "--baseline", "baseline.json", "--json").stdout)
    assert all(row["low"] < row["high"] for row in document["treatments"]), "these are other numbers"
    assert {row["verdict"] for row in document["treatments"]} <= {"fine", "inconclusive"}


def test_a_night_that_dies_half_way_is_not_green_until_it_is_finished(nights: Nights) -> None:
    process = nights.start("run", "-o", "killed", "-j", "1")
    assert process.stderr is not None
    finished = 0
    for line in process.stderr:
        finished += "test accuracy" in line
        if finished == 3:
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    records = len(list((nights.folder / "killed").rglob("runs/*/*.json")))
    assert 3 <= records < 16
    code, summary = nights.check("killed")
    assert code == 3, summary
    assert f"{16 - records} runs missing" in summary
    nights.run("killed")
    code, summary = nights.check("killed")
    assert code == 0, summary
    assert summary.count("the same scores in every pair of runs") == 2


def test_other_data_cannot_be_compared(nights: Nights) -> None:
    write_data(nights.folder / "digits.csv", ROWS - 1)
    try:
        nights.run("data")
        code, summary = nights.check("data")
    finally:
        write_data(nights.folder / "digits.csv")
    assert code == 4, summary
    assert "# 🔴 recipe: not comparable with the stored baseline" in summary
    assert "other data: baseline, dropout=0.2" in summary
