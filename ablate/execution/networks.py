"""What workers do with the networks that finished runs kept: make Keras models of them, score them, write them out."""

import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from typing import TypeVar

from ablate.errors import AblateError, StoreError
from ablate.execution import worker
from ablate.execution.assignment import Assignment
from ablate.execution.engines import Engine
from ablate.execution.scheduler import POLL_SECONDS, StopSignal, assignment
from ablate.results.identity import Identity, PlannedRun
from ablate.results.store import Store
from ablate.text import line

LONGEST_REASON = 300  # characters
Result = TypeVar("Result")


def save_models(
    runs: Sequence[PlannedRun],
    lanes: Engine,
    identity: Identity,
    store: Store,
    folder: Path,
    stop: StopSignal | None = None,
) -> tuple[str, ...]:
    """Turn the kept weights of some runs into Keras models; those that a wish to stop prevents are made next time.

    A network that cannot be made, by code of the user's or by Keras, costs nothing else: the run's record is there.

    Args:
        runs: whose weights the store has.
        lanes: the workers.
        identity: data and libraries of the runs.
        store: where weights are and models go.
        folder: where relative paths of the study start.
        stop: watched for a wish to stop.

    Returns:
        What could not be made and why, one sentence for every reason.

    Raises:
        StoreError: one could not be written.
    """
    futures = _finished(worker.save_model, runs, lanes, identity, store, folder, stop or StopSignal())
    failed: dict[str, list[PlannedRun]] = {}
    for run, future in zip(runs, futures, strict=False):  # none after a wish to stop
        error = future.exception()
        if isinstance(error, StoreError):
            raise error
        if error is not None:
            failed.setdefault(_reason(error), []).append(run)
    return tuple(_not_saved(reason, those) for reason, those in failed.items())


def _reason(error: BaseException) -> str:
    said = line(str(error), LONGEST_REASON)
    return said if isinstance(error, AblateError) else ": ".join(filter(None, (type(error).__name__, said)))


def _not_saved(reason: str, runs: Sequence[PlannedRun]) -> str:
    first = f"{runs[0].treatment.name}, seed {runs[0].seed}"
    which = f"network of {first}" if len(runs) == 1 else f"networks of {len(runs)} runs ({first}, and others)"
    return (
        f"the trained {which} could not be saved as .keras: {reason}. The records are complete; 'ablate run' tries "
        "again, and save_models = 'none' under [study] keeps no networks"
    )


def check_models(
    runs: Sequence[PlannedRun], lanes: Engine, identity: Identity, store: Store, folder: Path
) -> list[str]:
    """Why the models of some runs cannot be trained, an empty text for those that can; nothing is trained or kept.

    Arguments as those of `save_models`; the store need not be there.

    Raises:
        StoreError: a process that made a model ended.
    """
    return _work(worker.check_model, runs, lanes, identity, store, folder, StopSignal())


def evaluate_models(
    runs: Sequence[PlannedRun], lanes: Engine, identity: Identity, store: Store, folder: Path
) -> list[Mapping[str, float] | AblateError]:
    """What Keras says of the networks that some runs kept, on every part of their data; see `training.saving.evaluate`.

    Arguments as those of `save_models`.

    Returns:
        One entry a run; where a network or its data is not what its record was made with, why it has no scores.
    """
    futures = _finished(worker.evaluate_model, runs, lanes, identity, store, folder, StopSignal())
    return [_scores(future) for future in futures]


def export_models(
    targets: Mapping[Path, PlannedRun], lanes: Engine, identity: Identity, store: Store, folder: Path
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
    lanes: Engine,
    identity: Identity,
    store: Store,
    folder: Path,
    stop: StopSignal,
) -> list[Result]:
    """What the lanes bring back of some work for every run; nothing after a wish to stop."""
    futures = _finished(work, runs, lanes, identity, store, folder, stop)
    return [_result(future) for future in futures]


def _result(future: "Future[Result]") -> Result:
    try:
        return future.result()
    except AblateError:
        raise
    except Exception as error:
        raise StoreError(f"a trained network could not be used: {_reason(error)}") from error


def _scores(future: "Future[Mapping[str, float]]") -> Mapping[str, float] | AblateError:
    try:
        return _result(future)
    except AblateError as error:
        return error


def _finished(
    work: Callable[[Assignment], Result],
    runs: Sequence[PlannedRun],
    lanes: Engine,
    identity: Identity,
    store: Store,
    folder: Path,
    stop: StopSignal,
) -> "list[Future[Result]]":
    """The same as futures that are done."""
    assignments = [assignment(0, run, identity, store, folder, "compiled", keep_weights=False) for run in runs]
    futures = lanes.spread(work, assignments)
    while not all(future.done() for future in futures):
        wait(futures, timeout=POLL_SECONDS)
        if stop.level:
            lanes.close(kill=True)
            return []
    return futures
