"""The data a study names: found, read, checked and digested without importing TensorFlow."""

import csv
import os
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs

from ablate.data import ondisk, provided, readers
from ablate.data.dataset import Dataset, aligned, empty
from ablate.data.ondisk import OnDisk
from ablate.data.readers import Arrays, Features, SourceError
from ablate.errors import Problem, StudyError, suggest
from ablate.reading import DamagedError
from ablate.settings.document import value_text
from ablate.settings.references import is_reference
from ablate.settings.run import TABLE_KEYS, Data
from ablate.tables import audit, labels, mapping, offsets, parts, targets
from ablate.tables.options import Findings, TableOptions
from ablate.tables.table import Table
from ablate.tables.targets import Target, TargetError

BUNDLED = ("digits", "wine", "breast_cancer", "iris", "diabetes")
TABLES = (".csv", ".parquet")
DOWNLOADED = ("mnist", "fashion_mnist", "cifar10")
TEST_SPLIT_SEED = 0
DEFAULT_TEST_SHARE = 0.2
DOWNLOAD_TIMEOUT = 600  # seconds


def load(data: Data, folder: Path) -> Dataset:
    """Read and check the data set that `[data]` names.

    Args:
        data: the section of the study file.
        folder: where relative paths start.

    Raises:
        StudyError: the data cannot be found, read or used; says which key to mend.
    """
    findings = Findings()
    try:
        arrays = _read(data, folder, findings)
        arrays = replace(arrays, y=labels.stripped(arrays.y, findings))
        if not isinstance(arrays.x, Table):
            _check_features(arrays.x)
        return _as_dataset(arrays, _target(arrays, data, findings), data, findings)
    except SourceError as error:
        raise StudyError("data", [Problem("data.source", str(error), f'"{data.source}"')]) from None
    except TargetError as error:
        key = "source" if data.label is None else "label"
        raise StudyError("data", [Problem(f"data.{key}", str(error), f'"{getattr(data, key)}"')]) from None
    except StudyError:
        raise
    except MemoryError:
        raise StudyError("data", [Problem("data.source", "does not fit into memory", f'"{data.source}"')]) from None
    except (OSError, ValueError, RuntimeError, csv.Error, zipfile.BadZipFile, zlib.error, DamagedError) as error:
        raise StudyError("data", [Problem("data.source", f"cannot be read: {error}", f'"{data.source}"')]) from None


def _read(data: Data, folder: Path, findings: Findings) -> Arrays:
    path = folder / Path(data.source).expanduser()
    suffix = path.suffix.lower()
    if suffix not in TABLES:
        _refuse_table_keys(data)
    if data.source in BUNDLED:
        return _bundled(data.source)
    if data.source in DOWNLOADED:
        return readers.read_npz(_downloaded(data.source))
    if is_reference(data.source):
        return provided.read(data.source, folder)
    if suffix not in {".npz", *TABLES}:
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
    return readers.read_table(path, _table_options(data, data.label), findings)


def _refuse_table_keys(data: Data) -> None:
    message = "is for tables (.csv, .parquet) alone; remove the key"
    given = [name for name in ("label", *TABLE_KEYS) if getattr(data, name) != Data.model_fields[name].default]
    found = [Problem(f"data.{name}", message, value_text(getattr(data, name))) for name in given]
    if found:
        raise StudyError("data", found)


def _table_options(data: Data, label: str) -> TableOptions:
    values = {name: getattr(data, name) for name in TABLE_KEYS}
    lists = {name: tuple(values[name] or ()) for name in ("drop", "features", "dates")}
    return TableOptions(label.strip(), **{**values, **lists})


def _bundled(name: str) -> Arrays:
    from sklearn import datasets

    if name == "diabetes":  # a number to predict: how far the disease goes in a year
        found = datasets.load_diabetes(scaled=False)
        return Arrays(found.data.astype(np.float32), found.target, scale="standard")
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


def _target(arrays: Arrays, data: Data, findings: Findings) -> Target:
    """What is learned: class indices, or the numbers of a regression.

    Raises:
        TargetError: it holds no numbers although a regression is asked for, or something else than classes.
        SourceError: its classes cannot be told apart or split.
    """
    if (data.task or targets.detect(arrays.y)) == "regression":
        found = targets.numbers(arrays.y)
        if (train := found[: len(found) - arrays.test_rows]).min() == train.max():
            raise TargetError(f"is {train[0]:g} in every row of y_train; there is nothing to learn")
        return found
    targets.check_labels(arrays.y, said=data.task is not None)
    classes = _check_classes(arrays)
    if data.task is None and (note := targets.whole_numbers_as_classes(arrays.y, classes)):
        findings.note(note)
    indices = np.unique(arrays.y, return_inverse=True)[1]
    return indices.reshape(-1).astype(np.int32)


