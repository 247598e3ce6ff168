"""The one door by which files are read that anybody may have written.

A file is opened without waiting for it, and read only if it is a regular one of a bounded size. JSON is looked
through before it is parsed, so that no amount of brackets takes more time or memory than its size warrants.
"""

import errno
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from pydantic import ValidationError

from ablate import text

DEEPEST = 100  # brackets inside one another; a study's own arguments are nested as their author likes, and few do
MOST_CONTAINERS = 500_000  # lists and tables of one document; each takes sixty bytes of memory for two in the file
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC  # a pipe is opened without waiting for its writer
LONGEST_REASON = 300  # characters of what is said to be wrong
_JSON = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
_HALVES = re.compile(rb"\\u[dD][89a-fA-F]")


class DamagedError(Exception):
    """A file cannot be what its name says, whatever it holds: a link, a folder, a pipe, far too large."""


def named(path: Path, most: int) -> bytes:
    """The content of a file that the user named, be it by a link.

    Args:
        path: the file.
        most: bytes.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is a folder, a pipe, a device, or larger.
        OSError: it cannot be read.
    """
    return _content(os.open(path, _FLAGS), most)


def opened(path: Path) -> BinaryIO:
    """A file that the user named, be it by a link, to be read in parts; raises as `named`, whatever its size."""
    handle = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise DamagedError("it is not a file")
    return os.fdopen(handle, "rb")


def below(root: Path, *names: str, most: int) -> bytes:
    """The content of a file in a folder that anybody may have filled: no link on the way to it is followed.

    Args:
        root: the folder, which may be a link itself.
        names: of the folders below it, and of the file.
        most: bytes.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it, or a folder on the way, is a link; or as `named`.
        OSError: it cannot be read.
    """
    with _folder(root, names[:-1]) as folder:
        try:
            handle = os.open(names[-1], _FLAGS | os.O_NOFOLLOW, dir_fd=folder)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise DamagedError("it is a symbolic link") from None
            raise
    return _content(handle, most)


def is_inside(root: Path, *names: str) -> bool:
    """Whether a regular file is there, and no link on the way to it."""
    try:
        with _folder(root, names[:-1]) as folder:
            return stat.S_ISREG(os.stat(names[-1], dir_fd=folder, follow_symlinks=False).st_mode)
    except (OSError, ValueError, DamagedError):
        return False


def parse_json(content: bytes, most: int = MOST_CONTAINERS) -> Any:
    """The value of a JSON document.

    Args:
        content: the document.
        most: lists and tables in it.

    Raises:
        ValueError: it is none, is not UTF-8, is nested deeper than `DEEPEST`, has more lists and tables, or text with
            half a character in it.
    """
    document = content.decode(
        "utf-8-sig"
    )  # given bytes, json would guess at encodings that the search below cannot read
    depth = count = 0
    for match in _JSON.finditer(content):
        sign = match[0]
        if sign in b"[{":
            depth, count = depth + 1, count + 1
            if depth > DEEPEST:
                raise ValueError(f"it is nested more than {DEEPEST} deep")
            if count > most:
                raise ValueError(f"it holds more than {most:,} lists and tables")
        elif sign in b"]}":
            depth -= 1
    try:
        value = json.loads(document, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _HALVES.search(content):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("a text in it holds half a character") from None
    return value


def wrong(error: ValidationError) -> str:
    """The first thing that validation found, in words: where, and what should be there."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the document"
    said = first["msg"].removeprefix("Value error, ")
    return text.line(f"{where}: {said[:1].lower()}{said[1:]}", LONGEST_REASON)


def reason(error: Exception) -> str:
    """What a reader of somebody's file said of it, in one line; never empty."""
    if isinstance(error, MemoryError):  # parsers say nothing with it, nor need memory be short
        return "it is nested too deeply, or does not fit into memory"
    return text.line(str(error), LONGEST_REASON) or type(error).__name__


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number that JSON has")


@contextmanager
def _folder(root: Path, names: tuple[str, ...]) -> Iterator[int]:
    """A handle of a folder below another, reached without a link."""
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                inner = os.open(name, flags, dir_fd=handle)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise DamagedError(f"{name} is a symbolic link, or no folder") from None
                raise
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def _content(handle: int, most: int) -> bytes:
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_size > most:
        os.close(handle)
        if not stat.S_ISREG(found.st_mode):
            raise DamagedError("it is not a file")
        raise DamagedError(f"it has {found.st_size:,} bytes, more than the {most:,} that are read")
    with os.fdopen(handle, "rb") as file:
        content = file.read(found.st_size + 1)
        if len(content) > found.st_size:
            content += file.read(most + 1 - len(content))
    if len(content) > most:  # it grew meanwhile, or its size is not known before, as in /proc
        raise DamagedError(f"it has more than the {most:,} bytes that are read")
    return content


def memory_limit() -> int:
    """Bytes that a data set may take before its features are left on disk: an eighth of the machine's memory.

    Planning and reading hold up to three copies for a moment, every worker one for good.
    """
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8
