"""The studies of `examples/` and the page that shows their designs."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ablate.cli import main

ROOT = Path(__file__).parents[1]
DESIGNS = ROOT / "docs" / "designs.md"
STUDIES = [ROOT / "ablations.toml", *sorted((ROOT / "examples").rglob("*.toml"))]
BLOCK = re.compile(r"<!-- plan: (\S+) -->\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)


def planned(study: str, folder: Path) -> str:
    result = CliRunner().invoke(main, ["plan", "-c", str(ROOT / study), "-o", str(folder)])
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


def taplo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("taplo")), "check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})


@pytest.fixture(scope="module")
def schema(tmp_path_factory: Any) -> str:
    path = tmp_path_factory.mktemp("schema") / "schema.json"
    path.write_text(CliRunner().invoke(main, ["schema"]).stdout)
    return path.as_uri()


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_a_language_server_finds_every_study_in_order(study: Path, schema: str) -> None:
    done = taplo("--schema", schema, study)
    assert done.returncode == 0, done.stderr


def test_a_language_server_finds_what_is_wrong(schema: str) -> None:
    done = taplo("--schema", schema, ROOT / "tests" / "studies" / "bad.toml")
    assert done.returncode != 0
    for wrong in ('"gird"', "'colour' was unexpected", "'droput' was unexpected", '"sigmod"'):
        assert wrong in done.stderr


def test_what_init_writes_names_its_schema(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["init", str(tmp_path)]).exit_code == 0
    study = tmp_path / "ablations.toml"
    assert taplo(study).returncode == 0
    study.write_text(study.read_text().replace("replicates = 10", 'replicates = "ten"'))
    done = taplo(study)
    assert done.returncode != 0
    assert '"ten" is not of type "integer"' in done.stderr
