"""What runs in a worker process: train one run, commit its record, and answer with what became of it.

Nothing of TensorFlow is imported until `start` has fixed the number of threads.
"""

import contextlib
import ctypes
import faulthandler
import functools
import gc
import os
import signal
import sys
import threading
import time
import traceback
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from threadpoolctl import threadpool_limits

from ablate.data import mapping
from ablate.data.mapping import Recipe
from ablate.errors import AblateError, ModelError, StoreError, StudyError, WorkerError
from ablate.results import files
from ablate.results.record import Record, TrainerName, weights_digest
from ablate.results.store import Store, columns_text, utc_now
from ablate.study import code, model_files, sources
from ablate.study.dataset import Dataset
from ablate.study.ondisk import OnDisk
from ablate.study.settings import Data, RunSettings
from ablate.text import clean

SAFE = "ablate"  # value of a variable that only has to be there
_MESSAGE = 300  # characters of the one line about a failure
_PARENT_CHECK_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1  # of Linux
_RUN_AGAIN = "'ablate run' again makes keys for what is there now"
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
        code: digests of the user's functions that the key was made with, by reference.
        model_file: digest of the model file that the key was made with; `None` without one.
        store: the study's results folder.
        trainer: `compiled` or `fit`.
        keep_weights: whether to keep what the network has learned.
        origin: folder and run of the study whose weights it starts from.
        treatment: the label of every factor's level, which callbacks of the user's may ask for.
        surroundings: what the record's environment says beyond what the worker knows; see `surroundings.describe`.
    """

    index: int
    key: str
    settings: Mapping[str, Any]
    seed: int
    folder: Path
    data_digest: str
    code: Mapping[str, str]
    model_file: str | None
    store: Path
    trainer: TrainerName
    keep_weights: bool
    origin: tuple[Path, str] | None = None
    treatment: Mapping[str, str] = field(default_factory=dict)
    surroundings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What became of an assignment.

    Attributes:
        key: the run's key.
        status: `ok` and `diverged` have a record; `failed` has not; `stopped` was asked to stop. `unwritable`
            (the store) and `unable` (the libraries or the data) say that no other run would fare better. `unborn`:
            its process ended before it began.
        message: one line about a failure.
        log: the last of what it printed, and its traceback.
        epochs: epochs trained.
        compiled: whether a program was compiled for it.
        accuracy: test accuracy of the kept weights, for progress lines.
        slower: why it was not trained by the trainer asked for; empty if it was.
        seconds: wall time.
        elsewhere: whether another invocation trained it meanwhile.
        memory: bytes that its process holds afterwards; 0 where that is not known.
        spent: why its process should train nothing else; empty if it may.
        refused: whether its model cannot be trained, whatever the seed: no run of its structure would fare better.
    """

    key: str
    status: Literal["ok", "diverged", "failed", "stopped", "unwritable", "unable", "unborn"]
    message: str = ""
    log: str = ""
    epochs: int = 0
    compiled: bool = False
    accuracy: float = float("nan")
    slower: str = ""
    seconds: float = 0.0
    elsewhere: bool = False
    memory: int = 0
    spent: str = ""
    refused: bool = False


class _StopRequestedError(Exception):
    """The scheduler asked this worker to end after the current epoch."""


class _ChangedError(WorkerError):
    """Data or code is not any more what the keys of the study's runs were made with."""


@dataclass(frozen=True)
class Board:
    """What the scheduler and its workers tell each other while runs are trained, in shared memory.

    Attributes:
        epochs: 32-bit integers, one per assignment: epochs finished so far.
        processes: the same, the process that took the assignment; 0 before.
        stop: not zero when runs should end after their epoch.
    """

    epochs: Any
    processes: Any
    stop: Any


@dataclass
class _Process:
    """What a worker process keeps between runs."""

    board: Board
    workshop: Any
    datasets: dict[str, Dataset]
    checked: set[str]


_process: _Process | None = None
_start_error = "it was not started"


