"""Data from a function of the user's meets the checks of a file, and its mistakes are errors of the study file."""

from pathlib import Path

import numpy as np
import pytest

from ablate import api
from ablate.data import provided, sources
from ablate.errors import StudyError
from ablate.settings.run import Data

MODULE = """
import numpy as np

def rows():
    print("this does not reach the terminal")
    y = np.arange(90) % 3
    return np.random.default_rng(1).random((90, 4, 2)) + y[:, None, None], y

def parts():
    x, y = rows()
    return (x[:60].astype("uint8"), [f"class {each}" for each in y[:60]]), (x[60:].astype("uint8"), y[60:])

def same_parts():
    x, y = rows()
    return (x[:60], y[:60]), (x[60:], y[60:])

def lists():
    return [[0, 1], [2, 3]] * 9, [0, 1] * 9

def raises():
    return rows()[0][:, "no"], 1

def wrong():
    return {"x": 1}

def uneven():
    return [[1, 2], [1, 2, 3], [1, 2]], [0, 1, 0]


def ragged():
    return [np.zeros((30, 4)), np.zeros((30, 8))], np.arange(30) % 3


def two_inputs():
    return [np.zeros((30, 4)), np.zeros((30, 4))], np.arange(30) % 3


def by_name():
    return {"image": np.zeros((30, 4)), "age": np.zeros(30)}, np.arange(30) % 3


def objects():
    return np.array([object()] * 4), [0, 1, 0, 1]

def leaves():
    import os
    os._exit(3)

def stops():
    raise SystemExit("enough")

def hangs():
    import time
    time.sleep(60)

def not_finite():
    x, y = rows()
    return x / 0, y

def changing():
    return np.random.random((90, 4)), np.arange(90) % 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MODULE)
    return tmp_path


def load(folder: Path, name: str, **keys: str) -> sources.Dataset:
    return sources.load(Data.model_validate({"source": f"mine:{name}", **keys}), folder)


def test_a_function_gives_a_data_set(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found, again = load(folder, "rows"), load(folder, "rows")
    assert (found.x.shape, found.shape, found.scale) == ((90, 8), (4, 2), "none")
    assert found.digest == again.digest
    assert len(found.test) == 18
    assert capfd.readouterr().out == ""
    own_part = load(folder, "same_parts")
    assert own_part.test.tolist() == list(range(60, 90))
    np.testing.assert_array_equal(np.asarray(own_part.x), np.asarray(found.x))
    assert load(folder, "lists").shape == (2,)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raises", r"raised IndexError: .* \(mine.py, line 21\)"),
        ("wrong", r"returned dict, and should return \(x, y\), or \(\(x_train, y_train\), \(x_test, y_test\)\)"),
        ("objects", "returned x_train of ndarray, which is no array of numbers or texts"),
        ("leaves", r"ended its process \(exit code 3\) and gave nothing back"),
        ("stops", r"ended its process \(exit code 1\) and gave nothing back"),
        ("not_finite", "feature values are NaN, infinite or too large"),
        ("parts", "y_test has labels that y_train has not"),
        ("nothing", "defines no 'nothing'"),
        (
            "ragged",
            r"returned x_train as 2 arrays of shapes \(30, 4\), \(30, 8\); networks take one input here: join several",
        ),
        ("two_inputs", r"returned x_train as 2 arrays of shapes \(30, 4\), \(30, 4\); networks take one input here"),
        ("by_name", "returned x_train of dict, which is no array of numbers or texts; networks take one input here"),
        ("uneven", r"returned x_train as 3 rows of different shapes \(\(2,\), \(3,\)\), which make no array"),
    ],
)
def test_what_goes_wrong_is_said(folder: Path, name: str, message: str) -> None:
    with pytest.raises(StudyError, match=f'data.source = "mine:{name}": .*{message}'):
        load(folder, name)


def test_a_function_that_hangs_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provided, "TIMEOUT", 2)
    with pytest.raises(StudyError, match="gave nothing back within 2 s"):
        load(folder, "hangs")


def test_a_label_is_for_tables(folder: Path) -> None:
    with pytest.raises(StudyError, match=r"data.label = .kind.: is for tables"):
        load(folder, "rows", label="kind")


def test_a_run_key_holds_what_came_and_not_how(folder: Path) -> None:
    (folder / "ablations.toml").write_text(
        '[study]\nname = "given"\nreplicates = 1\n[data]\nsource = "mine:rows"\n'
        "[model]\nhidden = [3]\n[training]\nepochs = 1\n"
    )
    before = api.make_plan(api.load(folder / "ablations.toml"))
    (folder / "mine.py").write_text(MODULE + "# changed\n")
    assert api.make_plan(api.load(folder / "ablations.toml")).everything == before.everything
    (folder / "mine.py").write_text(MODULE.replace("default_rng(1)", "default_rng(2)"))
    assert api.make_plan(api.load(folder / "ablations.toml")).everything != before.everything
