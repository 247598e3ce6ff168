"""Which runs a process is training, told to others by locks that end with it. Locks save work; records decide."""

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from ablate.errors import StoreError
from ablate.results import files

NAME = "claims.lock"
_HELD = {errno.EACCES, errno.EAGAIN}


class Claims:
    """The claims of this process on runs of one results folder.

    Every run is a byte of one empty file, and a claim is a POSIX lock on that byte: the system gives it back when the
    process ends, however it ends. Locks count between processes, not between threads. On disks without locks every
    claim is granted; then two invocations may train the same run, and the first to finish it is kept.

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

    def take(self, key: str) -> bool:
        """Claim a run; False if another process has."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte_of(key))
        except OSError as error:
            return error.errno not in _HELD
        return True

    def give_back(self, key: str) -> None:
        """End a claim."""
        with contextlib.suppress(OSError):
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _byte_of(key))

    def close(self) -> None:
        """End all claims."""
        os.close(self._file)


def _byte_of(key: str) -> int:
    return int(key[:12], 16)
