"""User code is found and digested without running it, and its mistakes are errors of the study file."""

from pathlib import Path

import pytest

from ablate import api
from ablate.errors import StudyError
from ablate.usercode import code

STUDY = """
[study]
name = "coded"
replicates = 1
[data]
source = "iris"
[model]
hidden = [4]
activation = "shapes.bent:knee"
[training]
epochs = 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ablations.toml").write_text(STUDY)
    (tmp_path / "shapes").mkdir()
    (tmp_path / "shapes" / "__init__.py").write_text("")
    (tmp_path / "shapes" / "bent.py").write_text("from shapes import angles\n\ndef knee(x):\n    return x\n")
    (tmp_path / "shapes" / "angles.py").write_text("ANGLE = 1\nraise SystemExit('this was run')\n")
    (tmp_path / "unrelated.py").write_text("")
    return tmp_path


def key(folder: Path) -> str:
    return api.make_plan(api.load(folder / "ablations.toml")).everything[0].key


@pytest.mark.parametrize("statement", ["from shapes import angles", "from . import angles", "import shapes.angles"])
@pytest.mark.parametrize("changed", ["shapes/bent.py", "shapes/angles.py", "shapes/__init__.py"])
def test_changed_code_makes_other_runs(folder: Path, changed: str, statement: str) -> None:
    (folder / "shapes" / "bent.py").write_text(f"{statement}\n\ndef knee(x):\n    return x\n")
    before = key(folder)
    (folder / "unrelated.py").write_text("CHANGED = True\n")
    assert key(folder) == before
    with (folder / changed).open("a") as file:
        file.write("# changed\n")
    assert key(folder) != before


def test_the_folder_may_move(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = key(folder)
    moved = tmp_path_factory.mktemp("elsewhere") / "study"
    folder.rename(moved)
    assert key(moved) == before


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("shapes.bent:nee", r'model.activation = "shapes.bent:nee": .* defines no .nee.; did you mean .knee.'),
        ("shapes.bend:knee", r"there is no module 'shapes.bend'"),
        ("shapes.bent.more:knee", r"'bent' in 'shapes.bent.more' is a module, not a package"),
        ("math:tanh", r"'math' is not a Python source file"),
        ("broken:knee", r"cannot be read: .*invalid syntax"),
        ("shapes.bent:", r"should name a function as 'module:function'"),
        ("../shapes:knee", r"should name a function as 'module:function'"),
    ],
)
def test_what_is_wrong_with_a_reference_is_said_with_its_key(folder: Path, reference: str, message: str) -> None:
    (folder / "broken.py").write_text("def knee(:\n")
    with pytest.raises(StudyError, match=message):
        api.make_plan(api.load(folder / "ablations.toml", [f'model.activation="{reference}"']))


def test_names_that_a_star_import_may_bring_are_believed(folder: Path) -> None:
    (folder / "star.py").write_text("from shapes.bent import *\n")
    assert code.digest("star:whatever", folder, "model.activation") != code.digest("shapes.bent:knee", folder, "")
