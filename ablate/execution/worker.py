"""What runs in a worker process: train one run, commit its record, and answer with what became of it.

Nothing of TensorFlow is imported until `start` has fixed the number of threads.
"""

import contextlib
import functools
import gc
import io
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from threadpoolctl import threadpool_limits

from ablate.errors import AblateError, Problem, StoreError, StudyError
from ablate.results.record import Record, TrainerName
from ablate.results.store import Store
from ablate.study import code, sources
from ablate.study.settings import Data, RunSettings
from ablate.study.sources import Dataset

LOG_TAIL = 4_000  # characters kept of what a failing run printed
_PARENT_CHECK_SECONDS = 1.0
_XLA_CACHE_FLAG = "--tf_xla_persistent_cache_directory"
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


@dataclass(frozen=True)
class Assignment:
    """One run, as it is sent to a worker.

    Attributes:
        index: its place in the shared array of finished epochs.
        key: the run's key.
        settings: its resolved settings, as plain values (their classes are made at import and cannot be sent).
        seed: its replicate's seed.
        folder: where relative paths of the study start.
        data_digest: digest of the data that the key was made with.
        store: the study's results folder.
        trainer: `compiled` or `fit`.
        keep_weights: whether to keep what the network has learned.
    """

    index: int
    key: str
    settings: Mapping[str, Any]
    seed: int
    folder: Path
    data_digest: str
    store: Path
    trainer: TrainerName
    keep_weights: bool


@dataclass(frozen=True)
class Outcome:
    """What became of an assignment.

    Attributes:
        key: the run's key.
        status: `ok` and `diverged` have a record; `failed` has not; `stopped` was asked to stop. `unwritable`
            (the store) and `unable` (the libraries) say that no other run would fare better.
        message: one line about a failure.
        log: its traceback and the last of what it printed.
        epochs: epochs trained.
        compiled: whether a program was compiled for it.
        accuracy: test accuracy of the kept weights, for progress lines.
        slower: why it was not trained by the trainer asked for; empty if it was.
        seconds: wall time.
    """

    key: str
    status: Literal["ok", "diverged", "failed", "stopped", "unwritable", "unable"]
    message: str = ""
    log: str = ""
    epochs: int = 0
    compiled: bool = False
    accuracy: float = float("nan")
    slower: str = ""
    seconds: float = 0.0


class _StopRequestedError(Exception):
    """The scheduler asked this worker to end after the current epoch."""


@dataclass
class _Process:
    """What a worker process keeps between runs."""

    epochs: Any
    stop: Any
    workshop: Any
    datasets: dict[str, Dataset]


_process: _Process | None = None
_start_error = "it was not started"


def start(parent: int, epochs: Any, stop: Any, compiled: Path | None) -> None:
    """Prepare a fresh process; called once, before its first assignment.

    Args:
        parent: process id of the scheduler; this process ends itself when that one is gone.
        epochs: shared array of 32-bit integers, one per assignment: epochs finished so far.
        stop: shared integer; not zero when runs should end after their epoch.
        compiled: folder of programs that XLA compiled before, and for those it compiles now.
    """
    global _process, _start_error
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if compiled and _XLA_CACHE_FLAG not in flags:
        os.environ["TF_XLA_FLAGS"] = f"{flags} {_XLA_CACHE_FLAG}={compiled}"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the scheduler decides
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        with _captured():
            import tensorflow as tf

            from ablate.training.trainer import Workshop

            threadpool_limits(1)  # numpy was loaded before the variables were set
            gc.freeze()  # what TensorFlow brought along stays: searching it for garbage took 5% of a small study
            tf.get_logger().setLevel("ERROR")
    except Exception as error:  # noqa: BLE001 - a broken installation shows in many ways; `run` tells of it
        _start_error = f"{type(error).__name__}: {error}"
        return
    _process = _Process(epochs, stop, Workshop(), {})


def run(assignment: Assignment) -> Outcome:
    """Train one run and commit its record; whatever goes wrong in it becomes its outcome."""
    if _process is None:
        return Outcome(assignment.key, "unable", f"TensorFlow cannot be used here: {_start_error}")
    started = time.perf_counter()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            return _train(assignment, _process, started)
    except _StopRequestedError:
        return Outcome(assignment.key, "stopped")
    except StoreError as error:
        return Outcome(assignment.key, "unwritable", str(error))
    except Exception as error:  # noqa: BLE001 - the boundary around one run: libraries may raise anything
        log = f"{printed.getvalue()}{traceback.format_exc()}"[-LOG_TAIL:]
        told = str(error) if isinstance(error, AblateError) else f"{type(error).__name__}: {error}"
        message = " ".join(told.split())[:300]
        return Outcome(assignment.key, "failed", message, log, seconds=time.perf_counter() - started)


def _train(assignment: Assignment, process: _Process, started: float) -> Outcome:
    from ablate.training import trainer
    from ablate.training.callbacks import own_callbacks

    def tick(epochs: int) -> None:
        process.epochs[assignment.index] = epochs
        if process.stop.value and epochs < settings.training.epochs:  # else it is finished and worth keeping
            raise _StopRequestedError

    store = Store(assignment.store)
    code.open_folder(assignment.folder)
    settings = RunSettings.model_validate(assignment.settings)
    record = trainer.train(
        assignment.key,
        settings,
        assignment.seed,
        _dataset(settings.data, assignment, process),
        process.workshop,
        trainer=assignment.trainer,
        callbacks=lambda: own_callbacks(settings.training.callbacks),
        tick=tick,
        keep=functools.partial(store.keep_weights, assignment.key) if assignment.keep_weights else None,
    )
    store.commit(record)
    return Outcome(
        record.key,
        record.status,
        epochs=int(record.result["stopped_epoch"]),
        compiled=record.seconds["compile"] > 0,
        accuracy=record.result["test_accuracy"],
        slower=_slower(record),
        seconds=time.perf_counter() - started,
    )


def save_model(assignment: Assignment) -> None:
    """Turn the weights that a run kept into a Keras model on disk, unless another process has done so.

    Raises:
        StoreError: it could not be written.
    """
    from ablate.study.splits import split
    from ablate.training import data, saving

    assert _process is not None, _start_error
    settings = RunSettings.model_validate(assignment.settings)
    code.open_folder(assignment.folder)
    dataset = _dataset(settings.data, assignment, _process)
    scaling = data.scaling(dataset, split(dataset, settings.data, assignment.seed).train)
    store = Store(assignment.store)
    with contextlib.suppress(FileNotFoundError):
        model = saving.plain_network(settings, scaling, len(dataset.classes), store.weights(assignment.key))
        store.keep_model(assignment.key, model.save)


def _slower(record: Record) -> str:
    reason = record.environment.get("trainer_reason")
    by = {"graph": "TensorFlow without XLA", "fit": "model.fit"}.get(record.trainer, "")
    return f"trained by {by}, which is slower: {reason}" if reason else ""


def _dataset(data: Data, assignment: Assignment, process: _Process) -> Dataset:
    """The data of an assignment, read once per process; it must be what the run's key was made with."""
    found = process.datasets.get(assignment.data_digest)
    if found is None:
        found = sources.load(data, assignment.folder)
        if found.digest != assignment.data_digest:
            raise StudyError("data", [Problem("data.source", "changed since the study began; run it again")])
        process.datasets[assignment.data_digest] = found
    return found


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    os._exit(1)


@contextlib.contextmanager
def _captured() -> Iterator[None]:
    """Keep what native libraries print while they load away from the terminal."""
    saved = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
