"""The nightly workflow: where it is written, what a linter says of it, what it may do, and its scripts at work."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from ablate.cli import main, workflow
from tests.conftest import STUDIES

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def init(*arguments: object) -> Any:
    return CliRunner().invoke(main, ["init", *map(str, arguments)])


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def test_it_goes_to_the_root_of_the_repository_and_names_the_study(repository: Path) -> None:
    study = repository / "a folder" / "deep.toml"
    done = init(study, "--ci", "github", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["path"] == str(study)
    assert study.is_file()
    text = Path(document["workflow"]).read_text()
    assert document["workflow"] == str(repository / ".github" / "workflows" / "ablate-nightly.yml")
    found = yaml.safe_load(text)
    assert found["env"] == {"FOLDER": "a folder", "STUDY": "deep.toml", "BASELINE": "deep.baseline.json"}
    assert "VERSION" not in text


def test_what_is_there_is_never_overwritten(repository: Path) -> None:
    study, flow = repository / "ablations.toml", repository / workflow.NAME
    study.write_text("mine")
    done = init(study, "--ci", "github")
    assert done.exit_code == 0
    assert "stays as it is" in done.stderr
    flow.write_text("mine too")
    assert init(study, "--ci", "github").exit_code == 2
    assert flow.read_text() == "mine too"
    assert init(study, "--ci", "github", "--force").exit_code == 0
    assert flow.read_text() != "mine too"
    assert study.read_text() == "mine"
    assert init(study).exit_code == 2


def test_a_folder_without_a_repository_gets_its_own(tmp_path: Path) -> None:
    assert init(tmp_path / "ablations.toml", "--ci", "github").exit_code == 0
    assert yaml.safe_load((tmp_path / workflow.NAME).read_text())["env"]["FOLDER"] == "."
    strange = tmp_path / "${{ secrets.X }}"
    assert "${{ secrets" not in workflow.text(strange / "ablations.toml", tmp_path)


@pytest.mark.parametrize("install", ["git+https://host.example/somebody/ablate@v1", ".", "./tools/ablate[parquet]"])
def test_it_installs_what_it_is_told(repository: Path, install: str) -> None:
    done = init(repository / "ablations.toml", "--ci", "github", "--install", install)
    assert done.exit_code == 0, done.output
    steps = yaml.safe_load((repository / workflow.NAME).read_text())["jobs"]["study"]["steps"]
    (step,) = (step for step in steps if step.get("name") == "Install")
    assert step["run"] == f'python -m pip install "{install}"'
    assert "The workflow installs" not in done.stderr


def test_by_default_it_installs_this_version_and_says_so(repository: Path) -> None:
    done = init(repository / "ablations.toml", "--ci", "github")
    assert f"The workflow installs {workflow.DEFAULT}; where no index has it, --install names another" in done.stderr
    assert f'pip install "{workflow.DEFAULT}"' in (repository / workflow.NAME).read_text()


@pytest.mark.parametrize("install", ['x" && rm -rf "', "${{ secrets.X }}", "$(id)", "a\nb", "`id`"])
def test_nothing_else_than_an_installable_thing_gets_into_it(repository: Path, install: str) -> None:
    done = init(repository / "ablations.toml", "--ci", "github", "--install", install)
    assert done.exit_code == 2
    assert "should be a name, a folder or an address" in done.stderr
    assert not (repository / workflow.NAME).exists()


def lint(*files: Path) -> subprocess.CompletedProcess[str]:
    found = shutil.which("actionlint", path=os.pathsep.join((str(BIN), os.environ.get("PATH", ""))))
    if found is None:
        pytest.skip("needs actionlint on the path; CI runs it")
    return subprocess.run([found, "-no-color", *map(str, files)], capture_output=True, text=True, check=False)


def test_a_linter_finds_every_workflow_in_order(repository: Path) -> None:
    init(repository / "a folder" / "ablations.toml", "--ci", "github")
    own = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    assert len(own) == 2
    done = lint(*own, ROOT / "templates" / "nightly.yml", repository / workflow.NAME)
    assert done.returncode == 0, done.stdout


def test_a_linter_finds_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yml"
    text = (ROOT / "templates" / "nightly.yml").read_text()
    path.write_text(text.replace("runs-on:", "run-on:").replace("steps.check.outputs", "steps.chekc.outputs"))
    done = lint(path)
    assert done.returncode == 1
    assert '"run-on"' in done.stdout
    assert '"chekc"' in done.stdout


def test_it_may_do_no_more_than_it_needs() -> None:
    found = yaml.safe_load((ROOT / "templates" / "nightly.yml").read_text())
    assert found["permissions"] == {"contents": "read"}
    (schedule,) = found[True]["schedule"]  # YAML takes the key `on` for true
    assert schedule["cron"].split()[0] not in ("0", "30")
    assert "workflow_dispatch" in found[True]
    assert found["concurrency"]["cancel-in-progress"] is False
    study, baseline = found["jobs"]["study"], found["jobs"]["baseline"]
    assert "permissions" not in study
    assert all(job["timeout-minutes"] <= 120 for job in (study, baseline))
    assert study["steps"][0]["with"]["persist-credentials"] is False
    assert baseline["permissions"] == {"contents": "write"}
    assert "ablate" not in baseline["steps"][-1]["run"].replace("ablate-nightly", "")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout after the step that trains."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(STUDIES / "tiny.toml", folder / "ablations.toml")
    done = step(folder, "Train")
    assert done.returncode == 0, done.stderr
    return folder


def step(folder: Path, name: str, **given: str) -> subprocess.CompletedProcess[str]:
    """The script of a step, run as the server's shell does."""
    found = yaml.safe_load(workflow.text(folder / "ablations.toml", folder))
    (script,) = [each["run"] for each in found["jobs"]["study"]["steps"] if each.get("name") == name]
    environment = {**os.environ, **found["env"], "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **given}
    environment |= {"GITHUB_STEP_SUMMARY": str(folder / "step.md"), "GITHUB_OUTPUT": str(folder / "output")}
    (folder / "output").write_text("")
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_its_scripts_store_a_baseline_once_and_on_the_default_branch_alone(trained: Path) -> None:
    new, baseline = trained / "nightly" / "baseline.json", trained / "ablations.baseline.json"
    assert step(trained, "Page and tables").returncode == 0
    kept = {path.name for path in (trained / "nightly").iterdir()}
    assert kept == {"report.html", "runs.csv", "histories.csv"}

    elsewhere = step(trained, "Check", DEFAULT_BRANCH="false", STORE="true")
    assert elsewhere.returncode == 4, elsewhere.stdout
    assert not new.exists()
    assert (trained / "nightly" / "junit.xml").is_file()

    first = step(trained, "Check", DEFAULT_BRANCH="true", STORE="false")
    assert first.returncode == 0, first.stdout + first.stderr
    assert (trained / "output").read_text() == "baseline=new\n"
    new.rename(baseline)

    later = step(trained, "Check", DEFAULT_BRANCH="true", STORE="false")
    assert later.returncode == 0, later.stdout
    assert "fine: baseline" in later.stdout
    assert (trained / "output").read_text() == ""
    assert not new.exists()

    anew = step(trained, "Check", DEFAULT_BRANCH="true", STORE="true")
    assert anew.returncode == 0
    assert (trained / "output").read_text() == "baseline=new\n"
    assert new.read_bytes() == baseline.read_bytes()
    assert (trained / "step.md").read_text().count("# 🟢 tiny") == 3
