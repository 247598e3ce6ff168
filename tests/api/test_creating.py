"""Studies made in Python: what is written says what was given, and nobody's file is replaced."""

import importlib
import linecache
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ablate
from ablate import api
from ablate.errors import AblateError, StudyError
from ablate.studies.spec import Study

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


def only(folder: Path, pattern: str) -> Path:
    """The one file of a pattern."""
    (found,) = folder.glob(pattern)
    return found


def keys(study: Study) -> list[str]:
    """What the runs of a study are kept under: digests of data, code and settings."""
    return [run.key for run in api.make_plan(study).everything]


def test_a_study_in_code_is_the_study_in_the_file(tmp_path: Path) -> None:
    made = ablate.study(
        [8], (X, Y), REMEDIES, name="in code", epochs=2, replicates=3, folder=tmp_path,
        settings={"training.batch_size": np.int64(16)},
    )  # fmt: skip
    read = api.load(tmp_path / "in_code.toml")
    assert read == made
    assert (made.name, len(made.seeds)) == ("in code", 3)
    assert {factor.name: len(factor.levels) for factor in made.factors} == {"dropout": 2, "init": 2}
    with np.load(only(tmp_path, "in_code_data_*.npz")) as kept:
        np.testing.assert_array_equal(kept["x_train"], X)
        np.testing.assert_array_equal(kept["y_train"], Y)
    assert made.settings({}).training.batch_size == 16


def test_training_and_test_parts_as_keras_gives_them(tmp_path: Path) -> None:
    ablate.study([8], ((X, Y), (X[:9], Y[:9])), REMEDIES, folder=tmp_path)
    with np.load(only(tmp_path, "study_data_*.npz")) as kept:
        assert {name: len(kept[name]) for name in kept} == {"x_train": 60, "y_train": 60, "x_test": 9, "y_test": 9}


def test_a_table_keeps_its_values_and_names(tmp_path: Path) -> None:
    table = pd.DataFrame({"length": X[:, 0], "colour": ["red", "blue"] * 30, "kind": Y})
    made = ablate.study([8], table, REMEDIES, label="kind", folder=tmp_path)
    pd.testing.assert_frame_equal(pd.read_csv(only(tmp_path, "study_data_*.csv")), table, check_exact=True)
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
    file = only(tmp_path, "my_study_model_*.py")
    assert made.settings({}).model.builder == f"{file.stem}:make"
    text = file.read_text()
    assert text.count("import keras\n") == text.count("UNITS = 6\n") == 1
    assert api.make_plan(made).pending


NETWORK = """
import keras
def make(input_shape, classes, dropout, init):
    inputs = keras.Input(input_shape)
    x = keras.layers.Dense(UNITS, kernel_initializer=init)(inputs)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
"""


def test_a_study_goes_on_meaning_what_it_meant(tmp_path: Path) -> None:
    first = ablate.study(of_a_notebook(f"UNITS = 4{NETWORK}"), (X, Y), REMEDIES, folder=tmp_path)
    before = keys(first)
    second = ablate.study(of_a_notebook(f"UNITS = 5{NETWORK}"), (X + 1, Y), REMEDIES, folder=tmp_path)
    assert keys(first) == before
    assert not set(keys(second)) & set(before)
    assert api.load(tmp_path / "study.toml") == second
    files = sorted(path.name for path in tmp_path.iterdir())
    again = ablate.study(of_a_notebook(f"UNITS = 4{NETWORK}"), (X, Y), REMEDIES, folder=tmp_path)
    assert keys(again) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == files


def test_tables_of_one_name_are_two_files(tmp_path: Path) -> None:
    table = pd.DataFrame({"length": X[:, 0], "kind": Y})
    first = ablate.study([8], table, REMEDIES, label="kind", folder=tmp_path)
    ablate.study([8], table + 1, REMEDIES, label="kind", folder=tmp_path)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / first.settings({}).data.source), table, check_exact=True)


