"""Leases: which runs are being trained, told by small files, for disks whose locks cannot be trusted.

A lease says who holds it, and its sequence number rises as long as the holder lives. Nobody compares clocks of two
hosts: whoever wants a run that is leased measures, by its own monotonic clock, how long the lease has not changed. An
expired one is replaced by a rename, by one thief at a time: the file that says who is at it can be made once only. Like
locks, leases save work; records decide.
"""

import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ablate.results import files

FOLDER = "leases"
RENEW_SECONDS = 15.0  # between two signs of life
EXPIRED_SECONDS = 180.0  # without one; a network disk may show what was there a minute ago
LOOK_SECONDS = 1.0  # between two looks at a lease of somebody else's
_LARGEST = 1000  # bytes that are read of one
_GUARD = "-taken"  # behind the key, in the name of the file that keeps other thieves away


@dataclass
class _Seen:
    """A lease of somebody else's, and when it was seen first and last, by this process's clock."""

    content: bytes
    since: float
    looked: float


class Leases:
    """The leases of this process on runs of one results folder.

    Args:
        root: the results folder.
        clock: seconds that only grow.

    Raises:
        StoreError: the folder of leases cannot be made.
    """

    def __init__(self, root: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = files.place(root, FOLDER, "any").parent
        self._clock = clock
        self._owner = secrets.token_hex(8)
        self._held: dict[str, int] = {}
        self._seen: dict[str, _Seen] = {}
        self._sequence = 0
        self._renewed = clock()

    def take(self, key: str) -> bool:
        """Lease a run; False if somebody else has, and lives so far as is known.

        Where the disk fails, every lease is granted: what is wrong with it shows when a record is written.
        """
        if key in self._held:
            return True
        seen, now = self._seen.get(key), self._clock()
        if seen is not None and now - seen.looked < LOOK_SECONDS:
            return False
        try:
            return self._create(key) or self._take_over(key, now)
        except OSError:
            return True

    def _create(self, key: str) -> bool:
        handle = _open_new(self._path(key))
        if handle is None:
            return False
        self._hold(key, handle)
        return True

    def _hold(self, key: str, handle: int) -> None:
        self._held[key] = handle
        self._seen.pop(key, None)
        self._write(handle)

    def _take_over(self, key: str, now: float) -> bool:
        """Take a run whose lease is there, if its holder is gone."""
        content = _read(self._path(key))
        if content is None:  # given back just now
            return self._create(key)
        if not self._is_dead(key, content, now):
            return False
        guard = self._path(f"{key}{_GUARD}")
        handle = _open_new(guard)
        if handle is None:  # another thief is at it, or was killed at it
            left = _read(guard)
            if left is not None and self._is_dead(guard.stem, left, now):
                guard.unlink(missing_ok=True)
            return False
        try:
            self._write(handle)
            return _read(self._path(key)) == content and self._replace(key)
        finally:
            os.close(handle)
            guard.unlink(missing_ok=True)

    def _replace(self, key: str) -> bool:
        """Put a lease of this process in the place of a dead one, by a rename: the place is never empty."""
        temporary = files.temporary_beside(self._path(key))
        handle = _open_new(temporary)
        if handle is None:
            return False
        self._hold(key, handle)
        temporary.replace(self._path(key))
        return True

    def _is_dead(self, name: str, content: bytes, now: float) -> bool:
        """Whether a file of somebody else's has not changed for too long, or its process is known to be gone."""
        seen = self._seen.get(name)
        if seen is None or seen.content != content:
            seen = self._seen[name] = _Seen(content, now, now)
        seen.looked = now
        return now - seen.since > EXPIRED_SECONDS or _is_gone(content)

    def _write(self, handle: int) -> None:
        """Give a sign of life. It goes into this process's own file, wherever a thief may have moved that."""
        self._sequence += 1
        whose = {"owner": self._owner, "host": files.this_host(), "boot": _boot(), "process": os.getpid()}
        os.pwrite(handle, json.dumps({**whose, "sequence": f"{self._sequence:012}"}).encode(), 0)
        os.fsync(handle)

    def renew(self) -> None:
        """Give a sign of life for every lease, if it is time to; to be called often."""
        if self._clock() - self._renewed < RENEW_SECONDS:
            return
        self._renewed = self._clock()
        for key, handle in list(self._held.items()):
            with contextlib.suppress(OSError):
                self._write(handle)
                if not self._is_in_place(key, handle):  # a thief took this process for gone
                    del self._held[key]
                    os.close(handle)

    def _is_in_place(self, key: str, handle: int) -> bool:
        try:
            there = self._path(key).lstat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(handle))

    def give_back(self, key: str) -> None:
        """End a lease; one that a thief has by now is left alone."""
        handle = self._held.pop(key, None)
        if handle is None:
            return
        with contextlib.suppress(OSError):
            mine = self._is_in_place(key, handle)
            os.close(handle)
            if mine:
                self._path(key).unlink()

    def close(self) -> None:
        """End all leases."""
        for key in list(self._held):
            self.give_back(key)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def are_used(root: Path) -> bool:
    """Whether somebody trains here by leases, so that everybody has to."""
    folder = root / FOLDER
    return folder.is_dir() and not folder.is_symlink()


def use(root: Path) -> None:
    """Let everybody who trains in a results folder from now on take leases.

    Raises:
        StoreError: the folder of leases cannot be made.
    """
    files.place(root, FOLDER, "any")


def _open_new(path: Path) -> int | None:
    """A handle of a new file; `None` if there is one of that name."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    except FileExistsError:
        return None


def _read(path: Path) -> bytes | None:
    """What a lease says; `None` if there is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        return os.read(handle, _LARGEST)
    finally:
        os.close(handle)


def _is_gone(content: bytes) -> bool:
    """Whether a lease is of a process of this machine that is not there any more."""
    try:
        said: Any = json.loads(content)
        if not isinstance(said, dict) or said["host"] != files.this_host():
            return False
        return bool(said["boot"] != _boot()) or not files.process_exists(int(said["process"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _boot() -> str:
    """What changes when this machine starts anew; empty where that is not known."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
