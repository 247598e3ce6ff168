"""Which runs a process is training, told to others by locks that end with it. Claims save work; records decide."""

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from ablate.errors import StoreError
from ablate.results import files, leases
from ablate.results.leases import Leases

NAME = "claims.lock"
_HELD = {errno.EACCES, errno.EAGAIN}
_BEYOND_KEYS = 16**12  # the first byte that stands for no run
_TEST_SECONDS = 10.0  # that another process may take to see whether a lock is there
_OTHER = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDWR)
try:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(sys.argv[2]))
except OSError:
    print("refused")
"""


class Claims:
    """The claims of this process on runs of one results folder.

    Every run is a byte of one empty file, and a claim is a POSIX lock on that byte: the system gives it back when the
    process ends, however it ends. Locks count between processes, not between threads. Where another process does not
    see the locks of this one, and where somebody says that several hosts train, a claim is a lease as well.

    Args:
        root: the results folder.

    Raises:
        StoreError: the file of locks cannot be opened.
    """

    def __init__(self, root: Path) -> None:
        path = files.place(root, NAME)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            self._file = os.open(path, flags, 0o666)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from None
        by_leases = leases.are_used(root) or not _locks_work(path, self._file)
        self._leases = Leases(root) if by_leases else None

    def take(self, key: str) -> bool:
        """Claim a run; False if another process has."""
        if not _lock(self._file, _byte_of(key)):
            return False
        if self._leases is None or self._leases.take(key):
            return True
        _unlock(self._file, _byte_of(key))
        return False

    def give_back(self, key: str) -> None:
        """End a claim."""
        if self._leases is not None:
            self._leases.give_back(key)
        _unlock(self._file, _byte_of(key))

    def renew(self) -> None:
        """Let others know that this process lives; to be called several times a minute."""
        if self._leases is not None:
            self._leases.renew()

    def close(self) -> None:
        """End all claims."""
        if self._leases is not None:
            self._leases.close()
        os.close(self._file)


def _lock(file: int, byte: int) -> bool:
    """Whether a byte could be locked, or the disk has no locks."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except OSError as error:
        return error.errno not in _HELD
    return True


def _unlock(file: int, byte: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.lockf(file, fcntl.LOCK_UN, 1, byte)


def _locks_work(path: Path, file: int) -> bool:
    """Whether another process of this machine is refused what this one has locked; asked once for every disk."""
    device = os.fstat(file).st_dev
    if device not in _known():
        _known()[device] = _is_refused_to_others(path, file, _BEYOND_KEYS + os.getpid())
    return _known()[device]


@cache
def _known() -> dict[int, bool]:
    """What this process has found out, by the number of the disk."""
    return {}


def _is_refused_to_others(path: Path, file: int, byte: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except OSError as error:
        return error.errno in _HELD  # by a process of another host with this one's number
    try:
        other = [sys.executable, "-I", "-S", "-c", _OTHER, str(path.absolute()), str(byte)]
        said = subprocess.run(other, capture_output=True, timeout=_TEST_SECONDS, check=False)  # noqa: S603 - fixed
    except (OSError, subprocess.SubprocessError):
        return True  # no other process to be had: nothing is known against the locks
    finally:
        _unlock(file, byte)
    return said.returncode != 0 or said.stdout.strip() == b"refused"


def _byte_of(key: str) -> int:
    return int(key[:12], 16)
