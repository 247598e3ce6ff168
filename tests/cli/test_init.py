"""`ablate init`: a study that plans, its schema and a workflow; nothing that is there is replaced unasked."""

import json
import tomllib
from pathlib import Path

import pytest

from ablate.cli.init import SCHEMA_NAME, starter
from ablate.studies.file import json_schema
from tests.commands import ablate


def test_the_starter_is_the_study_of_the_project() -> None:
    assert tomllib.loads(starter())["study"]["name"] == "digits-remedies"


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("", "ablations.toml"),
        ("mine.toml", "mine.toml"),
        ("new/folder", "new/folder/ablations.toml"),
        ("dotted.d", "dotted.d"),
    ],
)
def test_a_file_or_a_folder_for_it_can_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, written: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = ablate("init", *([path] if path else []))
    assert (done.exit_code, done.stdout) == (0, f"{written}\n")
    text = Path(written).read_text()
    assert text.startswith(f"#:schema ./{SCHEMA_NAME}\n")
    assert json.loads(Path(written).with_name(SCHEMA_NAME).read_text()) == json_schema()
    assert "Next: ablate plan, ablate run, ablate report" in done.stderr


def test_a_folder_that_is_there_is_one_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "study.d").mkdir()
    ablate("init", tmp_path / "study.d")
    assert (tmp_path / "study.d" / "ablations.toml").is_file()


def test_a_study_that_is_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "ablations.toml"
    path.write_text("mine")
    done = ablate("init", path)
    assert (done.exit_code, done.stdout, path.read_text()) == (2, "", "mine")
    assert done.stderr == f"Error: {path} is there already; --force replaces it\n"
    assert not (tmp_path / SCHEMA_NAME).exists()
    assert ablate("init", path, "--force").exit_code == 0
    assert path.read_text() != "mine"


def test_a_workflow_goes_to_the_repository_and_leaves_a_study_alone(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    study = tmp_path / "studies" / "ablations.toml"
    study.parent.mkdir()
    study.write_text("mine")
    done = ablate("init", study, "--ci", "github", "--json")
    flow = tmp_path / ".github" / "workflows" / "ablate-nightly.yml"
    assert json.loads(done.stdout) == {"path": str(study), "workflow": str(flow)}
    assert study.read_text() == "mine"
    assert 'FOLDER: "studies"' in flow.read_text()
    again = ablate("init", study, "--ci", "github")
    assert (again.exit_code, again.stderr) == (2, f"Error: {flow} is there already; --force replaces it\n")
    flow.write_text("old")
    assert ablate("init", study, "--ci", "github", "--force").exit_code == 0
    assert (flow.read_text() != "old", study.read_text()) == (True, "mine")
