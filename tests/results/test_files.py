"""Files are whole or not there, and nothing is read that is not what its name says."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ablate.errors import StoreError
from ablate.results import files


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_replacing_a_file_leaves_no_other_behind(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        files.replace_file(tmp_path / "page.html", content)
    assert names(tmp_path) == ["page.html"]
    assert (tmp_path / "page.html").read_bytes() == b"new"


def test_a_published_file_stays_as_it_is(tmp_path: Path) -> None:
    assert files.publish(tmp_path / "record.json", b"first")
    assert not files.publish(tmp_path / "record.json", b"second")
    assert names(tmp_path) == ["record.json"]
    assert (tmp_path / "record.json").read_bytes() == b"first"


def test_a_vanished_folder_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="somebody removed the results folder"):
        files.place(tmp_path / "study", "runs", "ab", "key.json")
    assert names(tmp_path) == []


def test_a_link_is_no_folder_of_ours(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "study" / "runs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="a folder of this study's own"):
        files.place(tmp_path / "study", "runs", "key.json")
    (tmp_path / "elsewhere" / "key.json").write_text("secret")
    with pytest.raises(files.DamagedError, match="symbolic link"):
        files.read(tmp_path / "study" / "runs" / "key.json")


def test_only_files_are_read_and_only_so_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe would block for ever, and a sparse file take all memory."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    link, pipe, folder, large = (tmp_path / name for name in ("link", "pipe", "folder", "large"))
    link.symlink_to(secret)
    os.mkfifo(pipe)
    folder.mkdir()
    with large.open("wb") as file:
        file.truncate(files.LIMIT + 1)
    for path, reason in ((link, "link"), (pipe, "not a file"), (folder, "not a file"), (large, "bytes")):
        with pytest.raises(files.DamagedError, match=reason):
            files.read(path)
    assert files.read(secret) == b"secret"


NAME = """
import pathlib, sys
from ablate.results import files
print(files.temporary_beside(pathlib.Path(sys.argv[1])))
"""


def test_a_temporary_file_is_abandoned_when_its_process_is_gone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", NAME, str(tmp_path / "record.json")]
    theirs = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    mine = files.temporary_beside(tmp_path / "record.json")
    foreign = tmp_path / theirs.name.replace(theirs.name.split(".")[-4], "00000000")
    for path in (theirs, mine, foreign, tmp_path / ".record.json.tmp"):
        path.write_text("half")
    assert [files.is_temporary(path) for path in (theirs, mine, foreign)] == [True] * 3
    assert [files.is_abandoned(path) for path in (theirs, mine, foreign)] == [True, False, False]
    old = time.time() - files.ABANDONED - 10
    os.utime(foreign, (old, old))
    assert files.is_abandoned(foreign)
    assert not files.is_temporary(tmp_path / ".record.json.tmp")


def test_no_process_has_a_number_that_none_can_have() -> None:
    assert files.process_exists(10**30) is False