def _check_classes(arrays: Arrays) -> int:
    """See that there are classes to tell apart, and enough rows of each; how many there are."""
    y = arrays.y
    classes, counts = np.unique(y, return_counts=True)
    unknown = np.setdiff1d(classes, y[: len(y) - arrays.test_rows])
    many = len(classes) > targets.MANY
    if len(unknown):
        named = ", ".join(map(str, unknown[:10]))
        advice = targets.advice(y) if many else ""
        raise SourceError(f"y_test has labels that y_train has not, and no network can learn them: {named}{advice}")
    if len(classes) < 2:
        raise SourceError(f"has {len(classes)} class; classification needs at least two")
    if len(classes) > max(1000, len(y) // 2):
        message = f"has {len(classes):,} different labels in {len(y):,} rows; is this the right column?"
        raise SourceError(message + targets.advice(y))
    if counts.min() < targets.FEWEST_OF_A_CLASS:
        rare = str(classes[counts.argmin()])
        advice = targets.advice(y) if many else ""
        raise SourceError(f"class {rare} has {counts.min()} rows; a stratified split needs at least 3 of each{advice}")
    return len(classes)


def _check_features(x: Features) -> None:
    if x.dtype.kind not in "buif":
        raise SourceError(f"features should be numbers, not {x.dtype}")
    if 0 in x.shape:
        raise SourceError(f"holds no features: shape {x.shape}")
    if x.dtype.kind == "f":
        _check_finite(x)


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


def _as_dataset(arrays: Arrays, y: Target, data: Data, findings: Findings) -> Dataset:
    classes = () if y.dtype.kind == "f" else arrays.names or tuple(str(entry) for entry in np.unique(arrays.y))
    scale = arrays.scale if data.scale == "auto" else data.scale
    train, test = _test_part(y, arrays, data)
    if isinstance(arrays.x, Table):
        features = _columns_in_place(arrays.x, train, data, findings)
    else:
        features = _in_place(arrays, train, data, findings)
    return Dataset(
        y=y,
        classes=classes,
        train=train,
        test=test,
        scale=scale,
        divisor=arrays.divisor if scale == "divide" else 1.0,
        automatic=data.scale == "auto",
        notes=tuple(findings.notes),
        **features,
    )


def _columns_in_place(table: Table, train: npt.NDArray[np.int32], data: Data, findings: Findings) -> dict[str, Any]:
    """The columns of a table as numbers in memory, and what is to become of them; see `Dataset`."""
    x = empty((len(table), len(table.columns)), np.float32)
    pivots, merged = np.zeros(len(table.columns)), []
    for number, column in enumerate(table.columns):
        kept = offsets.keep(column.values, train, centre=not column.categories and data.scale != "none")
        x[:, number], pivots[number] = kept.values, kept.pivot
        merged += [(column.name, kept.merged)] if kept.merged else []
    findings.notes += offsets.say(merged, _advice(data))
    findings.notes += audit.of_columns((column.name, column.values) for column in table.columns)
    found = mapping.recipe(table.columns, train, data.max_categories, fills=data.missing == "median")
    _say_what_is_centred(np.flatnonzero(pivots), table.names, findings)
    return {
        "x": x,
        "recipe": found,
        "pivots": pivots if pivots.any() else None,
        "groups": table.groups,
        "order": table.order,
        "names": table.names,
        "left_out": table.left_out,
    }


def _in_place(arrays: Arrays, train: npt.NDArray[np.int32], data: Data, findings: Findings) -> dict[str, Any]:
    """Features as networks see them, shape (n, features), uint8 or float32, and their pivots."""
    x = arrays.x
    assert not isinstance(x, Table)
    shape = arrays.shape or x.shape[1:]
    image = shape if len(shape) > 1 else None
    if isinstance(x, OnDisk):
        return {"x": x, "image": image}
    flat = x.reshape(len(x), -1)
    if flat.dtype == np.uint8:
        return {"x": aligned(flat), "image": image}
    kept, pivots, merged = offsets.of_array(flat, train, centre=data.scale != "none")
    names = [str(column + 1) for column in range(flat.shape[1])]
    findings.notes += offsets.say([(names[column], lost) for column, lost in merged.items()], _advice(data))
    _say_what_is_centred([] if pivots is None else np.flatnonzero(pivots), names, findings)
    if image is not None or data.source in BUNDLED:
        return {"x": aligned(kept), "image": image, "pivots": pivots}
    looked_at = zip(names[: audit.MOST_COLUMNS], flat.T, strict=False)
    findings.notes += audit.of_columns(looked_at)
    return {"x": aligned(kept), "pivots": pivots, "names": tuple(names)}


def _advice(data: Data) -> str:
    return '; data.scale = "standard" takes their offset away before' if data.scale == "none" else ""


def _say_what_is_centred(columns: Iterable[int], names: Sequence[str], findings: Findings) -> None:
    named = [names[column] for column in columns]
    if named:
        more = f" and {len(named) - 5} more" if len(named) > 5 else ""
        findings.note(
            f"column {', '.join(named[:5])}{more}: the offset is large beside the differences, and is taken away in "
            "float64; a saved network takes float64 values"
        )


def _test_part(y: Target, arrays: Arrays, data: Data) -> tuple[npt.NDArray[np.int32], ...]:
    """Rows of the training and of the test part: the source's own, or one that is the same for every seed.

    It is stratified (by quantile of a number), or made of whole groups, or of what came last.
    """
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(y), dtype=np.int32)
    if arrays.test_rows:
        if data.test is not None:
            message = "this source brings its own test set; remove the key"
            raise StudyError("data", [Problem("data.test", message, str(data.test))])
        return rows[: -arrays.test_rows], rows[-arrays.test_rows :]
    share = DEFAULT_TEST_SHARE if data.test is None else data.test
    table = arrays.x if isinstance(arrays.x, Table) else None
    try:
        if table and table.order is not None:
            return parts.by_time(rows, y, table.order, share)
        if table and table.groups is not None:
            return parts.by_group(rows, y, table.groups, share, TEST_SPLIT_SEED)
    except parts.PartError as error:
        key = "time" if table and table.order is not None else "groups"
        raise StudyError(
            "data", [Problem(f"data.{key}", f"for the test part: {error}", f'"{getattr(data, key)}"')]
        ) from None
    strata = targets.strata(y, most=round(len(y) * min(share, 1 - share)))
    try:
        train, test = train_test_split(rows, test_size=share, stratify=strata, random_state=TEST_SPLIT_SEED)
    except ValueError as error:
        raise StudyError("data", [Problem("data.test", f"no stratified split: {error}", str(share))]) from None
    return np.sort(train), np.sort(test)