def start(parent: int, board: Board, output: Connection, compiled: Path | None) -> None:
    """Prepare a fresh process; called once, before its first assignment.

    Args:
        parent: process id of the scheduler; this process ends itself when that one is gone.
        board: shared with the scheduler.
        output: a pipe for everything that is printed here, by native libraries too.
        compiled: folder of programs that XLA compiled before, and for those it compiles now.
    """
    global _process, _start_error
    if os.environ.get("PYTHONSAFEPATH") == SAFE:
        del os.environ["PYTHONSAFEPATH"]  # it is not meant for programs that the user's code starts
    os.setsid()  # a group of its own, so that it can be ended with all its children
    _print_into(output)
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
        import tensorflow as tf

        from ablate.training.trainer import Workshop

        threadpool_limits(1)  # numpy was loaded before the variables were set
        gc.freeze()  # what TensorFlow brought along stays: searching it for garbage took 5% of a small study
        tf.get_logger().setLevel("ERROR")
    except Exception as error:  # noqa: BLE001 - a broken installation shows in many ways; `run` tells of it
        _start_error = f"{type(error).__name__}: {error}"
        return
    _process = _Process(board, Workshop(), {}, set())


def run(assignment: Assignment) -> Outcome:
    """Train one run and commit its record; whatever goes wrong in it becomes its outcome."""
    try:
        process = _ready()
    except WorkerError as error:
        return Outcome(assignment.key, "unable", str(error))
    started = time.perf_counter()
    process.board.processes[assignment.index] = os.getpid()
    outcome = _outcome(assignment, process, started)
    spent = process.workshop.spent
    return replace(outcome, spent=spent, slower=outcome.slower or (spent and f"its process is given up: {spent}"))


def _outcome(assignment: Assignment, process: _Process, started: float) -> Outcome:
    try:
        return _train(assignment, process, started)
    except _StopRequestedError:
        return Outcome(assignment.key, "stopped")
    except StoreError as error:
        return Outcome(assignment.key, "unwritable", str(error))
    except _ChangedError as error:
        return Outcome(assignment.key, "unable", str(error))
    except SystemExit as error:
        reason = f"its code called sys.exit({error.code!r})"
        return _failed(assignment, reason, started)
    except ModelError as error:
        always = assignment.origin is None  # else it may be about the weights that this run begins with
        return replace(_failed(assignment, str(error), started), refused=always)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the boundary around one run: anything may be raised
        reason = str(error) if isinstance(error, AblateError) else f"{type(error).__name__}: {error}"
        return _failed(assignment, reason, started)


def _failed(assignment: Assignment, reason: str, started: float) -> Outcome:
    message = " ".join(clean(reason).split())[:_MESSAGE]
    log = clean(traceback.format_exc())
    return Outcome(assignment.key, "failed", message, log, seconds=time.perf_counter() - started)


def _train(assignment: Assignment, process: _Process, started: float) -> Outcome:
    from ablate.training import trainer
    from ablate.training.callbacks import own_callbacks
    from ablate.training.own import CallbackRun

    def tick(epochs: int) -> None:
        process.board.epochs[assignment.index] = epochs
        if process.board.stop.value and epochs < settings.training.epochs:  # else it is finished and worth keeping
            raise _StopRequestedError

    store = Store(assignment.store)
    code.open_folder(assignment.folder)
    _check_code(assignment, process)
    settings = RunSettings.model_validate(assignment.settings)
    dataset = _dataset(settings.data, assignment, process)
    told = CallbackRun(assignment.key, assignment.seed, assignment.treatment, assignment.store)

    def own() -> list[Any]:  # they may be made more than once, and begin with an empty folder each time
        store.clear_callbacks(assignment.key)
        return own_callbacks(settings.training.callbacks, told)

    record = trainer.train(
        assignment.key,
        settings,
        assignment.seed,
        dataset,
        process.workshop,
        trainer=assignment.trainer,
        callbacks=own if settings.training.callbacks else tuple,
        tick=tick,
        start=_kept_weights(*assignment.origin, assignment, dataset) if assignment.origin else None,
        folder=assignment.folder,
        keep=functools.partial(store.keep_weights, assignment.key) if assignment.keep_weights else None,
    )
    _check_unchanged(dataset)
    environment = {**record.environment, **assignment.surroundings, "finished": utc_now()}
    store.commit(replace(record, environment=environment))
    return Outcome(
        record.key,
        record.status,
        epochs=int(record.result["stopped_epoch"]),
        compiled=record.seconds["compile"] > 0,
        accuracy=record.result["test_accuracy"],
        slower=_slower(record),
        seconds=time.perf_counter() - started,
        memory=_resident_memory(),
    )


