"""`ablate compare`: two results side by side, as text, Markdown and a document."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ablate.api import comparing, judging
from ablate.api.results import read_folder
from tests import invented
from tests.commands import ablate


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study's results."""
    return invented.kept(invented.snapshot(), tmp_path_factory.mktemp("sound")).root


@pytest.fixture(scope="module")
def stored(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same results as a stored baseline, but five points better in one treatment, and from other versions."""
    there = read_folder(sound).findings.baseline
    runs = there.runs.copy()
    wanted = runs["treatment"] == "batch_norm=true"
    runs.loc[wanted, "test_accuracy"] += 0.05 + runs.loc[wanted, "seed"] / 10_000
    changed = replace(there, runs=runs, versions={"keras": "3.14.0"})
    return judging.write_file(tmp_path_factory.mktemp("stored") / "before.json", changed.to_json())


def test_every_treatment_has_a_line_and_what_differs_around_it_follows(sound: Path, stored: Path) -> None:
    done = ablate("compare", stored, sound)
    assert done.exit_code == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    assert head == "test_accuracy, B minus A: mean [95% interval], p adjusted by Holm"
    assert [line.split()[0] for line in lines[:3]] == ["baseline", "batch_norm=true", "dropout=0.5"]
    assert [line.split()[-1] for line in lines[:3]] == ["fine", "regression", "fine"]
    assert lines[3] == "changed: keras 3.14.0, now 3.15.1"


def test_the_document_has_the_figures(sound: Path, stored: Path) -> None:
    document = json.loads(ablate("compare", stored, sound, "--json").stdout)
    rows = {row["treatment"]: row for row in document["treatments"]}
    assert rows["baseline"]["mean"] == 0.0
    assert rows["batch_norm=true"]["mean"] == pytest.approx(-0.05, abs=0.001)
    assert (document["metric"], document["floor"], document["changed"]) == (
        "test_accuracy",
        0.005,
        ["keras 3.14.0, now 3.15.1"],
    )


def test_a_floor_is_in_points(sound: Path, stored: Path) -> None:
    done = ablate("compare", stored, sound, "--floor", "6", "--json")
    assert {row["verdict"] for row in json.loads(done.stdout)["treatments"]} == {"fine"}


def test_markdown_is_for_a_comment(sound: Path, stored: Path) -> None:
    done = ablate("compare", stored, sound, "--md")
    assert done.stdout.startswith(f"# {sound.name} against before.json: ")
    assert "1 regression" in done.stdout.splitlines()[0]


def test_what_has_nothing_in_common_is_exit_4(sound: Path, stored: Path, tmp_path: Path) -> None:
    there = comparing.open_side(stored)
    other = replace(there, treatments={"renamed": there.treatments["baseline"]})
    judging.write_file(tmp_path / "other.json", other.to_json())
    done = ablate("compare", tmp_path / "other.json", sound)
    assert (done.exit_code, done.stdout) == (4, "")
    assert "cannot be compared: no treatment in common" in done.stderr


def test_what_is_not_there_is_bad_usage(sound: Path) -> None:
    done = ablate("compare", "absent.json", sound)
    assert done.exit_code == 2
    assert "absent.json: there is no such file or folder" in done.stderr
