"""Kept networks of a study: what its runs have learned, as weights (`.npz`) and as Keras models (`.keras`)."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ablate import reading
from ablate.errors import StoreError
from ablate.results import files, weights
from ablate.results.names import is_key
from ablate.results.record import Record
from ablate.results.store import Store

ModelKind = Literal["npz", "keras", "json"]
MODEL_KINDS: tuple[ModelKind, ...] = get_args(ModelKind)
LARGEST_COLUMNS = 16_000_000  # bytes; categories of a hundred columns make one million
_COLUMNS_AGAIN = "remove it, and what the training rows make of the columns is found anew"


def keep_weights(store: Store, key: str, arrays: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Keep what a run has learned, until it is known which networks are wanted.

    More than `weights.LIMIT` is not kept; `kept.notes` and `ablate model` say so.

    Raises:
        StoreError: it could not be written.
    """
    content = weights.pack(arrays)
    if content is not None:
        files.replace_file(files.place(store.root, "models", f"{key}.npz"), content)


def read_weights(store: Store, record: Record) -> dict[str, npt.NDArray[np.float32]] | None:
    """What `keep_weights` kept of a run, or `None`; what is not the weights of its record is set aside.

    Raises:
        StoreError: they cannot be read.
    """
    path = model_path(store, record.key, "npz")
    try:
        return weights.read(path, record)
    except FileNotFoundError:
        return None
    except files.DamagedError:
        store.set_aside(path)
        return None


def keep_model(store: Store, key: str, save: Callable[[Path], None], columns: Mapping[str, Any] | None = None) -> None:
    """Keep a run's network as `models/<key>.keras`, as a whole or not at all, in the place of its weights.

    Args:
        store: of the study.
        key: of the run.
        save: writes the file that it is given.
        columns: what its features are made of, where they are not the columns of a table; kept beside it.

    Raises:
        StoreError: it could not be written.
    """
    path = files.place(store.root, "models", f"{key}.keras")
    temporary = files.temporary_beside(path, ".keras")
    try:
        if columns is not None:
            files.replace_file(model_path(store, key, "json"), columns_text(columns).encode())
        save(temporary)
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)
    model_path(store, key, "npz").unlink(missing_ok=True)


def columns(store: Store, key: str) -> Any:
    """What `keep_model` kept of the features of a run's network, or `None`.

    Raises:
        StoreError: it cannot be read.
    """
    path = model_path(store, key, "json")
    try:
        return reading.parse_json(files.read(path, most=LARGEST_COLUMNS))
    except FileNotFoundError:
        return None
    except (files.DamagedError, ValueError) as error:
        raise StoreError(f"{path} cannot be used: {error}; {_COLUMNS_AGAIN}") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None


def check_columns(path: Path) -> None:
    """See that a file is what `columns` reads.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is not.
        StoreError: it cannot be read.
    """
    content = files.kept(path, folders=1, most=LARGEST_COLUMNS)
    try:
        reading.parse_json(content)
    except ValueError as error:
        raise files.DamagedError(f"not what a network is fed with: {error}") from None


def keys(store: Store, kind: ModelKind) -> set[str]:
    """Keys of the runs whose weights (`npz`), networks (`keras`) or features (`json`) are kept."""
    found = (store.root / "models").glob(f"*.{kind}")
    return {path.stem for path in found if is_key(path.stem) and store.has(path)}


def drop(store: Store, keys: Iterable[str]) -> None:
    """Remove weights and networks of some runs.

    Raises:
        StoreError: one cannot be removed.
    """
    try:
        for key in keys:
            for path in (model_path(store, key, kind) for kind in MODEL_KINDS):
                if store.has(path):
                    path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{store.root / 'models'} cannot be changed: {error.strerror}") from None


def network(store: Store, key: str) -> Path | None:
    """The `.keras` file of a run, if it is kept."""
    path = model_path(store, key, "keras")
    return path if store.has(path) else None


def model_path(store: Store, key: str, kind: ModelKind) -> Path:
    """Where a run's weights (`npz`), its network (`keras`) or what it takes (`json`) are, if they are kept."""
    return store.root / "models" / f"{key}.{kind}"


def columns_text(columns: Mapping[str, Any]) -> str:
    """What a network's features are made of, as it is kept beside the network; see `data.mapping`."""
    return json.dumps(columns, indent=1, ensure_ascii=False) + "\n"