def _resident_memory() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def check_model(assignment: Assignment) -> str:
    """Make the user's model of a treatment without training it; why it cannot be trained, or an empty text."""
    from ablate.training import inputs

    process = _ready()
    settings = RunSettings.model_validate(assignment.settings)
    code.open_folder(assignment.folder)
    try:
        _check_code(assignment, process)
        dataset = _dataset(settings.data, assignment, process)
        with process.workshop.isolated(settings):
            blueprint = process.workshop.blueprint(settings, dataset, assignment.folder)
            inputs.as_taken(dataset, settings, blueprint, assignment.folder)
            if blueprint is not None:
                blueprint.fresh(assignment.seed)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        said = " ".join(clean(str(error)).split())[:_MESSAGE]
        return said if isinstance(error, AblateError) else f"raised {type(error).__name__}: {said}"
    return ""


def save_model(assignment: Assignment) -> None:
    """Turn the weights that a run kept into a Keras model on disk, unless another process has done so.

    Weights that are damaged are set aside, and there is no model.

    Raises:
        StoreError: it could not be written.
    """
    store = Store(assignment.store)
    record = store.load(assignment.key)
    weights = store.weights(record) if record else None
    if weights is not None:
        model, _, columns = _network(assignment, weights)
        store.keep_model(assignment.key, model.save, columns)


def evaluate_model(assignment: Assignment) -> Mapping[str, float]:
    """Score the network that a run kept on every part of its data, by Keras' own `evaluate`; see `saving.evaluate`.

    Raises:
        StoreError: the network or the data is not what its record was made with.
    """
    from ablate.study.splits import split
    from ablate.training import saving

    model, dataset, _ = _kept_network(assignment)
    data = RunSettings.model_validate(assignment.settings).data
    return saving.evaluate(model, dataset, split(dataset, data, assignment.seed))


def export_model(assignment: Assignment, target: Path) -> None:
    """Write the network that a run kept to a `.keras` or a `.h5` file, as a whole or not at all.

    Raises:
        StoreError: the network is not what its record was made with, or the file cannot be written.
    """
    from ablate.training import saving

    model, _, columns = _kept_network(assignment)
    saving.write(model, target)
    if columns is not None:
        files.replace_file(target.with_suffix(".json"), columns_text(columns).encode())


def _ready() -> _Process:
    """This process, once `start` has prepared it.

    Raises:
        WorkerError: it could not.
    """
    if _process is None:
        raise WorkerError(f"TensorFlow cannot be used here: {_start_error}")
    return _process


def _kept_network(assignment: Assignment) -> tuple[Any, Dataset, Mapping[str, Any] | None]:
    """The network that a run kept, and its data; both are compared with what the record was made with."""
    process = _ready()
    try:
        code.open_folder(assignment.folder)
        _check_code(assignment, process)
        dataset = _dataset(RunSettings.model_validate(assignment.settings).data, assignment, process)
        return _network(assignment, _kept_weights(assignment.store, assignment.key, assignment, dataset))
    except _ChangedError as error:
        raise StoreError(str(error)) from None
    except AblateError:
        raise
    except Exception as error:  # noqa: BLE001 - the user's code may raise what this process alone knows
        raise StoreError(f"{type(error).__name__}: {clean(str(error))[:_MESSAGE]}") from None


def _network(assignment: Assignment, weights: Mapping[str, Any]) -> tuple[Any, Dataset, Mapping[str, Any] | None]:
    """A plain Keras model with a run's weights, its data as it takes them, and what they are made of.

    Categories and missing numbers become features as what was kept beside the network says; a network that is not
    kept yet has them of its training rows.
    """
    from ablate.study.splits import split
    from ablate.training import data, inputs, saving

    process = _ready()
    settings = RunSettings.model_validate(assignment.settings)
    code.open_folder(assignment.folder)
    _check_code(assignment, process)
    dataset = _dataset(settings.data, assignment, process)
    train = split(dataset, settings.data, assignment.seed).train
    columns: Mapping[str, Any] | None = None
    if dataset.recipe is not None:
        by = _columns(dataset, dataset.recipe, train, assignment)
        columns = by.document(dataset.wide_pivots)
        dataset = dataset.encoded(by)
    with process.workshop.isolated(settings):
        blueprint = process.workshop.blueprint(settings, dataset, assignment.folder)
        scaling = data.scaling(inputs.as_taken(dataset, settings, blueprint, assignment.folder), train)
        return saving.plain_network(settings, scaling, len(dataset.classes), weights, blueprint), dataset, columns


