"""What a builder is handed is checked in its source; the study file says which of three networks is meant."""

from pathlib import Path

import pytest

from ablate import api
from ablate.errors import StudyError
from ablate.studies import design
from ablate.usercode import builders
from tests.conftest import study_of

MODULE = """
raise SystemExit("this was run")

def make(input_shape, classes, filters=8, *, dropout=0.0, init=None):
    pass

def takes_all(classes, **rest):
    pass

def wants(input_shape, classes, depth):
    pass

def no_classes(input_shape):
    pass

def by_position(input_shape, /, classes):
    pass

made = make
"""
STUDY = """
[study]
name = "built"
replicates = 1
[data]
source = "digits"
[model]
builder = "mine:make"
[training]
epochs = 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ablations.toml").write_text(STUDY)
    (tmp_path / "mine.py").write_text(MODULE)
    return tmp_path


def plan(folder: Path, *overrides: str) -> api.Plan:
    return api.make_plan(api.load(folder / "ablations.toml", overrides))


def problems(folder: Path, *overrides: str) -> str:
    with pytest.raises(StudyError) as caught:
        plan(folder, *overrides)
    return "\n".join(map(str, caught.value.problems))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.arguments.filtrs=3", "model.arguments.filtrs = 3: mine:make has no parameter 'filtrs'; did you mean"),
        ("overfitting.l2=[0.0, 0.1]", "overfitting.l2 = 0.1: mine:make has no parameter 'l2' to take it; add one in"),
        ("underfitting.batch_norm=true", "underfitting.batch_norm = true: mine:make has no parameter 'batch_norm'"),
        ("model.builder='mine:wants'", "wants an argument 'depth'; put it under [model.arguments], or give it a"),
        ("model.builder='mine:no_classes'", "has no parameter 'classes', which every builder is called with; add it"),
        ("model.builder='mine:by_position'", "takes 'input_shape' by position only; it is called by names"),
        ("model.builder='mine:made'", "should be defined in"),
        ("model.builder='mine:mak'", "defines no 'mak'; did you mean 'make'?"),
        ("model.hidden=[3]", "model: takes one of hidden = [64, 32], builder = 'module:function' and file = 'model"),
        ("model={}", "and file = 'model.keras', not none"),
        ("model={file='a.keras', arguments={a=1}}", "model: takes arguments with a builder alone"),
        ("model.activation='tanh'", "model: takes activation with hidden layers alone; a model from a builder has its"),
        ("model.arguments.classes=3", "model.arguments.classes = 3: is handed to every builder; remove the key"),
        ("model.arguments.dropout=0.1", "model.arguments.dropout = 0.1: is a remedy; write it under [overfitting]"),
        ("model.arguments={'a-b'=1}", "should be named as Python names an argument"),
        ("model.arguments.filters=1e400", "model.arguments.filters = inf: should be a finite number"),
        ("model.arguments.filters=1979-05-27", "should be a number, a text, true, false, or a list or table of them"),
        ("factors.model.arguments.filters=[]", "should hold at least 1 level"),
        ("factors={'model.arguments.filters'=[1, nan]}", 'factors."model.arguments.filters"[1] = nan: should be'),
        ("factors={'model.arguments.filters'=[16, '16']}", "looks in tables as another level does"),
        ("factors={'model.arguments'=[1]}", "arguments are varied one by one: name one, as in model.arguments.filters"),
        ("model={file='model.h5'}", 'model.file = "model.h5": should be a Keras model in a .keras file'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_anything_is_run(folder: Path, override: str, message: str) -> None:
    assert message in problems(folder, override)


def test_arguments_are_factors_however_they_are_written(folder: Path) -> None:
    written = (
        "factors={'model.arguments.filters'=[8, 16]}",
        "factors.model.arguments.filters=[8, 16]",
        "factors={'model.arguments'={filters=[8, 16]}}",
    )
    found = [[(run.treatment.name, run.key) for run in plan(folder, each).everything] for each in written]
    assert found[0] == found[1] == found[2]
    assert [name for name, _ in found[0]] == ["baseline", "model.arguments.filters=16"]
    study = api.load(folder / "ablations.toml", [written[0], "exclude=[{model.arguments.filters=16}]"])
    assert len(design.treatments(study)) == 1
    sizes = []
    for levels in ("[1, true]", "[1, 1.0]"):
        study = api.load(folder / "ablations.toml", [f"factors.model.arguments.on={levels}"])
        sizes.append(len(design.treatments(study)))
    assert sizes == [2, 1]


def test_a_builder_is_handed_the_remedies_that_it_has_a_parameter_for(folder: Path) -> None:
    settings = study_of(model={"hidden": [3]}, overfitting={"dropout": 0.3}).base
    assert builders.handed(settings, ["classes", "dropout", "max_norm", "optimizer"]) == {
        "dropout": 0.3,
        "max_norm": False,
    }
    assert plan(folder, "model.builder='mine:takes_all'", "model.arguments.anything=1").everything


def test_code_arguments_and_the_shape_of_the_data_are_in_a_key(folder: Path) -> None:
    keys = {plan(folder).everything[0].key, plan(folder, "model.arguments.filters=16").everything[0].key}
    code = plan(folder).identity.code
    assert set(code) == {"mine:make"}
    with (folder / "mine.py").open("a") as file:
        file.write("# changed\n")
    changed = plan(folder)
    assert changed.identity.code["mine:make"] != code["mine:make"]
    keys.add(changed.everything[0].key)
    import numpy as np

    for name, shape in (("flat", (90, 12)), ("image", (90, 3, 4)), ("turned", (90, 4, 3))):
        np.savez(folder / f"{name}.npz", x_train=np.arange(90 * 12.0).reshape(shape), y_train=np.arange(90) % 3)
        keys.add(plan(folder, f"data.source='{name}.npz'").everything[0].key)
    assert len(keys) == 6
    hidden = [plan(folder, "model={hidden=[3]}", f"data.source='{name}.npz'") for name in ("flat", "image")]
    assert hidden[0].everything[0].key == hidden[1].everything[0].key


def test_treatments_of_one_program_differ_in_the_seed_alone(folder: Path) -> None:
    found = plan(folder, "study.replicates=2", "overfitting.dropout=[0.0, 0.1, 0.2]")
    assert [len(group) for group in found.programs] == [2, 2, 2]


def test_the_resolved_study_reads_back(folder: Path) -> None:
    import tomllib

    from ablate.settings import document
    from ablate.studies import spec

    study = api.load(folder / "ablations.toml", ["model.arguments={filters=3, deep={a=[1, 'x']}}"])
    text = document.write(study.document())
    assert spec.build(tomllib.loads(text), study.source) == study
    assert "activation" not in text
    assert study.base.model.title == "mine:make(filters=3,deep=(a=[1,x]))"
