"""Files of a results folder that are there as a whole or not at all, and are read without following links out of it.

A file is written under a temporary name beside its place, synced, and only then given its name. The temporary name
tells whose it is, so that what a killed process left can be told from what a living one is writing.
"""

import contextlib
import errno
import hashlib
import os
import platform
import re
import secrets
import time
from functools import cache
from pathlib import Path

from ablate import reading
from ablate.errors import StoreError
from ablate.reading import DamagedError

CALLBACKS = "callbacks"  # folder of what callbacks of the user's write, one folder a run; none of it is read here
WORKERS = "workers"  # folder of jobs for workers on other hosts, and of what these say; none of it is a result
LIMIT = 2**28  # bytes of a file that is read; a record of a million epochs is smaller
ABANDONED = 3600.0  # seconds after which a temporary file is nobody's, wherever its process runs or ran
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_TEMPORARY = re.compile(r"\..+\.(?P<host>[0-9a-f]{8})\.(?P<process>\d+)\.[0-9a-f]{8}\.tmp(\.\w+)?")


__all__ = ["DamagedError"]  # which belongs to what `read` may raise


def place(root: Path, *names: str) -> Path:
    """A path below a results folder, with the folders on the way made; the results folder itself is never made.

    Raises:
        StoreError: the results folder is gone, or something else is in the place of a folder.
    """
    folder = root
    for name in names[:-1]:
        folder /= name
        try:
            folder.mkdir()
            _sync_folder(folder.parent)
        except FileExistsError:
            if folder.is_symlink() or not folder.is_dir():
                raise StoreError(f"{folder} should be a folder of this study's own; move what is there") from None
        except FileNotFoundError:
            raise StoreError(f"{root} is gone: somebody removed the results folder") from None
        except OSError as error:
            raise StoreError(f"{folder} cannot be made: {error.strerror}") from None
    return folder / names[-1]


def publish(path: Path, content: bytes) -> bool:
    """Give a new file its name, for good; once this returns it survives a crash.

    Returns:
        False if the name was taken: what is there is kept.

    Raises:
        StoreError: it could not be written; nothing is left behind.
    """
    temporary = temporary_beside(path)
    try:
        _write_synced(temporary, content)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            if os.path.lexists(path):
                return False
            temporary.rename(path)
        temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        _discard(temporary)
    return True


def replace_file(path: Path, content: bytes) -> None:
    """Write a file as a whole: readers see the old content or the new, never a part.

    Raises:
        StoreError: it could not be written; an old file is still there.
    """
    temporary = temporary_beside(path)
    try:
        _write_synced(temporary, content)
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        _discard(temporary)


def read(path: Path, folders: int = 1, most: int = LIMIT) -> bytes:
    """The content of a file of a results folder, if that is what it is.

    Args:
        path: the file.
        folders: how many folders above it belong to the results folder and may not be links.
        most: bytes.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is a link or in the place of one, a folder, a pipe, or larger.
        OSError: it cannot be read.
    """
    whole = path.absolute()
    return reading.below(whole.parents[folders], *whole.parts[-folders - 1 :], most=most)


def kept(path: Path, folders: int, most: int = LIMIT) -> bytes:
    """The same of a file that a record can be trained again for: a disk that fails on it has damaged it.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: as `read`.
        StoreError: it may not be read.
    """
    try:
        return read(path, folders, most)
    except FileNotFoundError:
        raise
    except PermissionError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None
    except OSError as error:
        raise DamagedError(str(error.strerror)) from None


def temporary_beside(path: Path, suffix: str = "") -> Path:
    """A name for a file in the making; `suffix` for writers that choose a format by it."""
    return path.with_name(f".{path.name}.{this_host()}.{os.getpid()}.{secrets.token_hex(4)}.tmp{suffix}")


def is_there(path: Path) -> bool:
    """Whether a name is taken, be it by a link to nowhere."""
    return os.path.lexists(path)


def is_temporary(path: Path) -> bool:
    """Whether a file is one in the making, or what is left of one."""
    return _TEMPORARY.fullmatch(path.name) is not None


def is_abandoned(path: Path) -> bool:
    """Whether a temporary file was left by a process that is gone."""
    match = _TEMPORARY.fullmatch(path.name)
    if match is None:
        return False
    if match["host"] == this_host() and not process_exists(int(match["process"])):
        return True
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.lstat().st_mtime > ABANDONED
    return False


def process_exists(process: int) -> bool:
    """Whether a process of this machine is there, be it somebody else's."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):  # no number of a process is so large
        return False
    except OSError:
        return True
    return True


@cache
def this_host() -> str:
    """What process numbers are unique in: a machine, or a container on it."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return hashlib.sha256(f"{platform.node()} {space}".encode()).hexdigest()[:8]


def _discard(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
