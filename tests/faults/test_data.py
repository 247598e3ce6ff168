"""Data and code that change while a study is trained: no record is made of anything but what the keys say."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.faults.conftest import BOTH_TRAINERS, STAND_IN, Place, wait_for

STUDY = ("-S", "data.source='own.npz'", "-S", "data.train_size=100", "-S", "study.replicates=10")


def write(path: Path, seed: int, rows: int = 300) -> None:
    rng = np.random.default_rng(seed)
    np.savez(path, x_train=rng.random((rows, 8), np.float32), y_train=np.arange(rows) % 3)


@pytest.mark.parametrize("change", ["other values", "truncated", "gone"])
def test_a_file_that_changes_ends_the_study_in_words(place: Place, change: str) -> None:
    """Workers hold what they have read; a new one, after a crash, finds that the file is another."""
    own = place.folder / "own.npz"
    write(own, 1)
    with place.start("run", "-j1", *STUDY, "-S", "training.epochs=400") as process:
        wait_for(process, "2/20")
        match change:
            case "other values":
                write(own, 2)
            case "truncated":
                own.write_bytes(own.read_bytes()[:1000])
            case "gone":
                own.unlink()
        wait_for(process, "4/20")
        for worker in place.workers():
            os.kill(worker, signal.SIGKILL)
        _, err = process.communicate(timeout=240)
    assert process.returncode == 2
    assert "own.npz" in err
    assert "Traceback" not in err
    assert ("changed since the study began" in err) or ("could be read when the study began, but not now" in err)
    kept = len(list(place.store.record_paths()))
    assert kept >= 4
    if change == "other values":
        again = place.ablate("run", "-j2", "--json", *STUDY, "-S", "training.epochs=400")
        assert json.loads(again.stdout)["trained"] == 20, "other data, other runs"


@BOTH_TRAINERS
def test_a_file_that_is_read_during_training_is_watched(place: Place) -> None:
    """Data beyond memory stays in its file: what was read of two versions of it makes no record."""
    own = place.folder / "own.npz"
    write(own, 1, rows=3000)
    usual = f"import runpy\nrunpy.run_path('{STAND_IN}/sitecustomize.py')\n" if place.trainer == "stand-in" else ""
    (place.folder / "sitecustomize.py").write_text(
        f"from ablate import reading\nreading.memory_limit = lambda: 50_000\n{usual}"  # as on a very small machine
    )
    (place.folder / "touches.py").write_text(
        "import keras, pathlib\n"
        "class Touch(keras.callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n"
        "        path = pathlib.Path(__file__).parent / 'own.npz'\n"
        "        with path.open('r+b') as file:\n"
        "            file.seek(2000)\n"
        "            file.write(b'1234')\n"
    )
    once = ("-S", "study.replicates=1", "-S", 'training.callbacks=["touches:Touch"]')
    with place.start("run", "-j1", *STUDY[:2], *once, python_path=str(place.folder)) as process:
        _, err = process.communicate(timeout=240)
    assert process.returncode == 2, err
    assert "own.npz changed while a run read it" in err
    assert list(place.store.record_paths()) == []


def test_code_that_changes_ends_the_study_in_words(place: Place) -> None:
    """Every run imports it anew: no run has another version than its key says, and the study ends."""
    module = place.folder / "mine.py"
    module.write_text("import keras\n\n\ndef half(x):\n    return keras.ops.relu(x) / 2\n")
    study = ("-S", "model.activation='mine:half'", "-S", "study.replicates=10", "-S", "training.epochs=400")
    with place.start("run", "-j1", *study) as process:
        wait_for(process, "2/20")
        module.write_text(module.read_text().replace("2", "3"))
        _, err = process.communicate(timeout=240)
    assert process.returncode == 2
    assert "the code of mine:half changed since the study began" in err
    assert "Traceback" not in err
    assert len(list(place.store.record_paths())) >= 2
