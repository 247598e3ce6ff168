"""What XLA compiled, kept for later processes: XLA's own persistent cache, with its entries checked and bounded.

TensorFlow reads and writes compiled programs in a folder that it is given before it is imported. It raises on a damaged
entry, never removes one, and does not expect another process to. So it is lent a folder of its own: links to those
entries of the shelf whose content still has the digest in its name. What it adds is put on the shelf afterwards.

Nothing here decides about results, and nothing that goes wrong here stops a run: it compiles anew.
"""

import contextlib
import hashlib
import itertools
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ablate.results.identity import version_of

SWITCH = "ABLATE_XLA_CACHE"  # environment variable: "off", or the folder to use
LIMIT = 128 * 2**20  # bytes of a shelf, some eighty programs; the oldest go first
_FORGOTTEN = 30 * 24 * 3600.0  # seconds without use after which another version's shelf is removed
_ABANDONED = 24 * 3600.0  # seconds after which a lent folder belongs to nobody: its process was killed
_LENT = "lent-"


@contextlib.contextmanager
def lent() -> Iterator[Path | None]:
    """A folder for `--tf_xla_persistent_cache_directory`, filled from the shelf and put back onto it in the end.

    Yields:
        The folder; `None` if the cache is switched off or its disk cannot be used.
    """
    shelf = _shelf()
    folder = _lend(shelf) if shelf else None
    try:
        yield folder
    finally:
        if shelf and folder:
            with contextlib.suppress(OSError):
                _take_back(shelf, folder)
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Contents:
    """What is kept for this machine and this TensorFlow.

    Attributes:
        folder: where it lies; it need not be there yet.
        entries: compiled programs.
        size: bytes.
        damaged: entries whose content is not what their names say; they are removed when they would be used.
    """

    folder: Path
    entries: int
    size: int
    damaged: int


def contents() -> Contents | None:
    """What is kept, looked at without changing anything; `None` if the cache is switched off.

    Raises:
        OSError: it cannot be read.
    """
    shelf = _shelf()
    if shelf is None:
        return None
    entries = {entry.name.rpartition(".")[2]: entry.read_bytes() for entry in shelf.glob("*.pb.*")}
    damaged = sum(_digest(content) != digest for digest, content in entries.items())
    return Contents(shelf, len(entries), sum(map(len, entries.values())), damaged)


def _shelf() -> Path | None:
    """The folder of entries that suit this machine and this TensorFlow."""
    switch = os.environ.get(SWITCH, "")
    if switch.lower() in {"off", "0", "no", "false"}:
        return None
    home = Path(switch or platformdirs.user_cache_dir("ablate")) / "ablate-xla"
    what = repr((platform.machine(), _cpu_features(), _flags()))
    return home / f"{version_of('tensorflow')}-{hashlib.sha256(what.encode()).hexdigest()[:12]}"


def _cpu_features() -> str:
    """Instruction sets of the processor: code compiled for one may crash on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())


def _flags() -> str:
    """XLA's flags, which may choose the instructions; where they are none, they name a file of flags."""
    flags = os.environ.get("XLA_FLAGS", "")
    if not flags or flags.startswith("-"):
        return flags
    try:
        return Path(flags).read_text()
    except (OSError, UnicodeDecodeError):
        return flags


def _lend(shelf: Path) -> Path | None:
    try:
        shelf.mkdir(parents=True, exist_ok=True)
        os.utime(shelf)
        _tidy(shelf)
        folder = shelf / f"{_LENT}{os.getpid()}-{secrets.token_hex(4)}"
        folder.mkdir()
    except OSError:
        return None
    for entry in shelf.glob("*.pb.*"):
        name, _, digest = entry.name.rpartition(".")
        with contextlib.suppress(OSError):  # another process may remove an entry, too
            if _digest(entry.read_bytes()) != digest:
                entry.unlink()
            elif not (folder / name).exists():  # two processes may have made the same program, not bit for bit
                _link(entry, folder / name)
    return folder


def _take_back(shelf: Path, folder: Path) -> None:
    known = {entry.name.rpartition(".")[0] for entry in shelf.glob("*.pb.*")}
    for entry in folder.glob("*.pb"):
        if entry.name not in known:
            entry.rename(shelf / f"{entry.name}.{_digest(entry.read_bytes())}")
    entries = sorted(shelf.glob("*.pb.*"), key=lambda entry: entry.stat().st_mtime, reverse=True)
    sizes = itertools.accumulate(entry.stat().st_size for entry in entries)
    for entry, size in zip(entries, sizes, strict=True):
        if size > LIMIT:
            entry.unlink(missing_ok=True)


def _tidy(shelf: Path) -> None:
    """Remove folders that were lent to processes that are gone, and shelves of versions that are."""
    now = time.time()
    for folder in shelf.glob(f"{_LENT}*"):
        if now - folder.stat().st_mtime > _ABANDONED:
            shutil.rmtree(folder, ignore_errors=True)
    for other in shelf.parent.iterdir():
        if re.fullmatch(r"[\w.]+-[0-9a-f]{12}", other.name) and now - other.stat().st_mtime > _FORGOTTEN:
            shutil.rmtree(other, ignore_errors=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
