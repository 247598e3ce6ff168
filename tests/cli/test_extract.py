"""`ablate extract`: what a page carries inside, beside it or where it is wanted."""

import json
import shutil
from pathlib import Path

import pytest

from tests.commands import ablate

SAMPLE = Path(__file__).parents[2] / "reports" / "samples" / "digits-remedies.html"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A finished page, as it was mailed."""
    return Path(shutil.copy(SAMPLE, tmp_path / "mail.html"))


def test_the_study_and_both_tables_are_written_beside_the_page(page: Path) -> None:
    done = ablate("extract", page)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [
        str(page.with_suffix("") / name) for name in ("study.toml", "runs.csv", "histories.csv")
    ]
    plan = ablate("plan", "-c", page.with_suffix("") / "study.toml", "--json")
    assert json.loads(plan.stdout)["runs"] == 140


def test_what_is_there_is_replaced_only_by_force(page: Path, tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.mkdir()
    (target / "runs.csv").write_text("mine")
    done = ablate("extract", page, target)
    assert done.exit_code == 2
    assert "runs.csv is there already; --force replaces it" in done.stderr
    assert [path.name for path in target.iterdir()] == ["runs.csv"]
    forced = ablate("extract", page, target, "--force", "--json")
    assert len(json.loads(forced.stdout)["paths"]) == 3
    assert (target / "runs.csv").read_text() != "mine"
