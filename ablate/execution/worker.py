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
from collections.abc import Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from ablate.data.dataset import Dataset
from ablate.errors import AblateError, ModelError, StoreError, WorkerError
from ablate.execution import kept, ways
from ablate.execution.assignment import LONGEST_MESSAGE, Assignment, Board, Network, Outcome
from ablate.execution.unchanged import ChangedError, Unchanged, check_file
from ablate.results import models
from ablate.results.record import Record
from ablate.results.store import Store, utc_now
from ablate.settings.run import RunSettings
from ablate.text import clean
from ablate.usercode import code

SAFE = "ablate"  # value of a variable that only has to be there
_PARENT_CHECK_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1  # of Linux
_XLA_CACHE_FLAG = "--tf_xla_persistent_cache_directory"
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


class _StopRequestedError(Exception):
    """The scheduler asked this worker to end after the current epoch."""


@dataclass
class _Process:
    """What a worker process keeps between runs."""

    board: Board
    workshop: Any
    unchanged: Unchanged
    machine: Path | None
    gpus: str = ""


_process: _Process | None = None
_start_error = "it was not started"


def start(parent: int, board: Board, output: Connection, compiled: Path | None) -> None:
    """Prepare a fresh process; called once, before its first assignment.

    Args:
        parent: process id of the scheduler; this process ends itself when that one is gone.
        board: shared with the scheduler.
        output: a pipe for everything that is printed here, by native libraries too.
        compiled: folder of programs that XLA compiled before, and for those it compiles now; and of measured ways.
    """
    global _process, _start_error
    if os.environ.get("PYTHONSAFEPATH") == SAFE:
        del os.environ["PYTHONSAFEPATH"]  # it is not meant for programs that the user's code starts
    os.setsid()  # a group of its own, so that it can be ended with all its children
    _print_into(output)
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = "1"
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user's other programs use
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # several workers may share one
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if compiled and _XLA_CACHE_FLAG not in flags:
        os.environ["TF_XLA_FLAGS"] = f"{flags} {_XLA_CACHE_FLAG}={compiled}"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the scheduler decides
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        import tensorflow as tf

        from ablate.training.workshop import Workshop

        threadpool_limits(1)  # numpy was loaded before the variables were set
        gc.freeze()  # what TensorFlow brought along stays: searching it for garbage took 5% of a small study
        tf.get_logger().setLevel("ERROR")
    except Exception as error:  # noqa: BLE001 - a broken installation shows in many ways; `run` tells of it
        _start_error = f"{type(error).__name__}: {error}"
        return
    _process = _Process(board, Workshop(), Unchanged(), compiled, _gpus(tf))


def _gpus(tf: Any) -> str:
    """What the GPUs are called that this process was given; empty without any."""
    if os.environ["CUDA_VISIBLE_DEVICES"] in {"", "-1"}:
        return ""
    found = tf.config.list_physical_devices("GPU")
    return ", ".join(
        str(tf.config.experimental.get_device_details(each).get("device_name", each.name)) for each in found
    )


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
    except ChangedError as error:
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
    message = " ".join(clean(reason).split())[:LONGEST_MESSAGE]
    log = clean(traceback.format_exc())
    return Outcome(assignment.key, "failed", message, log, seconds=time.perf_counter() - started)


def _train(assignment: Assignment, process: _Process, started: float) -> Outcome:
    from ablate.training import trainer
    from ablate.training.callbacks import own_callbacks
    from ablate.training.isolation.own import CallbackRun

    def tick(epochs: int) -> None:
        process.board.epochs[assignment.index] = epochs
        if process.board.stop.value and epochs < settings.training.epochs:  # else it is finished and worth keeping
            raise _StopRequestedError

    store = Store(assignment.store)
    code.open_folder(assignment.folder)
    process.unchanged.check_code(assignment)
    settings = RunSettings.model_validate(assignment.settings)
    dataset = process.unchanged.dataset(assignment)
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
        choose=None if assignment.as_recorded else functools.partial(ways.choose, assignment, process.machine),
        callbacks=own if settings.training.callbacks else tuple,
        tick=tick,
        start=kept.weights(*assignment.origin, assignment, process.workshop, process.unchanged)
        if assignment.origin
        else None,
        folder=assignment.folder,
        keep=functools.partial(models.keep_weights, store, assignment.key) if assignment.keep_weights else None,
    )
    check_file(dataset)
    process.unchanged.check_code(assignment)  # which was imported during the run
    gpus = {"gpus": process.gpus} if process.gpus else {}
    environment = {**record.environment, **assignment.surroundings, **gpus, "finished": utc_now()}
    store.commit(replace(record, environment=environment))
    metric, score = record.headline
    return Outcome(
        record.key,
        record.status,
        epochs=int(record.result["stopped_epoch"]),
        compiled=record.seconds["compile"] > 0,
        metric=metric,
        score=score,
        slower=_slower(record),
        seconds=time.perf_counter() - started,
        memory=_resident_memory(),
    )


def _resident_memory() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def describe_model(assignment: Assignment) -> Network:
    """Make the model of a treatment without training it, and say what it is made of, or why it cannot be trained."""
    process = _ready()
    settings = RunSettings.model_validate(assignment.settings)
    code.open_folder(assignment.folder)
    try:
        process.unchanged.check_code(assignment)
        dataset = process.unchanged.dataset(assignment)
        with process.workshop.isolated(settings):
            return _network(settings, dataset, assignment, process.workshop)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        said = " ".join(clean(str(error)).split())[:LONGEST_MESSAGE]
        return Network(error=said if isinstance(error, AblateError) else f"raised {type(error).__name__}: {said}")


def _network(settings: RunSettings, dataset: Dataset, assignment: Assignment, workshop: Any) -> Network:
    from ablate.training import inputs, model
    from ablate.training.remedies import description

    blueprint = workshop.blueprint(settings, dataset, assignment.folder)
    if blueprint is None:
        image = inputs.shape(dataset, settings, None) or ()
        stack = model.build(settings, dataset.features, dataset.outputs, assignment.seed, image=image)
        return Network(tuple(description.describe(stack)))
    inputs.as_taken(dataset, settings, blueprint, assignment.folder)
    described = description.describe(blueprint.fresh(assignment.seed))
    return Network(tuple(described), description.summary(blueprint.notes))


def save_model(assignment: Assignment) -> None:
    """See `kept.save`."""
    process = _ready()
    kept.save(assignment, process.workshop, process.unchanged)


def evaluate_model(assignment: Assignment) -> Mapping[str, float]:
    """See `kept.evaluate`."""
    process = _ready()
    return kept.evaluate(assignment, process.workshop, process.unchanged)


def export_model(assignment: Assignment, target: Path) -> None:
    """See `kept.export`."""
    process = _ready()
    kept.export(assignment, target, process.workshop, process.unchanged)


def _ready() -> _Process:
    """This process, once `start` has prepared it.

    Raises:
        WorkerError: it could not.
    """
    if _process is None:
        raise WorkerError(f"TensorFlow cannot be used here: {_start_error}")
    return _process


def _slower(record: Record) -> str:
    reason = record.environment.get("trainer_reason")
    by = {"graph": "TensorFlow without XLA", "fit": "model.fit"}.get(record.trainer, "")
    return f"trained by {by}, because {reason}" if reason else ""


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