def test_a_keras_model_is_a_file_for_every_content(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    first = str(ablate.study(model, (X, Y), {"dropout": [0.0, 0.2]}, folder=tmp_path).settings({}).model.file)
    content = (tmp_path / first).read_bytes()
    same = ablate.study(model, (X, Y), {"dropout": [0.0, 0.2]}, folder=tmp_path)
    assert same.settings({}).model.file == first
    model.set_weights([np.ones_like(each) for each in model.get_weights()])
    other = ablate.study(model, (X, Y), {"dropout": [0.0, 0.2]}, folder=tmp_path)
    assert other.settings({}).model.file != first
    assert (tmp_path / first).read_bytes() == content


@pytest.mark.parametrize("other", ["a-b", "a_b"])
def test_names_that_differ_in_signs_do_not_share_a_file(other: str, tmp_path: Path) -> None:
    first = ablate.study([8], (X, Y), REMEDIES, name="a b", folder=tmp_path)
    with pytest.raises(AblateError, match=f"a_b.toml is there already, of the study 'a b', and '{other}'"):
        ablate.study([9], (X + 1, Y), REMEDIES, name=other, folder=tmp_path)
    assert api.load(tmp_path / "a_b.toml") == first
    assert ablate.study([9], (X, Y), REMEDIES, name="a b", folder=tmp_path).settings({}).model.hidden == [9]


def test_files_of_somebody_else_are_not_replaced(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("# mine\n")
    with pytest.raises(AblateError, match=r"own\.toml is there already"):
        ablate.study([8], (X, Y), REMEDIES, name="own", folder=tmp_path)
    assert own.read_text() == "# mine\n"


def test_a_file_of_data_that_was_changed_is_not_taken_for_what_is_given(tmp_path: Path) -> None:
    ablate.study([8], (X, Y), REMEDIES, folder=tmp_path)
    file = only(tmp_path, "study_data_*.npz")
    np.savez(file, x_train=X + 1, y_train=Y)
    with pytest.raises(AblateError, match=f"{file.name} is there already, and was changed"):
        ablate.study([8], (X, Y), REMEDIES, folder=tmp_path)
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(AblateError, match=f"{file.name} is there already, and cannot be read"):
        ablate.study([8], (X, Y), REMEDIES, folder=tmp_path)


def test_a_module_that_workers_would_find_elsewhere_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, units in (("here", 4), ("there", 64)):
        (tmp_path / place).mkdir()
        (tmp_path / place / "two_nets.py").write_text(f"UNITS = {units}\n{NETWORK}")
    monkeypatch.syspath_prepend(tmp_path / "here")
    monkeypatch.delitem(sys.modules, "two_nets", raising=False)
    two_nets = importlib.import_module("two_nets")
    found = ablate.study(two_nets.make, (X, Y), REMEDIES, folder=tmp_path / "elsewhere")
    assert found.settings({}).model.builder == "two_nets:make"
    with pytest.raises(AblateError, match=r"here/two_nets\.py, but .*there/two_nets\.py"):
        ablate.study(two_nets.make, (X, Y), REMEDIES, folder=tmp_path / "there")
    uses_it = of_a_notebook(
        "from two_nets import UNITS, make as inner\ndef make(classes):\n    return inner(classes)\n"
    )
    with pytest.raises(AblateError, match=r"here/two_nets\.py here, but .*there/two_nets\.py"):
        ablate.study(uses_it, (X, Y), REMEDIES, folder=tmp_path / "there")


def test_a_function_that_its_module_no_longer_has_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one_net.py").write_text(f"UNITS = 4\n{NETWORK}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "one_net", raising=False)
    one_net = importlib.import_module("one_net")
    before = one_net.make
    importlib.reload(one_net)
    with pytest.raises(AblateError, match="one_net:make is now"):
        ablate.study(before, (X, Y), REMEDIES, folder=tmp_path)


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
