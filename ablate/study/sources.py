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
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import platformdirs

from ablate.errors import Problem, StudyError
from ablate.study import code, ondisk, provided, readers
from ablate.study.ondisk import OnDisk
from ablate.study.problems import suggest
from ablate.study.readers import Arrays, Features, Scale, SourceError
from ablate.study.settings import Data

if TYPE_CHECKING:
    from collections.abc import Callable

BUNDLED = ("digits", "wine", "breast_cancer", "iris")
DOWNLOADED = ("mnist", "fashion_mnist", "cifar10")
ALIGNMENT = 64  # bytes; TensorFlow can then use the features where they are
TEST_SPLIT_SEED = 0
DEFAULT_TEST_SHARE = 0.2
DOWNLOAD_TIMEOUT = 600  # seconds


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
        image: shape of one example as it is in the data, where that is not a row of numbers.
        automatic: whether nobody chose the scale (`"auto"`).
        looked_up_by: layer that takes the numbers as they are, for which they are not scaled; see `training.inputs`.
    """

    x: Features
    y: npt.NDArray[np.int32]
    classes: tuple[str, ...]
    train: npt.NDArray[np.int32]
    test: npt.NDArray[np.int32]
    scale: Scale
    divisor: float = 1.0
    image: tuple[int, ...] | None = None
    automatic: bool = False
    looked_up_by: str = ""

    @property
    def scaling(self) -> str:
        """How features are scaled and who says so, in words."""
        how = {"none": "as they are", "divide": f"divided by {self.divisor:g}", "standard": "standardized"}[self.scale]
        if self.looked_up_by:
            return f'{how}, which layer "{self.looked_up_by}" looks up'
        return f'{how} (scale = "auto", {self.x.dtype} features)' if self.automatic else how

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example as it is in the data."""
        return self.image or (self.x.shape[1],)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything a network can see: values, types, shapes, classes, test set and scale."""
        digest = hashlib.sha256(repr((self.x.shape, self.classes, self.scale, self.divisor)).encode())
        for array in (self.x, self.y, self.train, self.test):
            digest.update(array.dtype.str.encode())
            for chunk in ondisk.chunks(array):
                digest.update(np.ascontiguousarray(chunk).data)
        return digest.hexdigest()


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
    except SourceError as error:
        raise StudyError("data", [Problem("data.source", str(error), f'"{data.source}"')]) from None
    except StudyError:
        raise
    except MemoryError:
        raise StudyError("data", [Problem("data.source", "does not fit into memory", f'"{data.source}"')]) from None
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise StudyError("data", [Problem("data.source", f"cannot be read: {error}", f'"{data.source}"')]) from None


def _read(data: Data, folder: Path) -> Arrays:
    tables: dict[str, Callable[[Path, str], Arrays]] = {".csv": readers.read_csv, ".parquet": readers.read_parquet}
    path = folder / Path(data.source).expanduser()
    suffix = path.suffix.lower()
    if data.label is not None and suffix not in tables:
        message = "is for tables (.csv, .parquet) alone; remove the key"
        raise StudyError("data", [Problem("data.label", message, f'"{data.label}"')])
    if data.source in BUNDLED:
        return _bundled(data.source)
    if data.source in DOWNLOADED:
        return readers.read_npz(_downloaded(data.source))
    if code.is_reference(data.source):
        return provided.read(data.source, folder)
    if suffix not in {".npz", *tables}:
        hint = suggest(data.source, [*BUNDLED, *DOWNLOADED])
        raise SourceError(
            f"is neither a known data set, nor a .npz, .csv or .parquet file, nor a 'module:function'{hint}"
        )
    if not path.is_file():
        raise SourceError(f"no such file: {path}")
    if suffix == ".npz":
        return readers.read_npz(path)
    if data.label is None:
        message = f"is required for a table: the column of {path.name} to learn"
        raise StudyError("data", [Problem("data.label", message)])
    return tables[suffix](path, data.label)


def _bundled(name: str) -> Arrays:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    names = tuple(str(entry) for entry in bunch.target_names)
    if name == "digits":
        x = bunch.images.astype(np.float32)
        return Arrays(x, bunch.target, names=names, scale="divide", divisor=16.0)
    return Arrays(bunch.data.astype(np.float32), bunch.target, names=names, scale="standard")


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
    command = [sys.executable, "-P", "-c", code, name, str(target)]
    try:
        done = subprocess.run(  # noqa: S603 - our own code, by this interpreter; the name is one of DOWNLOADED
            command, env=environment, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT, check=False
        )
        reason = "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["unknown reason"])[-1]
    except subprocess.TimeoutExpired:
        reason = f"no answer within {DOWNLOAD_TIMEOUT} s"
    if reason:
        raise SourceError(
            f"not on this machine, and Keras could not download it ({reason[:200]}). Put {name}.npz (arrays x_train, "
            "y_train, x_test, y_test) into a folder and name that folder in the environment variable ABLATE_DATA"
        )


def _check(arrays: Arrays) -> None:
    x, y = arrays.x, arrays.y
    if x.dtype.kind not in "buif":
        raise SourceError(f"features should be numbers, not {x.dtype}")
    if 0 in x.shape:
        raise SourceError(f"holds no features: shape {x.shape}")
    if x.dtype.kind == "f":
        _check_finite(x)
    if y.dtype.kind == "f" and not (np.isfinite(y).all() and (y == y.round()).all()):
        raise SourceError("labels should be classes, but hold fractions or NaN; ablate studies classification")
    classes, counts = np.unique(y, return_counts=True)
    unknown = np.setdiff1d(classes, y[: len(y) - arrays.test_rows])
    if len(unknown):
        named = ", ".join(map(str, unknown[:10]))
        raise SourceError(f"y_test has labels that y_train has not, and no network can learn them: {named}")
    if len(classes) < 2:
        raise SourceError(f"has {len(classes)} class; there is nothing to tell apart")
    if len(classes) > max(1000, len(y) // 2):
        raise SourceError(f"has {len(classes):,} different labels in {len(y):,} rows; is this the right column?")
    if counts.min() < 3:
        rare = str(classes[counts.argmin()])
        raise SourceError(f"class {rare} has {counts.min()} rows; a stratified split needs at least 3 of each")


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
        raise SourceError(f"{message}; fill or remove them")


def _as_dataset(arrays: Arrays, data: Data) -> Dataset:
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
        automatic=data.scale == "auto",
        image=shape if len(shape := arrays.shape or arrays.x.shape[1:]) > 1 else None,
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
