"""The data a study names: found, read, checked and digested without importing TensorFlow."""

import hashlib
import os
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import platformdirs

from ablate.errors import Problem, StudyError
from ablate.study import ondisk
from ablate.study.ondisk import OnDisk
from ablate.study.problems import suggest
from ablate.study.settings import Data

if TYPE_CHECKING:
    from collections.abc import Callable

BUNDLED = ("digits", "wine", "breast_cancer", "iris")
DOWNLOADED = ("mnist", "fashion_mnist", "cifar10")
ALIGNMENT = 64  # bytes; TensorFlow can then use the features where they are
TEST_SPLIT_SEED = 0
DEFAULT_TEST_SHARE = 0.2
DOWNLOAD_TIMEOUT = 600  # seconds

Scale = Literal["none", "divide", "standard"]
Features = npt.NDArray[Any] | OnDisk
Parts = list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]


class _SourceError(Exception):
    """What is wrong with the data; `load` adds the key and the value."""


@dataclass(frozen=True)
class Dataset:
    """A labelled data set, its features in memory or, where they are too large for it, in their file.

    Attributes:
        x: features, shape (n, features), uint8 or float32, unscaled; in memory aligned to `ALIGNMENT`.
        y: class indices, shape (n,), int32.
        classes: name of each class, in the order of the indices.
        train: indices of the training part (validation included), int32.
        test: indices of the fixed test set, int32.
        scale: how features are brought to a common size: not at all, divided by `divisor`, or standardized.
        divisor: only for `scale = "divide"`.
    """

    x: Features
    y: npt.NDArray[np.int32]
    classes: tuple[str, ...]
    train: npt.NDArray[np.int32]
    test: npt.NDArray[np.int32]
    scale: Scale
    divisor: float = 1.0

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything a network can see: values, types, shapes, classes, test set and scale."""
        digest = hashlib.sha256(repr((self.x.shape, self.classes, self.scale, self.divisor)).encode())
        for array in (self.x, self.y, self.train, self.test):
            digest.update(array.dtype.str.encode())
            for chunk in ondisk.chunks(array):
                digest.update(np.ascontiguousarray(chunk).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class _Arrays:
    """What a reader finds: features of any shape, labels of any type and, in some sources, a test part."""

    x: Features
    y: npt.NDArray[Any]
    test_rows: int = 0  # the last rows, where the source brings its own test part
    names: tuple[str, ...] | None = None
    scale: Scale = "none"
    divisor: float = 1.0


def load(data: Data, folder: Path) -> Dataset:
    """Read and check the data set that `[data]` names.

    Args:
        data: the section of the study file.
        folder: where relative paths start.

    Raises:
        StudyError: the data cannot be found, read or used; says which key to mend.
    """
    try:
        arrays = _read(data, folder)
        _check(arrays)
        return _with_test_part(_as_dataset(arrays, data), arrays.test_rows, data)
    except _SourceError as error:
        raise StudyError("data", [Problem("data.source", str(error), f'"{data.source}"')]) from None
    except StudyError:
        raise
    except MemoryError:
        raise StudyError("data", [Problem("data.source", "does not fit into memory", f'"{data.source}"')]) from None
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise StudyError("data", [Problem("data.source", f"cannot be read: {error}", f'"{data.source}"')]) from None


def _read(data: Data, folder: Path) -> _Arrays:
    readers: dict[str, Callable[[Path], _Arrays]] = {
        ".npz": _read_npz,
        ".csv": lambda path: _read_csv(path, data.label),
    }
    path = folder / Path(data.source).expanduser()
    if data.label is not None and path.suffix.lower() != ".csv":
        raise StudyError(
            "data", [Problem("data.label", "is for tables (.csv) alone; remove the key", f'"{data.label}"')]
        )
    if data.source in BUNDLED:
        return _bundled(data.source)
    if data.source in DOWNLOADED:
        return _read_npz(_downloaded(data.source))
    reader = readers.get(path.suffix.lower())
    if reader is None:
        known = [*BUNDLED, *DOWNLOADED]
        raise _SourceError(f"is neither a known data set nor a .npz or .csv file{suggest(data.source, known)}")
    if not path.is_file():
        raise _SourceError(f"no such file: {path}")
    return reader(path)


def _bundled(name: str) -> _Arrays:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    names = tuple(str(entry) for entry in bunch.target_names)
    if name == "digits":
        return _Arrays(bunch.data.astype(np.float32), bunch.target, names=names, scale="divide", divisor=16.0)
    return _Arrays(bunch.data.astype(np.float32), bunch.target, names=names, scale="standard")


def _downloaded(name: str) -> Path:
    """Where the arrays of one of Keras' data sets lie: `ABLATE_DATA`, Keras' cache, our cache, or a fresh download."""
    own = Path(platformdirs.user_cache_dir("ablate")) / "data" / f"{name}.npz"
    keras_home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    places = [keras_home / "datasets" / f"{name}.npz", own]
    if chosen := os.environ.get("ABLATE_DATA"):
        places.insert(0, Path(chosen) / f"{name}.npz")
    for place in places:
        if place.is_file():
            return place
    download(name, own)
    return own


def download(name: str, target: Path) -> None:
    """Fetch a data set with Keras' own loader, in a process of its own, and keep its arrays.

    Args:
        name: a module of `keras.datasets`.
        target: the `.npz` file to write.

    Raises:
        StudyError: the download failed; says which file to put where instead.
    """
    code = (
        "import os, sys, keras, numpy as np\n"
        "name, target = sys.argv[1:]\n"
        "(a, b), (c, d) = getattr(keras.datasets, name).load_data()\n"
        "np.savez_compressed(f'{target}.{os.getpid()}.npz', x_train=a, y_train=b, x_test=c, y_test=d)\n"
        "os.replace(f'{target}.{os.getpid()}.npz', target)\n"
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-c", code, name, str(target)]
    try:
        done = subprocess.run(  # noqa: S603 - our own code, by this interpreter; the name is one of DOWNLOADED
            command, env=environment, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT, check=False
        )
        reason = "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["unknown reason"])[-1]
    except subprocess.TimeoutExpired:
        reason = f"no answer within {DOWNLOAD_TIMEOUT} s"
    if reason:
        raise _SourceError(
            f"not on this machine, and Keras could not download it ({reason[:200]}). Put {name}.npz (arrays x_train, "
            "y_train, x_test, y_test) into a folder and name that folder in the environment variable ABLATE_DATA"
        )


def _read_npz(path: Path) -> _Arrays:
    with zipfile.ZipFile(path) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    size, limit = sum(sizes.values()), ondisk.memory_limit()
    if size > limit:
        too_large = f"{path.name} unpacks to {size:,} bytes, more than the {limit:,} that memory allows"
        if sum(size for name, size in sizes.items() if not name.startswith("x_")) > limit:
            raise _SourceError(too_large)
        return _map_npz(path, too_large)
    with np.load(path, allow_pickle=False) as archive:
        parts = _parts(path, archive, archive.__getitem__)
    return _stacked(parts, lambda xs: xs[0] if len(xs) == 1 else np.concatenate(xs))


def _map_npz(path: Path, too_large: str) -> _Arrays:
    """The same with the features left in the file, where that can be done."""
    before = ondisk.stamp(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            parts = _parts(path, archive, lambda name: ondisk.member(path, name))
    except ValueError as error:
        raise _SourceError(f"{too_large}, and {error}") from None
    return _stacked(parts, lambda xs: OnDisk(tuple(x.reshape(len(x), -1) for x in xs), path, before))


def _parts(path: Path, archive: Any, features: "Callable[[str], npt.NDArray[Any]]") -> Parts:
    """Features and labels of the training part and, if there is one, of the test part."""
    missing = [key for key in ("x_train", "y_train") if key not in archive]
    if missing:
        found = ", ".join(archive.files) or "nothing"
        raise _SourceError(f"{path.name} has no array {' or '.join(missing)}; it holds {found}")
    if ("x_test" in archive) != ("y_test" in archive):
        raise _SourceError(f"{path.name} has one of x_test and y_test; it should have both, or neither")
    parts = [(features(f"x_{part}"), archive[f"y_{part}"]) for part in ("train", "test") if f"x_{part}" in archive]
    types = [str(x.dtype) for x, _ in parts]
    if len(set(types)) > 1:
        raise _SourceError(f"x_train is {types[0]} and x_test {types[1]}")
    return parts


def _stacked(parts: "Parts", stack: "Callable[[list[npt.NDArray[Any]]], Features]") -> _Arrays:
    """Training and test part as one data set."""
    for part, (x, y) in zip(("train", "test"), parts, strict=False):
        if x.ndim < 2 or x.shape[:1] != y.shape[:1]:
            raise _SourceError(f"x_{part} has shape {x.shape} and y_{part} {y.shape}: one row of features a label")
        if not len(x):
            raise _SourceError(f"x_{part} holds no rows")
    if len({x.shape[1:] for x, _ in parts}) > 1:
        raise _SourceError(f"rows of x_train have shape {parts[0][0].shape[1:]}, of x_test {parts[1][0].shape[1:]}")
    features = stack([x for x, _ in parts])
    labels = np.concatenate([_as_column(y) for _, y in parts])
    is_image = features.dtype == np.uint8
    return _Arrays(
        features, labels, len(parts[1][1]) if len(parts) == 2 else 0, None, "divide" if is_image else "none", 255.0
    )


def _as_column(y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels as one column; one-hot rows become indices."""
    if y.ndim == 1 or y.shape[1:] == (1,):
        return y.reshape(-1)
    if y.ndim > 2 or y.dtype.kind not in "buif" or not (((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all()):
        raise _SourceError(f"labels of shape {y.shape} should be classes, or rows with a single 1 among zeros")
    return np.asarray(np.argmax(y, axis=1))


def _read_csv(path: Path, label: str | None) -> _Arrays:
    import pandas as pd

    if label is None:
        message = f"is required for a table: the column of {path.name} to learn"
        raise StudyError("data", [Problem("data.label", message)])
    size, limit = path.stat().st_size, ondisk.memory_limit()
    if size > limit:
        raise _SourceError(f"{path.name} has {size:,} bytes, more than the {limit:,} that memory allows for a table")
    table = pd.read_csv(path, skipinitialspace=True)
    if label not in table.columns:
        message = f"{path.name} has no such column{suggest(label, map(str, table.columns))}"
        raise StudyError("data", [Problem("data.label", message, f'"{label}"')])
    if table.empty:
        raise _SourceError("holds no rows")
    features = table.drop(columns=label)
    text = [str(name) for name in features.columns if not pd.api.types.is_numeric_dtype(features[name])]
    if text:
        raise _SourceError(f"columns should hold numbers; encode or remove {', '.join(text[:10])}")
    if table[label].isna().any():
        raise _SourceError(f"{int(table[label].isna().sum())} rows have no {label}; fill or remove them")
    labels = table[label] if pd.api.types.is_numeric_dtype(table[label]) else table[label].astype(str)
    return _Arrays(features.to_numpy(np.float64), np.asarray(labels.to_list()), scale="standard")


def _check(arrays: _Arrays) -> None:
    x, y = arrays.x, arrays.y
    if x.dtype.kind not in "buif":
        raise _SourceError(f"features should be numbers, not {x.dtype}")
    if 0 in x.shape:
        raise _SourceError(f"holds no features: shape {x.shape}")
    if x.dtype.kind == "f":
        _check_finite(x)
    if y.dtype.kind == "f" and not (np.isfinite(y).all() and (y == y.round()).all()):
        raise _SourceError("labels should be classes, but hold fractions or NaN; ablate studies classification")
    classes, counts = np.unique(y, return_counts=True)
    unknown = np.setdiff1d(classes, y[: len(y) - arrays.test_rows])
    if len(unknown):
        named = ", ".join(map(str, unknown[:10]))
        raise _SourceError(f"y_test has labels that y_train has not, and no network can learn them: {named}")
    if len(classes) < 2:
        raise _SourceError(f"has {len(classes)} class; there is nothing to tell apart")
    if len(classes) > max(1000, len(y) // 2):
        raise _SourceError(f"has {len(classes):,} different labels in {len(y):,} rows; is this the right column?")
    if counts.min() < 3:
        rare = str(classes[counts.argmin()])
        raise _SourceError(f"class {rare} has {counts.min()} rows; a stratified split needs at least 3 of each")


def _check_finite(x: Features) -> None:
    count, seen, first = 0, 0, 0
    for chunk in ondisk.chunks(x):
        finite = np.abs(chunk) <= np.finfo(np.float32).max  # false for NaN, too
        rows = finite.reshape(len(chunk), -1).all(axis=1)
        if not rows.all():
            first = first or seen + int(np.argmin(rows)) + 1
            count += int(np.size(chunk) - finite.sum())
        seen += len(chunk)
    if count:
        total = int(np.prod(x.shape))
        message = f"{count:,} of {total:,} feature values are NaN, infinite or too large, the first in row {first:,}"
        raise _SourceError(f"{message}; fill or remove them")


def _as_dataset(arrays: _Arrays, data: Data) -> Dataset:
    classes, y = np.unique(arrays.y, return_inverse=True)
    scale = arrays.scale if data.scale == "auto" else data.scale
    everything = np.arange(len(arrays.x), dtype=np.int32)
    names = arrays.names or tuple(str(entry) for entry in classes)
    return Dataset(
        x=_in_place(arrays.x),
        y=y.reshape(-1).astype(np.int32),
        classes=names,
        train=everything,
        test=everything[:0],
        scale=scale,
        divisor=arrays.divisor if scale == "divide" else 1.0,
    )


def _in_place(x: Features) -> Features:
    """Features as networks see them, shape (n, features), uint8 or float32."""
    if isinstance(x, OnDisk):
        return x
    flat = x.reshape(len(x), -1)
    return _aligned(flat if flat.dtype == np.uint8 else flat.astype(np.float32, copy=False))


def _aligned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A contiguous copy whose memory begins at a multiple of `ALIGNMENT`."""
    memory = np.empty(array.nbytes + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _with_test_part(dataset: Dataset, test_rows: int, data: Data) -> Dataset:
    """The data set with its own test part, or with one drawn: stratified, and the same for every seed."""
    from sklearn.model_selection import train_test_split

    rows = dataset.train
    if test_rows:
        if data.test is not None:
            message = "this source brings its own test set; remove the key"
            raise StudyError("data", [Problem("data.test", message, str(data.test))])
        return replace(dataset, train=rows[:-test_rows], test=rows[-test_rows:])
    share = DEFAULT_TEST_SHARE if data.test is None else data.test
    try:
        train, test = train_test_split(rows, test_size=share, stratify=dataset.y, random_state=TEST_SPLIT_SEED)
    except ValueError as error:
        raise StudyError("data", [Problem("data.test", f"no stratified split: {error}", str(share))]) from None
    return replace(dataset, train=np.sort(train), test=np.sort(test))
