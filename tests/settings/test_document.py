"""Reading TOML: every way a file can be unreadable ends in one clear error."""

from pathlib import Path
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.settings import document


def write(folder: Path, content: bytes) -> Path:
    path = folder / "ablations.toml"
    path.write_bytes(content)
    return path


def read(path: Path) -> dict[str, Any]:
    """The document in a file, as `spec.load` reads it."""
    return document.parse(document.text_of(path), path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[study\nname = 1", "line 1, column 7"),
        (b'[study]\nname = "a"\nname = "b"\n', "line 3, column 11"),
        (b"a = " + b"[" * 20_000, "nested too deeply"),
        (b'[study]\nname = "\xff"', "not UTF-8 text (byte 16)"),
    ],
)
def test_what_is_not_toml_is_one_problem_with_its_place(tmp_path: Path, content: bytes, expected: str) -> None:
    with pytest.raises(StudyError) as caught:
        read(write(tmp_path, content))
    assert len(caught.value.problems) == 1
    assert expected in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert read(write(tmp_path, b"\xef\xbb\xbfa = 1")) == {"a": 1}


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="ablate init"):
        read(tmp_path / "absent.toml")


def test_a_folder_is_not_a_study(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cannot be read"):
        read(tmp_path)


def test_the_nearest_file_upwards_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, b"")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert document.find(below) == path


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("training.epochs=5", ("training", "epochs"), 5),
        ("study.name=plain text", ("study", "name"), "plain text"),
        ("overfitting.dropout = [0.0, 0.5]", ("overfitting", "dropout"), [0.0, 0.5]),
        ('factors."model.activation"=["relu"]', ("factors", "model.activation"), ["relu"]),
        ("training.learning_rate=1e-2", ("training", "learning_rate"), 0.01),
    ],
)
def test_an_override_is_typed_as_toml_or_else_text(text: str, path: tuple[str, ...], value: object) -> None:
    assert document.parse_override(text) == (path, value)


@pytest.mark.parametrize("text", ["training.epochs", "=5", "a b=1", ""])
def test_a_malformed_override_is_refused(text: str) -> None:
    with pytest.raises(StudyError, match=r"dotted\.key=value"):
        document.parse_override(text)


def test_an_override_replaces_a_value_and_leaves_the_document_alone() -> None:
    original = {"training": {"epochs": 1, "batch_size": 2}}
    changed = document.override(original, ["training.epochs=9", "model.hidden=[4]"])
    assert changed == {"training": {"epochs": 9, "batch_size": 2}, "model": {"hidden": [4]}}
    assert original == {"training": {"epochs": 1, "batch_size": 2}}


def test_an_override_cannot_lead_through_a_value() -> None:
    with pytest.raises(StudyError, match="epochs is not a table"):
        document.override({"training": {"epochs": 1}}, ["training.epochs.more=9"])
