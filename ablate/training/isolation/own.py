"""What a callback of the user's is told of its run, and where the files go that it writes."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from ablate.results import files

FOLDER = files.CALLBACKS
PARAMETER = "run"  # of a function that wants to be told
_PATHS: dict[type[keras.callbacks.Callback], tuple[str, ...]] = {
    keras.callbacks.CSVLogger: ("filename",),
    keras.callbacks.ModelCheckpoint: ("filepath",),
    keras.callbacks.TensorBoard: ("log_dir",),
    keras.callbacks.BackupAndRestore: (
        "backup_dir",
        "_weights_path",
        "_training_metadata_path",
        "_prev_weights_path",
        "_prev_training_metadata_path",
    ),
}


@dataclass(frozen=True)
class CallbackRun:
    """The run that a callback is made for.

    Attributes:
        key: of the run, which names its record.
        seed: its replicate's seed.
        treatment: the label of every factor's level, by factor.
        store: the study's results folder.
    """

    key: str
    seed: int
    treatment: Mapping[str, str]
    store: Path

    @property
    def folder(self) -> Path:
        """A folder for the files of this run alone; made when it is first asked for, and empty when the run begins.

        Raises:
            StoreError: it cannot be made.
        """
        return files.place(self.store, FOLDER, self.key, "file").parent


def made_by(function: Callable[..., Any], run: CallbackRun | None) -> Any:
    """What a function of the user's returns; it is handed the run if it has a parameter of that name."""
    try:
        wants = PARAMETER in inspect.signature(function).parameters
    except (TypeError, ValueError):  # some that are written in C do not tell
        wants = False
    return function(**{PARAMETER: run}) if wants else function()


def keep_apart(callback: keras.callbacks.Callback, run: CallbackRun) -> None:
    """Have one of Keras' callbacks write below the run's folder where it was given a relative path.

    All runs of a study are given the same path. They would replace each other's files, or take up each other's weights.

    Raises:
        ValueError: such a path leads out of the folder.
    """
    for kind, names in _PATHS.items():
        for name in names if isinstance(callback, kind) else ():
            given = Path(getattr(callback, name, None) or "/")
            if not given.is_absolute() and "://" not in str(getattr(callback, name)):
                if ".." in given.parts:
                    message = "leaves the folder of its run; give one below it, or an absolute one"
                    raise ValueError(f"{kind.__name__}: the relative path {str(given)!r} {message}")
                (run.folder / given).parent.mkdir(parents=True, exist_ok=True)
                setattr(callback, name, str(run.folder / given))
