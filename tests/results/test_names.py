"""What files of ours are called, and what nobody else's is taken for."""

from pathlib import Path

import pytest

from ablate.results.names import is_attempt, is_key, is_temporary

KEY = "0123456789abcdef" * 4


@pytest.mark.parametrize(("name", "ours"), [(KEY, True), (KEY.upper(), False), (KEY[:-1], False), ("bead", False)])
def test_a_key_is_whole(name: str, ours: bool) -> None:
    assert is_key(name) is ours
    assert is_key(f"{name}\n") is False


@pytest.mark.parametrize(
    ("name", "ours"),
    [("1.json", True), ("12.json", True), ("0.json", False), ("01.json", False), ("1.txt", False), ("a.json", False)],
)
def test_an_attempt_has_a_number(name: str, ours: bool) -> None:
    assert is_attempt(Path(name)) is ours


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        (f".{KEY}.npz.0123abcd.77.0123abcd.tmp", True),
        (".study.toml.0123abcd.77.0123abcd.tmp", True),
        (".runs.csv.0123abcd.77.0123abcd.tmp", True),
        (".notes.txt.0123abcd.77.0123abcd.tmp", False),
        (f".{KEY}.npz.tmp", False),
        (f"{KEY}.npz", False),
    ],
)
def test_a_file_in_the_making_is_named_after_one_of_ours(name: str, ours: bool) -> None:
    assert is_temporary(Path(name)) is ours
