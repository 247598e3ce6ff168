"""Nothing is read that is not a file of a bounded size, and no JSON that is deeper or longer than any of ours."""

import os
from pathlib import Path

import pytest

from ablate import reading
from ablate.reading import DamagedError

WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")


@pytest.fixture
def strange(tmp_path: Path) -> dict[str, Path]:
    """What can lie in the place of a file."""
    places = {name: tmp_path / name for name in ("pipe", "folder", "large", "zero", "file")}
    os.mkfifo(places["pipe"])
    places["folder"].mkdir()
    with places["large"].open("wb") as file:
        file.truncate(2**40)
    places["zero"].symlink_to("/dev/zero")
    places["file"].write_bytes(b"content")
    return places


@pytest.mark.parametrize("name", ["pipe", "folder", "large", "zero"])
def test_only_files_of_a_bounded_size_are_read(strange: dict[str, Path], name: str) -> None:
    with pytest.raises(DamagedError):
        reading.named(strange[name], 100)
    with pytest.raises(DamagedError):
        reading.below(strange[name].parent, name, most=100)
    if name != "large":
        with pytest.raises(DamagedError):
            reading.opened(strange[name])


def test_a_file_of_any_size_is_read_in_parts(strange: dict[str, Path]) -> None:
    with reading.opened(strange["large"]) as file:
        assert file.read(3) == b"\0\0\0"


def test_a_file_that_the_user_names_may_be_a_link_and_one_in_a_folder_may_not(strange: dict[str, Path]) -> None:
    root = strange["file"].parent
    (root / "link").symlink_to("file")
    (root / "way").symlink_to(root)
    assert reading.named(root / "link", 7) == b"content"
    assert reading.below(root / "way", "file", most=7) == b"content"  # the folder itself is named by the user
    for names in (("link",), ("way", "file")):
        with pytest.raises(DamagedError, match="symbolic link"):
            reading.below(root, *names, most=7)
        assert not reading.is_inside(root, *names)
    assert reading.is_inside(root, "file")
    assert not reading.is_inside(root, "absent", "file")


def test_a_file_without_a_known_size_is_read_up_to_the_limit() -> None:
    path = Path("/proc/self/maps")
    if not path.exists():
        pytest.skip("needs /proc")
    assert reading.named(path, 10**7)
    with pytest.raises(DamagedError, match="more than the 10 bytes"):
        reading.named(path, 10)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[" * 200_000 + b"]" * 200_000, "nested more than 100 deep"),
        (b'{"a":' * 200_000, "nested more than 100 deep"),
        (b"[" + b"[]," * 200 + b"[]]", "more than 200 lists and tables"),
        (b'["\\ud800"]', "half a character"),
        (b"[NaN]", "NaN is no number"),
        (b"[-Infinity]", "Infinity is no number"),
        (b'"' + b'\\"' * 200_000, "Unterminated string"),
        (b"1" * 5_000, "Exceeds the limit"),
        (b"\xff", "can't decode"),
        *((f'["\u2200", {"[" * 20_000}{"]" * 20_000}]'.encode(name), "can't decode|Expecting") for name in WIDE),
        *(('{"a": "plain"}'.encode(name), "can't decode|Expecting") for name in WIDE),
        (b'["\xed\xa0\x80"]', "can't decode"),
    ],
    ids=lambda value: str(value[:12]),
)
def test_what_no_document_of_ours_is_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        reading.parse_json(content, 200)


def test_a_byte_order_mark_does_no_harm() -> None:
    assert reading.parse_json(b"\xef\xbb\xbf[1]") == [1]


def test_brackets_in_texts_do_not_count() -> None:
    text = "[" * 300 + '\\"' + "{" * 300
    assert reading.parse_json(f'["{text}", "\\ud83d\\ude42"]'.encode()) == [text.replace('\\"', '"'), "🙂"]
