"""Data and code must be what the keys of a study's runs were made with, whenever a run uses them."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ablate.execution.unchanged import ChangedError, Unchanged
from ablate.usercode import model_files
from tests.execution.test_worker import assigned
from tests.execution.test_worker import folder as folder  # noqa: PLC0414 - a fixture

OTHER = "def act(x):\n    return x + 1\n"


@pytest.fixture
def unchanged() -> Unchanged:
    return Unchanged()


def test_data_that_changed_since_the_plan(folder: Path, unchanged: Unchanged) -> None:
    assignment = assigned(folder)
    with np.load(folder / "d.npz") as content:
        changed = {**content, "x_train": content["x_train"] + 1}
    np.savez(folder / "d.npz", **changed)
    with pytest.raises(ChangedError, match=r"d\.npz changed since the study began; run 'ablate run' again to use the"):
        unchanged.dataset(assignment)


def test_data_that_is_gone_since_the_plan(folder: Path, unchanged: Unchanged) -> None:
    assignment = assigned(folder)
    (folder / "d.npz").unlink()
    with pytest.raises(ChangedError, match="the data could be read when the study began, but not now"):
        unchanged.dataset(assignment)


def test_data_is_read_once(folder: Path, unchanged: Unchanged) -> None:
    assignment = assigned(folder)
    first = unchanged.dataset(assignment)
    (folder / "d.npz").unlink()
    assert unchanged.dataset(assignment) is first


@pytest.mark.parametrize("used_before", [False, True])
def test_code_that_changed_since_the_plan(folder: Path, unchanged: Unchanged, used_before: bool) -> None:
    """It is imported anew for every run: what an earlier run of the process had says nothing of this one's."""
    assignment = assigned(folder, model={"activation": "mine:act"})
    if used_before:
        unchanged.check_code(assignment)
    (folder / "mine.py").write_text(OTHER)
    with pytest.raises(ChangedError, match="the code of mine:act changed since the study began"):
        unchanged.check_code(assignment)


def test_a_module_that_the_code_imports_counts(folder: Path, unchanged: Unchanged) -> None:
    (folder / "mine.py").write_text(f"import rates\n\n\n{OTHER}")
    (folder / "rates.py").write_text("RATE = 0.01\n")
    assignment = assigned(folder, model={"activation": "mine:act"})
    unchanged.check_code(assignment)
    (folder / "rates.py").write_text("RATE = 5.00\n")
    with pytest.raises(ChangedError, match="the code of mine:act changed"):
        unchanged.check_code(assignment)


def test_code_that_was_written_anew_as_it_was_is_the_same(folder: Path, unchanged: Unchanged) -> None:
    assignment = assigned(folder, model={"activation": "mine:act"})
    unchanged.check_code(assignment)
    text = (folder / "mine.py").read_text()
    (folder / "mine.py").unlink()
    (folder / "mine.py").write_text(text)
    os.utime(folder / "mine.py", (0, 0))
    unchanged.check_code(assignment)


@pytest.mark.parametrize("used_before", [False, True])
def test_a_model_file_that_changed_since_the_plan(folder: Path, unchanged: Unchanged, used_before: bool) -> None:
    def write(text: str) -> None:
        with zipfile.ZipFile(folder / "m.keras", "w") as archive:
            for name in model_files.MEMBERS:
                archive.writestr(name, text)

    write("{}")
    assignment = assigned(folder, model={"file": "m.keras"})
    if used_before:
        unchanged.check_code(assignment)
    write("[]")
    with pytest.raises(ChangedError, match=r"m\.keras changed since the study began"):
        unchanged.check_code(assignment)


@pytest.mark.parametrize("gone", ["mine.py", "m.keras"])
def test_code_that_is_gone_since_the_plan(folder: Path, unchanged: Unchanged, gone: str) -> None:
    with zipfile.ZipFile(folder / "m.keras", "w") as archive:
        for name in model_files.MEMBERS:
            archive.writestr(name, "{}")
    model = {"file": "m.keras"} if gone == "m.keras" else {"activation": "mine:act"}
    assignment = assigned(folder, model=model)
    unchanged.check_code(assignment)
    (folder / gone).unlink()
    with pytest.raises(ChangedError, match="the code could be read when the study began, but not now"):
        unchanged.check_code(assignment)
