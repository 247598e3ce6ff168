"""The study file of results as it is now."""

from dataclasses import replace
from pathlib import Path

import pytest

from ablate.api.current import study_now
from ablate.api.plans import load

STUDY = """
[study]
name = "small"
replicates = {replicates}
[data]
source = "iris"
[model]
hidden = [4]
[training]
epochs = 1
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of results, with the study as it was run."""
    folder = tmp_path / "reports" / "small"
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY.format(replicates=1))
    monkeypatch.chdir(tmp_path)
    return folder


def test_the_study_file_says_what_is_asked_now(root: Path, tmp_path: Path):
    (tmp_path / "ablations.toml").write_text(STUDY.format(replicates=2))
    now = study_now(load(root / "study.toml"), root)
    assert now is not None
    assert len(now.seeds) == 2


def test_a_study_that_did_not_come_from_the_results_is_asked_now(root: Path, tmp_path: Path):
    (tmp_path / "other.toml").write_text(STUDY.format(replicates=3))
    study = load(tmp_path / "other.toml")
    assert study_now(study, root) == study


def test_without_a_study_file_of_that_name_there_is_none(root: Path, tmp_path: Path):
    known = load(root / "study.toml")
    assert study_now(known, root) is None
    (tmp_path / "ablations.toml").write_text(STUDY.format(replicates=2))
    assert study_now(replace(known, name="another"), root) is None