def _columns(dataset: Dataset, recipe: Recipe, train: Any, assignment: Assignment) -> mapping.Mapping:
    """What was kept of the features of a run's network, or what the training rows make of them now."""
    store = Store(assignment.store)
    kept = store.columns(assignment.key)
    if kept is None:
        return mapping.learn(dataset.x[train], recipe)
    try:
        return mapping.Mapping.from_document(kept, recipe, dataset.wide_pivots)
    except ValueError as error:
        raise StoreError(f"{store.model_path(assignment.key, 'json')} cannot be used: {error}") from None


def _kept_weights(folder: Path, key: str, assignment: Assignment, dataset: Dataset) -> Mapping[str, Any]:
    """The weights that a run kept, as arrays or as a network; they must be those of its record.

    Its network is that of the assignment, which is that run or goes on from it.
    """
    from ablate.training import saving

    store = Store(folder)
    record = store.load(key)
    weights = store.weights(record) if record else None
    if record and weights is None and (network := store.network(key)):
        settings = RunSettings.model_validate(record.settings)
        workshop = _ready().workshop
        own = RunSettings.model_validate(assignment.settings)
        try:
            with workshop.isolated(own):
                blueprint = workshop.blueprint(own, dataset, assignment.folder)
                weights = saving.read_weights(network, settings, dataset, blueprint)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise StoreError(f"{network} is damaged: {error}") from None
        if record.weights and weights_digest(weights) != record.weights:
            raise StoreError(f"{network} does not hold the weights that its record was measured with")
    if weights is None:
        raise _ChangedError(f"the weights of run {key} in {folder} are not there any more")
    return weights


def _slower(record: Record) -> str:
    reason = record.environment.get("trainer_reason")
    by = {"graph": "TensorFlow without XLA", "fit": "model.fit"}.get(record.trainer, "")
    return f"trained by {by}, because {reason}" if reason else ""


def _dataset(data: Data, assignment: Assignment, process: _Process) -> Dataset:
    """The data of an assignment, read once per process; it must be what the run's key was made with."""
    found = process.datasets.get(assignment.data_digest)
    if found is None:
        try:
            found = sources.load(data, assignment.folder)
        except StudyError as error:
            raise _ChangedError(f"the data could be read when the study began, but not now: {error}") from None
        if found.digest != assignment.data_digest:
            if code.is_reference(data.source):
                raise _ChangedError(
                    f"{data.source} returned something else than when the study began; it should return the same every "
                    "time, so give whatever is random in it a seed"
                )
            raise _ChangedError(f"{data.source} changed since the study began; {_RUN_AGAIN}")
        process.datasets[assignment.data_digest] = found
    _check_unchanged(found)
    return found


def _check_code(assignment: Assignment, process: _Process) -> None:
    """What this process is about to import or load must still be what was digested; it does so once."""
    for reference, digest in assignment.code.items():
        if reference not in process.checked:
            if code.digest(reference, assignment.folder, "code") != digest:
                raise _ChangedError(f"the code of {reference} changed since the study began; {_RUN_AGAIN}")
            process.checked.add(reference)
    file = assignment.settings["model"].get("file")
    if file is not None and file not in process.checked:
        if model_files.digest(file, assignment.folder) != assignment.model_file:
            raise _ChangedError(f"{file} changed since the study began; {_RUN_AGAIN}")
        process.checked.add(file)


def _check_unchanged(dataset: Dataset) -> None:
    """Data that is read from its file during the training must still be what was digested."""
    if isinstance(dataset.x, OnDisk) and dataset.x.has_changed():
        raise _ChangedError(f"{dataset.x.file} changed while a run read it; {_RUN_AGAIN}")


def _print_into(output: Connection) -> None:
    """Send what this process prints to the scheduler, whoever prints it; the traceback of a crash included."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        os.dup2(output.fileno(), descriptor)
        setattr(sys, name, os.fdopen(descriptor, "w", 1, "utf-8", "backslashreplace", closefd=False))
    faulthandler.enable(all_threads=False)


def _end_with(parent: int) -> None:
    """End this process and its children when the scheduler is gone, even if a run never comes back to Python."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    os.killpg(0, signal.SIGKILL)
