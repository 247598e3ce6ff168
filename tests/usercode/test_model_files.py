"""Model files: digested without being loaded, bounded, and trained only where somebody trusts them."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from ablate import api
from ablate.errors import StudyError
from ablate.settings.run import RunSettings
from ablate.usercode import model_files
from tests.conftest import study_of
from tests.usercode.test_builders import STUDY, plan, problems


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder with a study and an archive that has the members of a Keras model."""
    (tmp_path / "ablations.toml").write_text(STUDY)
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as file:
        for name in model_files.MEMBERS:
            file.writestr(name, "{}")
    return tmp_path


def test_a_model_file_is_digested_and_wants_trust(archive: Path) -> None:
    made = plan(archive, "model={file='model.keras'}")
    (digest,) = made.identity.files.values()
    assert len(digest) == 64
    with pytest.raises(StudyError, match=r'model.file = "model.keras": a model file can carry code; .* --trust-model'):
        api.run_plan(made, api.Options(jobs=1))
    with pytest.raises(StudyError, match="--trust-model"):
        api.probe(made, 1)
    assert not made.store.root.exists()
    (archive / "elsewhere.keras").write_bytes((archive / "model.keras").read_bytes())
    moved = plan(archive, "model={file='elsewhere.keras'}")
    assert [run.key for run in moved.everything] == [run.key for run in made.everything]
    with (archive / "model.keras").open("ab") as file:
        file.write(b" ")
    assert plan(archive, "model={file='model.keras'}").everything[0].key != made.everything[0].key


def test_what_is_wrong_with_a_model_file_is_said(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such file: " in problems(archive, "model={file='none.keras'}")
    (archive / "text.keras").write_text("a model")
    assert "is not a Keras model: 'model.save" in problems(archive, "model={file='text.keras'}")
    (archive / "mine.keras").mkdir()
    assert "no such file: " in problems(archive, "model={file='mine.keras'}")
    with_piece = problems(archive, "model={file='model.keras'}", "overfitting.dropout=[0.0, 0.1]")
    assert "overfitting.dropout = 0.1: has no place: a model from a file has its layers" in with_piece
    monkeypatch.setattr("ablate.reading.memory_limit", lambda: 3)
    with pytest.raises(StudyError, match="unpacks to 6 bytes, more than the 3 that memory allows"):
        model_files.digest("model.keras", archive)


def test_the_digest_is_that_of_the_bytes(archive: Path) -> None:
    content = (archive / "model.keras").read_bytes()
    assert model_files.digest("model.keras", archive) == hashlib.sha256(content).hexdigest()


def test_an_archive_of_something_else_is_told_what_it_lacks(archive: Path) -> None:
    with zipfile.ZipFile(archive / "photos.keras", "w") as file:
        file.writestr("config.json", "{}")
    with pytest.raises(StudyError, match=r"it holds no metadata\.json and no model\.weights\.h5"):
        model_files.digest("photos.keras", archive)


def test_paths_start_at_the_study_or_at_home(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(archive / "home"))
    assert model_files.locate("a/b.keras", archive) == archive / "a" / "b.keras"
    assert model_files.locate("~/b.keras", archive) == archive / "home" / "b.keras"


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


def spoiled(path: Path, what: str) -> None:
    """Damage the description of the network in an archive."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        begin = file.getinfo(model_files.CONFIG).header_offset
    if what == "a byte":
        content[begin + 30 + len(model_files.CONFIG)] ^= 1
    central = content.index(b"PK\x01\x02")
    if what == "encrypted":
        content[begin + 6] |= 1
        content[central + 8] |= 1
    if what == "method":
        content[begin + 8] = content[central + 10] = 99
    path.write_bytes(content)


@pytest.mark.parametrize("what", ["a byte", "encrypted", "method"])
def test_a_damaged_description_is_an_error_in_words(archive: Path, what: str) -> None:
    assert model_files.config("model.keras", archive) == "{}"
    spoiled(archive / "model.keras", what)
    with pytest.raises(StudyError, match=r"model\.file = \"model\.keras\": .*model\.keras cannot be read: "):
        plan(archive, "model={file='model.keras'}")


def test_a_description_has_a_largest_size(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "LARGEST_CONFIG", 1)
    with pytest.raises(StudyError, match=r"its config\.json has more than the 1 bytes that are read"):
        plan(archive, "model={file='model.keras'}")
