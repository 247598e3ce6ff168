"""Where a study is trained: git's state, the processor and the command, and nothing where they are not known."""

import subprocess
from pathlib import Path

import pytest

from ablate.execution import surroundings


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    def git(*arguments: str) -> None:
        name = ("-c", "user.name=someone", "-c", "user.email=someone@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *name, *arguments], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "ablations.toml").write_text("")
    git("add", ".")
    git("commit", "-q", "-m", "A study")
    return tmp_path


def test_the_commit_is_told_and_whether_anything_changed_since(repository: Path) -> None:
    clean = surroundings.describe(repository)["git"]
    assert clean[:12].isalnum()
    assert clean.endswith("nothing changed since")
    (repository / "ablations.toml").write_text("changed")
    assert surroundings.describe(repository)["git"] == f"{clean[:12]}, with changes that are not committed"


def test_outside_a_repository_or_without_git_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "git" not in surroundings.describe(tmp_path)
    monkeypatch.setenv("PATH", "")
    assert "git" not in surroundings.describe(Path(__file__).parent)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["/opt/venv/bin/ablate", "run", "-S", "study.name=a b"], "ablate run -S 'study.name=a b'"),
        (["/opt/ablate/__main__.py", "run"], "ablate run"),
        (["mine.py"], "mine.py"),
    ],
)
def test_the_command_is_as_it_would_be_typed(tmp_path: Path, arguments: list[str], shown: str) -> None:
    assert surroundings.describe(tmp_path, arguments)["command"] == shown
