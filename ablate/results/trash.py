"""Removal of files and folders of results: as a whole, or not at all.

What is to go is moved into a folder of its own below `trash/` first, whose name tells which process is removing it. If
something cannot be moved, all is put back; what a killed process left there goes with the next removal.
"""

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ablate.errors import StoreError
from ablate.results import files
from ablate.results.names import is_temporary
from ablate.results.store import Store

FOLDER = "trash"
_REMOVAL = re.compile(r"\.removal\.[0-9a-f]{8}\.\d+\.[0-9a-f]{8}\.tmp")
_OLDER = re.compile(  # files lay in it directly, under their place and name
    r"(runs\.[0-9a-f]{2}|models|attempts|quarantine|callbacks|confirmations)\.[0-9a-f]{64}\..+"
)
_TRIES = 10
Moved = list[tuple[Path, Path]]


def is_removal(name: str) -> bool:
    """Whether a name in `trash/` is that of a folder that is being removed, or was to be."""
    return _REMOVAL.fullmatch(name) is not None


def is_of_older_version(name: str) -> bool:
    """Whether a name in `trash/` is that of a file that an older version was to remove."""
    return _OLDER.fullmatch(name) is not None or is_temporary(Path(name))


def left(store: Store) -> list[Path]:
    """The folders that processes which are gone were to remove."""
    folder = store.root / FOLDER
    if folder.is_symlink():
        return []
    return sorted(path for path in folder.glob("*") if _is_left(path))


def _is_left(path: Path) -> bool:
    return is_removal(path.name) and not path.is_symlink() and path.is_dir() and files.is_abandoned(path)


def remove(store: Store, paths: Iterable[Path]) -> int:
    """Delete files and folders of a results folder, and the folders that this empties; what is gone already is gone.

    Returns:
        Bytes that were freed.

    Raises:
        StoreError: one cannot be moved or deleted.
    """
    folder = _new_folder(store)
    moved: Moved = []
    try:
        for number, path in enumerate(dict.fromkeys(paths)):
            if _is_ours(store, path):
                moved += _move(path, folder / str(number))
        freed = sum(size for _, target in moved for size in _sizes(target))
        for _, target in moved:
            _make_deletable(target)
    except OSError as error:
        _put_back(moved, folder)
        raise StoreError(f"{error.filename} cannot be removed: {error.strerror}; nothing was") from None
    except RecursionError:
        _put_back(moved, folder)
        raise StoreError(f"a folder in {store.root} is nested too deep to be removed; nothing was") from None
    except BaseException:
        _put_back(moved, folder)
        raise
    _delete(folder)
    for parent in {path.parent for path, _ in moved} - {store.root} | {folder.parent}:
        with contextlib.suppress(OSError):  # it is not empty, or not there
            parent.rmdir()
    return freed


def _new_folder(store: Store) -> Path:
    """A folder for this removal; another process may find `trash/` empty and remove it at any moment.

    Raises:
        StoreError: it cannot be made.
    """
    parent = store.root / FOLDER
    for _ in range(_TRIES):
        try:
            folder = files.temporary_beside(files.place(store.root, FOLDER, "removal"))
            folder.mkdir()
        except FileNotFoundError:
            continue
        except StoreError:
            if files.is_there(parent) or not store.root.is_dir():
                raise
        except OSError as error:
            raise StoreError(f"{parent} cannot be written: {error.strerror}") from None
        else:
            return folder
    raise StoreError(f"{parent} cannot be made: other processes remove it again and again")


def _is_ours(store: Store, path: Path) -> bool:
    """Whether a file or a folder is there, and no link on the way to it."""
    if store.has(path):
        return True
    inside = [path, *(store.root / way for way in path.relative_to(store.root).parents)][:-1]
    return path.is_dir() and not any(way.is_symlink() for way in inside)


def _move(path: Path, target: Path) -> Moved:
    """Where something was and is now; nothing if another process has moved it meanwhile."""
    try:
        path.rename(target)
    except FileNotFoundError:
        return []
    return [(path, target)]


def _sizes(path: Path) -> Iterator[int]:
    """Of a file, or of all files in a folder."""
    if path.is_symlink() or not path.is_dir():
        yield path.lstat().st_size
        return
    for folder, _, names in os.walk(path):
        yield from (Path(folder, name).lstat().st_size for name in names)


def _make_deletable(path: Path) -> None:
    """Allow ourselves to empty a folder and all folders in it."""
    if path.is_symlink() or not path.is_dir():
        return
    mode = path.stat().st_mode
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        path.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)
    for entry in path.iterdir():
        _make_deletable(entry)


def _put_back(moved: Moved, folder: Path) -> None:
    for path, target in reversed(moved):
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not files.is_there(path):
                target.rename(path)
    with contextlib.suppress(OSError):
        folder.rmdir()
        folder.parent.rmdir()


def _delete(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        message = f"all was moved to {folder}, but {error.filename} cannot be deleted: {error.strerror}"
        raise StoreError(f"{message}; the next 'ablate store gc' tries again") from None
    except RecursionError:
        raise StoreError(f"all was moved to {folder}, which is nested too deep to be deleted") from None
