"""Studies made in Python: what is written says what was given, and nobody's file is replaced."""

import linecache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ablate
from ablate import api
from ablate.errors import AblateError, StudyError

REMEDIES = {"dropout": [0.0, 0.2], "init": ["glorot_uniform", "he_normal"]}
RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(60, 4)), np.arange(60) % 3


def of_a_notebook(source: str, name: str = "make") -> Any:
    """A function as a cell of a notebook defines it."""
    file = f"<cell {hash(source)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, file, "exec"), namespace)
    return namespace[name]


def test_a_study_in_code_is_the_study_in_the_file(tmp_path: Path) -> None:
    made = ablate.study(
        [8], (X, Y), REMEDIES, name="in code", epochs=2, replicates=3, folder=tmp_path,
        settings={"training.batch_size": np.int64(16)},
    )  # fmt: skip
    read = api.load(tmp_path / "in_code.toml")
    assert read == made
    assert (made.name, len(made.seeds)) == ("in code", 3)
    assert {factor.name: len(factor.levels) for factor in made.factors} == {"dropout": 2, "init": 2}
    with np.load(tmp_path / "in_code_data.npz") as kept:
        np.testing.assert_array_equal(kept["x_train"], X)
        np.testing.assert_array_equal(kept["y_train"], Y)
    assert made.settings({}).training.batch_size == 16


def test_training_and_test_parts_as_keras_gives_them(tmp_path: Path) -> None:
    ablate.study([8], ((X, Y), (X[:9], Y[:9])), REMEDIES, folder=tmp_path)
    with np.load(tmp_path / "study_data.npz") as kept:
        assert {name: len(kept[name]) for name in kept} == {"x_train": 60, "y_train": 60, "x_test": 9, "y_test": 9}


def test_a_table_keeps_its_values_and_names(tmp_path: Path) -> None:
    table = pd.DataFrame({"length": X[:, 0], "colour": ["red", "blue"] * 30, "kind": Y})
    made = ablate.study([8], table, REMEDIES, label="kind", folder=tmp_path)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "study_data.csv"), table, check_exact=True)
    plan = api.make_plan(made)
    assert next(iter(plan.data.values())).rows == 60


def test_sources_are_found_from_the_folder_of_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"a": X[:, 0], "kind": Y}).to_csv("mine.csv", index=False)
    made = ablate.study([8], "mine.csv", REMEDIES, label="kind", folder="deep/below")
    assert made.settings({}).data.source == "../../mine.csv"
    assert api.make_plan(made).pending
    assert ablate.study([8], "digits", REMEDIES, folder="other").settings({}).data.source == "digits"


def test_a_function_of_a_notebook_is_written_with_what_it_names(tmp_path: Path) -> None:
    function = of_a_notebook(
        "import keras\nUNITS = 6\ndef make(input_shape, classes, dropout, init):\n    return keras, UNITS\n"
    )
    made = ablate.study(function, (X, Y), REMEDIES, name="my study", folder=tmp_path)
    assert made.settings({}).model.builder == "my_study_model:make"
    text = (tmp_path / "my_study_model.py").read_text()
    assert text.count("import keras\n") == text.count("UNITS = 6\n") == 1
    assert api.make_plan(made).pending


def test_another_call_replaces_what_the_first_wrote_and_nothing_else(tmp_path: Path) -> None:
    ablate.study([8], (X, Y), REMEDIES, folder=tmp_path)
    ablate.study([9], (X + 1, Y), REMEDIES, folder=tmp_path)
    with np.load(tmp_path / "study_data.npz") as kept:
        np.testing.assert_array_equal(kept["x_train"], X + 1)
    own = tmp_path / "own.toml"
    own.write_text("# mine\n")
    with pytest.raises(AblateError, match=r"own\.toml is there already"):
        ablate.study([8], (X, Y), REMEDIES, name="own", folder=tmp_path)
    assert own.read_text() == "# mine\n"
    (tmp_path / "theirs_data.npz").write_bytes(b"theirs")
    with pytest.raises(AblateError, match=r"theirs_data\.npz is there already"):
        ablate.study([8], (X, Y), REMEDIES, name="theirs", folder=tmp_path)
    assert (tmp_path / "theirs_data.npz").read_bytes() == b"theirs"


def test_a_study_that_is_wrong_replaces_nothing(tmp_path: Path) -> None:
    ablate.study([8], (X, Y), REMEDIES, folder=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(AblateError, match="did you mean 'dropout'"):
        ablate.study([8], (X + 1, Y), {"dropuot": [0, 0.2]}, folder=tmp_path)
    with pytest.raises(StudyError, match="less than 1"):
        ablate.study([8], (X + 1, Y), {"dropout": [0, 2.5]}, folder=tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"data": (X, Y, Y)}, "data should be"),
        ({"data": (np.array([{"a": 1}, "b"], dtype=object), [0, 1])}, "x_train holds Python objects"),
        ({"data": pd.DataFrame({"a": [1]})}, "label is required"),
        ({"model": 7}, "model is a int; takes a function"),
        ({"model": lambda: None}, "inside another function|lambda"),
        ({"settings": {"study.name.more": 1}}, "leads through name"),
        ({"settings": {"training.learning_rate": None}}, "cannot be written as TOML"),
    ],
)
def test_what_cannot_be_used_is_an_error_in_words(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    arguments = {"model": [8], "data": (X, Y), "remedies": REMEDIES, **given}
    with pytest.raises(AblateError, match=message):
        ablate.study(**arguments, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
