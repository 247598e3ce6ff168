"""The studies of `examples/` and the page that shows their designs."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.data import sources
from ablate.settings.levels import INITIALIZERS, OPTIMIZERS, SCHEDULES
from ablate.settings.remedies import REMEDIES
from ablate.settings.run import Data
from tests.commands import ablate
from tests.stranger import Stranger

ROOT = Path(__file__).parents[1]
DESIGNS = ROOT / "docs" / "designs.md"
STUDIES = [ROOT / "ablations.toml", *sorted((ROOT / "examples").rglob("*.toml"))]
BLOCK = re.compile(r"<!-- plan: (\S+) -->\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)


def planned(study: str, folder: Path) -> str:
    result = ablate("plan", "-c", ROOT / study, "-o", folder)
    assert result.exit_code == 0, result.output
    summary = next(line for line in result.stderr.splitlines() if " compiled programs" in line)
    notes = [line for line in result.stderr.splitlines() if line.startswith("Note: ")]
    return "\n".join([*result.stdout.splitlines(), summary.partition(";")[0], *notes]) + "\n"


def test_the_page_of_designs_shows_what_plan_says(request: Any, tmp_path: Path) -> None:
    text = DESIGNS.read_text(encoding="utf-8")
    studies = BLOCK.findall(text)
    assert {Path(name).name for name, _ in studies} == {path.name for path in (ROOT / "examples" / "designs").iterdir()}

    def block(match: re.Match[str]) -> str:
        return f"<!-- plan: {match[1]} -->\n\n```text\n{planned(match[1], tmp_path)}```\n"

    now = BLOCK.sub(block, text)
    if request.config.getoption("--regenerate-golden"):
        DESIGNS.write_text(now, encoding="utf-8")
    assert now == DESIGNS.read_text(encoding="utf-8")


def test_the_tables_of_the_examples_are_those_that_their_script_writes(tmp_path: Path) -> None:
    folder = ROOT / "examples" / "tables"
    runpy.run_path(str(folder / "make_tables.py"))["write"](tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in folder.glob("*.csv")}
    assert len(written) == 7


def test_the_page_of_tables_shows_what_plan_says(tmp_path: Path) -> None:
    """Its first example is the bank's table; the others are named with their keys."""
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    shown = re.search(r"```text\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    study = ROOT / "examples" / "tables" / "bank.toml"
    said = ablate("plan", "-c", study, "-o", tmp_path).stderr.splitlines()
    assert [line for line in said if line.startswith(("  ", "Note: "))] == shown[1].splitlines()
    for path in (ROOT / "examples" / "tables").glob("*.toml"):
        assert f"({os.path.relpath(path, ROOT / 'docs')})" in page
        given = set(tomllib.loads(path.read_text(encoding="utf-8"))["data"]) - {"source", "label"}
        row = next(line for line in page.splitlines() if line.startswith(f"| [{path.stem}]"))
        assert {name.strip("`") for name in row.split("|")[3].strip().split(", ")} - {"none"} == given


def taplo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("taplo")), "check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})


@pytest.fixture(scope="module")
def schema(tmp_path_factory: Any) -> str:
    path = tmp_path_factory.mktemp("schema") / "schema.json"
    path.write_text(ablate("schema").stdout)
    return path.as_uri()


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_a_language_server_finds_every_study_in_order(study: Path, schema: str) -> None:
    done = taplo("--schema", schema, study)
    assert done.returncode == 0, done.stderr


def test_a_language_server_finds_what_is_wrong(schema: str) -> None:
    done = taplo("--schema", schema, ROOT / "tests" / "fixtures" / "bad.toml")
    assert done.returncode != 0
    for wrong in ('"gird"', "'colour' was unexpected", "'droput' was unexpected", '"sigmod"'):
        assert wrong in done.stderr


def test_what_init_writes_names_its_schema(tmp_path: Path) -> None:
    assert ablate("init", tmp_path).exit_code == 0
    study = tmp_path / "ablations.toml"
    assert taplo(study).returncode == 0
    study.write_text(study.read_text().replace("replicates = 10", 'replicates = "ten"'))
    done = taplo(study)
    assert done.returncode != 0
    assert '"ten" is not of type "integer"' in done.stderr


