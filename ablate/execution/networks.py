"""What workers do with the networks that finished runs kept: make Keras models of them, score them, write them out."""

import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import wait
from pathlib import Path
from typing import TypeVar

from ablate.errors import AblateError, StoreError
from ablate.execution import local, worker
from ablate.execution.scheduler import POLL_SECONDS, StopSignal, assignment
from ablate.execution.worker import Assignment
from ablate.results.identity import Identity, PlannedRun
from ablate.results.store import Store

Result = TypeVar("Result")


def save_models(
    runs: Sequence[PlannedRun],
    lanes: local.Lanes,
    identity: Identity,
    store: Store,
    folder: Path,
    stop: StopSignal | None = None,
) -> None:
    """Turn the kept weights of some runs into Keras models; those that a wish to stop prevents are made next time.

    Args:
        runs: whose weights the store has.
        lanes: the workers.
        identity: data and libraries of the runs.
        store: where weights are and models go.
        folder: where relative paths of the study start.
        stop: watched for a wish to stop.

    Raises:
        StoreError: one could not be written.
    """
    _work(worker.save_model, runs, lanes, identity, store, folder, stop or StopSignal())


def evaluate_models(
    runs: Sequence[PlannedRun], lanes: local.Lanes, identity: Identity, store: Store, folder: Path
) -> list[Mapping[str, float]]:
    """What Keras says of the networks that some runs kept, on every part of their data; see `training.saving.evaluate`.

    Arguments as those of `save_models`.

    Raises:
        StoreError: a network or its data is not what its record was made with.
    """
    return _work(worker.evaluate_model, runs, lanes, identity, store, folder, StopSignal())


def export_models(
    targets: Mapping[Path, PlannedRun], lanes: local.Lanes, identity: Identity, store: Store, folder: Path
) -> None:
    """Write the networks that some runs kept to files, in the format that their suffix names.

    Arguments as those of `save_models`, with the run of every file.

    Raises:
        StoreError: a network or its data is not what its record was made with, or a file cannot be written.
    """
    for target, run in targets.items():
        work = functools.partial(worker.export_model, target=target)
        _work(work, [run], lanes, identity, store, folder, StopSignal())


def _work(
    work: Callable[[Assignment], Result],
    runs: Sequence[PlannedRun],
    lanes: local.Lanes,
    identity: Identity,
    store: Store,
    folder: Path,
    stop: StopSignal,
) -> list[Result]:
    """What the lanes bring back of some work for every run; nothing after a wish to stop."""
    assignments = [assignment(0, run, identity, store, folder, "compiled", keep_weights=False) for run in runs]
    futures = lanes.spread(work, assignments)
    while not all(future.done() for future in futures):
        wait(futures, timeout=POLL_SECONDS)
        if stop.level:
            lanes.close(kill=True)
            return []
    try:
        return [future.result() for future in futures]
    except AblateError:
        raise
    except Exception as error:
        raise StoreError(f"a trained network could not be used: {type(error).__name__}: {error}") from error
