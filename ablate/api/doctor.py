"""Whether this machine can train studies: what is installed, and what works, with advice where something does not."""

import fcntl
import json
import locale
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ablate.errors import AblateError
from ablate.execution import compilation_cache, surroundings
from ablate.version import __version__

State = Literal["fine", "note", "wrong"]
LIBRARIES = ("tensorflow", "keras", "numpy", "pandas", "scipy", "scikit-learn", "matplotlib", "pydantic")
SECONDS = 120.0  # that TensorFlow may take to be imported and to compile one product
LEAST_DISK, LEAST_MEMORY = 2**30, 2 * 2**30  # bytes
LARGEST_SKEW = 5.0  # seconds between this machine's clock and that of the disk
_SETS = ("avx512f", "avx2", "avx", "asimd")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        state: `note` is worth knowing, `wrong` keeps studies from being trained or results from being kept.
        found: in words.
        advice: what to do; empty where nothing is.
    """

    name: str
    state: State
    found: str
    advice: str = ""


def examine(reports: Path) -> Iterator[Check]:
    """Look at everything, one after the other; TensorFlow last, since it takes seconds.

    Args:
        reports: the folder that results would go to; it need not be there, and is not made.
    """
    yield Check("ablate", "fine", f"{__version__}, Python {platform.python_version()} ({sys.executable})")
    yield _guarded("libraries", _libraries)
    yield _guarded("processor", _processor)
    yield _guarded("memory", _memory)
    yield _guarded("locale", _locale)
    yield _guarded("results folder", lambda: _folder(reports))
    yield _guarded("clock", lambda: _clock(reports))
    yield _guarded("free disk", lambda: _disk(reports))
    yield _guarded("compiled programs", _cache)
    yield _guarded("TensorFlow", _tensorflow)


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    """A check, or that it could not be made."""
    try:
        return look()
    except (OSError, ValueError, AblateError) as error:
        return Check(name, "wrong", f"cannot be looked at: {error}", "the message says what stands in the way")


def _libraries() -> Check:
    from importlib.metadata import PackageNotFoundError, version

    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("libraries", "wrong", f"not installed: {', '.join(missing)}", "pip install keras-ablate")
    return Check("libraries", "fine", ", ".join(found))


def _processor() -> Check:
    there = {word for line in _cpuinfo() if line.startswith(("flags", "Features")) for word in line.split()}
    sets = next((name for name in _SETS if name in there), "")
    usable, cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0, os.cpu_count() or 1
    parts = [surroundings.processor(), f"{usable or cores} of {cores} cores", f"load {os.getloadavg()[0]:.1f}"]
    found = ", ".join(part for part in [*parts, sets] if part)
    if platform.machine() == "x86_64" and there and not sets:
        return Check("processor", "wrong", found, "TensorFlow needs AVX; use another machine")
    return Check("processor", "fine", found)


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return []


def _memory() -> Check:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    text = f"{total / 2**30:.1f} GiB"
    if total < LEAST_MEMORY:
        return Check("memory", "note", text, "a worker takes about 1 GiB: train with -j 1")
    return Check("memory", "fine", text)


def _locale() -> Check:
    encodings = {sys.getfilesystemencoding(), locale.getpreferredencoding(do_setlocale=False), sys.stdout.encoding}
    other = sorted(name for name in encodings if name and name.lower().replace("-", "") != "utf8")
    if other:
        return Check(
            "locale", "note", f"not UTF-8: {', '.join(other)}", "set LC_ALL=C.UTF-8, or names may be shown as ?"
        )
    return Check("locale", "fine", "UTF-8")


def _nearest(folder: Path) -> Path:
    """A folder, or the first above it that is there."""
    folder = folder.absolute()
    return folder if folder.is_dir() else _nearest(folder.parent)


def _folder(reports: Path) -> Check:
    """Whether files can be kept as records are: written, synced, linked to their name, locked, removed."""
    place = _nearest(reports)
    advice = "choose another folder by -o, on a disk of this machine"
    try:
        with tempfile.TemporaryDirectory(prefix=".ablate-doctor-", dir=place) as folder:
            file, link = Path(folder, "a"), Path(folder, "b")
            with file.open("wb") as stream:
                stream.write(b"kept")
                stream.flush()
                os.fsync(stream.fileno())
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.link(file, link)
            if link.read_bytes() != b"kept":
                return Check("results folder", "wrong", f"{place}: what was written is not what is read", advice)
    except OSError as error:
        return Check("results folder", "wrong", f"{place}: {error.strerror}", advice)
    return Check("results folder", "fine", f"{reports.absolute()}: files can be written, synced, linked and locked")


def _clock(reports: Path) -> Check:
    with tempfile.NamedTemporaryFile(prefix=".ablate-doctor-", dir=_nearest(reports)) as file:
        skew = Path(file.name).stat().st_mtime - time.time()
    if abs(skew) > LARGEST_SKEW:
        text = f"the clock of the results' disk is {skew:+.0f} s off this machine's"
        return Check("clock", "note", text, "set both by a time server")
    return Check("clock", "fine", time.strftime("%Y-%m-%d %H:%M:%S %Z"))


def _disk(reports: Path) -> Check:
    place = _nearest(reports)
    free = shutil.disk_usage(place).free
    text = f"{free / 2**30:.1f} GiB at {place}"
    if free < LEAST_DISK:
        return Check("free disk", "note", text, "make room: a study takes 10 to 100 MB, more with save_models")
    return Check("free disk", "fine", text)


def _cache() -> Check:
    found = compilation_cache.contents()
    if found is None:
        switch = compilation_cache.SWITCH
        return Check(
            "compiled programs", "note", f"switched off by {switch}", f"unset {switch}; every run compiles anew"
        )
    text = f"{found.entries} kept, {found.size / 1e6:.1f} MB, in {found.folder}"
    if found.damaged:
        advice = "nothing to do: they are removed before they would be used"
        return Check("compiled programs", "note", f"{text}; {found.damaged} are damaged", advice)
    return Check("compiled programs", "fine", text)


def _tensorflow() -> Check:
    command = [sys.executable, "-m", "ablate.training.selfcheck"]
    advice = "pip install --force-reinstall tensorflow keras, in an environment of its own"
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            command, capture_output=True, text=True, timeout=SECONDS, check=False,
            env={**os.environ, "KERAS_BACKEND": "tensorflow"},  # as workers have it
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Check("TensorFlow", "wrong", f"did not answer within {SECONDS:.0f} s", "try again on a quiet machine")
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        return Check("TensorFlow", "wrong", last[0], advice)
    found = json.loads(done.stdout.splitlines()[-1])
    gpus = f"GPUs: {', '.join(found['gpus'])}" if found["gpus"] else "no GPU"
    text = f"{found['tensorflow']}, Keras {found['keras']}, {gpus}, imported in {found['seconds']:.1f} s"
    if found["error"]:
        return Check("TensorFlow", "wrong", f"{text}; a product compiled by XLA is {found['error']:g} off", advice)
    return Check("TensorFlow", "fine", f"{text}; XLA compiles")