MODELS_PAGE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("warm")
def test_the_page_of_models_shows_studies_that_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stranger: Stranger
) -> None:
    """Its studies and modules, its model file made of what they trained, its function of data, and its callback."""
    unchanged, study, file, function = re.findall(r"```toml\n(.*?)```", MODELS_PAGE, re.DOTALL)
    network, module, data, callback = re.findall(r"```python\n(.*?)```", MODELS_PAGE, re.DOTALL)
    (tmp_path / "my_models.py").write_text(module)
    (tmp_path / "digits_cnn.py").write_text(network)
    (tmp_path / "unchanged.toml").write_text(unchanged)
    (tmp_path / "my_data.py").write_text(data)
    (tmp_path / "mine.py").write_text(callback)
    (tmp_path / "ablations.toml").write_text(study)
    rest = '[study]\nname = "{}"\nreplicates = 1\n{}\n[training]\nepochs = 1\n'
    told = 'callbacks = ["mine:log"]\n[overfitting]\ndropout = [0.0, 0.5]\n'
    digits, dense = '[data]\nsource = "digits"\nscale = "none"\n', "[model]\nhidden = [4]\n"
    (tmp_path / "file.toml").write_text(rest.format("from-file", digits + file))
    (tmp_path / "function.toml").write_text(rest.format("from-function", dense + function) + told)

    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Any:
        done = ablate(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    assert len(unchanged.splitlines()) == 15
    assert call("run", "-c", "unchanged.toml", "--replicates", "1", "-S", "training.epochs=4")["trained"] == 7
    call("export", "-c", "unchanged.toml", "--replicates", "1", "-S", "training.epochs=4", "--format", "json")
    _assert_saved_as_recorded(tmp_path / "reports" / "digits-cnn", stranger)
    assert (tmp_path / "digits_cnn.py").read_text() == network

    assert call("run", "--replicates", "1")["trained"] == 6
    call("export", "--format", "json")
    runs = json.loads((tmp_path / "reports" / "small-cnn" / "runs.json").read_text(encoding="utf-8"))
    assert {run["trainer"] for run in runs} <= {"compiled", "graph"}  # whichever is faster here
    assert all(run["test_accuracy"] > 0.5 for run in runs)
    saved = next((tmp_path / "reports" / "small-cnn" / "models").glob("*.keras"))
    shutil.copy(saved, tmp_path / "start.keras")
    assert call("run", "-c", "file.toml", "--trust-model")["trained"] == 1
    assert call("run", "-c", "function.toml")["trained"] == 2
    assert len(list((tmp_path / "reports" / "from-function" / "callbacks").glob("*/epochs.csv"))) == 2


def _assert_saved_as_recorded(results: Path, stranger: Stranger) -> None:
    """The networks that were kept load where nobody knows of this package, and score as their records say."""
    digits = sources.load(Data(source="digits"), Path())
    np.savez(results / "test.npz", x=digits.x[digits.test].reshape(-1, 8, 8), y=digits.y[digits.test])
    runs = {run["run"]: run for run in json.loads((results / "runs.json").read_text(encoding="utf-8"))}
    saved = list((results / "models").glob("*.keras"))
    assert len(saved) == 2  # the baseline's and the best treatment's
    for path in saved:
        found = stranger.score(path, results / "test.npz")
        assert found.accuracy == pytest.approx(runs[path.stem]["test_accuracy"], abs=1e-6)
        assert found.loss == pytest.approx(runs[path.stem]["test_loss"], rel=1e-4)
        assert not found.modules & {"ablate", "digits_cnn"}


REMEDIES_PAGE = (ROOT / "docs" / "remedies.md").read_text(encoding="utf-8")
CHANGE = re.compile(r"```diff\n--- (\S+)\n(.*?)```", re.DOTALL)
ADDED = """
[study]
name = "added"
replicates = 1
[data]
source = "iris"
[model]
hidden = [4]
[training]
epochs = 1
[overfitting]
activity_l1 = [0.0, 0.5]
"""


def test_the_page_of_remedies_names_them_all() -> None:
    for name in (*REMEDIES, *OPTIMIZERS, *INITIALIZERS, *SCHEDULES):
        assert f"`{name}`" in REMEDIES_PAGE or f'`"{name}"`' in REMEDIES_PAGE


def test_a_remedy_is_added_in_two_files_as_the_page_says(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ablate", tmp_path / "ablate", ignore=shutil.ignore_patterns("__pycache__"))
    changes = CHANGE.findall(REMEDIES_PAGE)
    assert [name for name, _ in changes] == ["ablate/settings/remedies.py", "ablate/training/model.py"]
    for name, change in changes:
        lines = change.splitlines()
        before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
        after = "\n".join(line[1:] for line in lines)
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert text.count(before) == 1
        (tmp_path / name).write_text(text.replace(before, after), encoding="utf-8")
    (tmp_path / "ablations.toml").write_text(ADDED)

    def call(*arguments: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert str(tmp_path) in call("-c", "import ablate; print(ablate.__file__)")
    assert "activity_l1" in call("-m", "ablate", "schema")
    call("-m", "ablate", "run", "-j", "1")
    call("-m", "ablate", "export", "--format", "json")
    runs = json.loads((tmp_path / "reports" / "added" / "runs.json").read_text(encoding="utf-8"))
    assert {str(run["activity_l1"]): run["trainer"] for run in runs} == {"0": "compiled", "0.5": "compiled"}
    without, penalized = (next(run for run in runs if run["activity_l1"] == level) for level in ("0", "0.5"))
    assert penalized["loss"] > without["loss"] + 0.1
