"""Callbacks of the user's are told which run they are in, and their files do not replace each other."""

from pathlib import Path
from typing import Any

import keras
import pandas as pd
import pytest

from ablate import api
from ablate.results import upkeep
from ablate.results.store import Store
from ablate.studies import spec
from ablate.training.callbacks import own_callbacks
from ablate.training.isolation import own
from ablate.training.isolation.own import CallbackRun

CODE = """
import json
import keras

def log():
    return keras.callbacks.CSVLogger("logs/epochs.csv")

def note(run):
    def write(logs):
        told = {"key": run.key, "seed": run.seed, "treatment": dict(run.treatment)}
        (run.folder / "told.json").write_text(json.dumps(told))
    return keras.callbacks.LambdaCallback(on_train_end=write)

def plain(patience=3):
    return keras.callbacks.ReduceLROnPlateau(patience=patience)

class Fresh(keras.callbacks.Callback):
    def __init__(self, run):
        super().__init__()
        assert not list(run.folder.iterdir())
"""


@pytest.fixture
def study_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_code.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def run_in(folder: Path, key: str = "ab" * 32) -> CallbackRun:
    store = Store(folder / "reports")
    store.prepare()
    return CallbackRun(key, 7, {"dropout": "0.5"}, store.root)


def test_a_function_is_handed_the_run_if_it_has_a_parameter_of_that_name(study_folder: Path) -> None:
    run = run_in(study_folder)
    made = own_callbacks(["own_code:plain", "own_code:note", "own_code:Fresh"], run)
    assert [type(each).__name__ for each in made] == ["ReduceLROnPlateau", "LambdaCallback", "Fresh"]
    assert run.folder == study_folder / "reports" / "callbacks" / run.key
    assert not (study_folder / "reports" / "callbacks" / ("cd" * 32)).exists()  # made when it is asked for


@pytest.mark.parametrize(
    ("callback", "names"),
    [
        (keras.callbacks.CSVLogger, ["filename"]),
        (lambda path: keras.callbacks.ModelCheckpoint(f"{path}.keras"), ["filepath"]),
        (keras.callbacks.TensorBoard, ["log_dir"]),
        (keras.callbacks.BackupAndRestore, own._PATHS[keras.callbacks.BackupAndRestore]),
    ],
    ids=["log", "checkpoint", "tensorboard", "backup"],
)
def test_relative_paths_of_keras_callbacks_are_below_the_folder_of_the_run(
    study_folder: Path, callback: Any, names: list[str]
) -> None:
    run = run_in(study_folder)
    relative, absolute = callback("kept/it"), callback(str(study_folder / "shared"))
    for each in (relative, absolute):
        own.keep_apart(each, run)
    for name in names:
        assert Path(getattr(relative, name)).is_relative_to(run.folder / "kept")
        assert getattr(absolute, name).startswith(str(study_folder / "shared"))
    texts = [text for text in vars(relative).values() if isinstance(text, str) and "kept" in text]
    assert len(texts) >= len(names)
    assert all(text.startswith(str(run.folder)) for text in texts)  # none was forgotten


def test_every_run_of_a_study_has_files_of_its_own(study_folder: Path) -> None:
    document = {
        "study": {"name": "told", "replicates": 2},
        "data": {"source": "digits", "train_size": 100},
        "model": {"hidden": [4]},
        "training": {"epochs": 2, "callbacks": ["own_code:Fresh", "own_code:log", "own_code:note"]},
        "overfitting": {"dropout": [0.0, 0.5]},
    }
    study = spec.build(document, study_folder / "ablations.toml")
    results = api.run(study, jobs=1)
    assert set(results.runs["status"]) == {"ok"}, results.snapshot.failures
    folder = results.store.root / "callbacks"
    for row in results.runs.to_dict("records"):
        log = pd.read_csv(folder / row["run"] / "logs" / "epochs.csv")
        own_history = results.histories[results.histories["run"] == row["run"]]
        assert log["val_loss"].tolist() == pytest.approx(own_history["val_loss"].tolist())
        told = (folder / row["run"] / "told.json").read_text()
        assert f'"seed": {row["seed"]}, "treatment": {{"dropout": "{row["dropout"]}"}}' in told
    assert not (study_folder / "logs").exists()
    inventory = upkeep.verify(results.store)
    assert inventory.findings == ()
    assert upkeep.garbage(results.store, inventory) == []
    first = results.runs["run"][0]
    unused = {each.path for each in upkeep.unused(results.store, set(results.runs["run"]) - {first})}
    assert {folder / first, results.store.record_path(first)} <= unused
    results.store.record_path(first).unlink()  # trained again, it begins with an empty folder
    assert set(api.run(study, jobs=1).runs["status"]) == {"ok"}


@pytest.mark.parametrize("path", ["../../up.csv", "logs/../../up.csv"])
def test_a_relative_path_does_not_leave_the_folder_of_its_run(study_folder: Path, path: str) -> None:
    run = run_in(study_folder)
    with pytest.raises(ValueError, match=r"CSVLogger: the relative path .* leaves the folder of its run; give one"):
        own.keep_apart(keras.callbacks.CSVLogger(path), run)
    assert not (study_folder / "reports" / "up.csv").exists()
    assert not (study_folder / "reports" / "callbacks" / run.key).exists()
