"""Model files are found, bounded and trusted only if somebody says so."""

import zipfile
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.study import model_files
from ablate.study.settings import RunSettings
from tests.conftest import study_of


def settings(**model: object) -> RunSettings:
    return study_of(model={"hidden": [4]}).base.model_copy(update={"model": type(study_of().base.model)(**model)})


def test_nothing_is_trusted_unasked() -> None:
    model_files.check_trusted([settings(hidden=[4])])
    with pytest.raises(StudyError, match="a model file can carry code"):
        model_files.check_trusted([settings(hidden=[4]), settings(file="net.keras")])


def test_no_model_is_taken_from_results(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        for name in model_files.MEMBERS:
            archive.writestr(name, "{}")
    assert len(model_files.digest("net.keras", tmp_path)) == 64
    for name in ("study.toml", "identity.json"):
        (tmp_path / name).touch()
    with pytest.raises(StudyError, match=r"no model is taken from .*, a folder of results"):
        model_files.digest("net.keras", tmp_path)
