"""Trains finished runs once more, each alone in a process of its own, into another folder than their records'."""

from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path

from ablate.execution import surroundings
from ablate.execution.assignment import Outcome
from ablate.execution.engines.local import Lanes
from ablate.execution.scheduler import POLL_SECONDS, assignment
from ablate.results.identity import Identity, PlannedRun
from ablate.results.record import Record
from ablate.results.store import Store


def train_again(
    run: PlannedRun,
    record: Record,
    identity: Identity,
    store: Store,
    scratch: Store,
    folder: Path,
) -> Outcome:
    """What becomes of a run by the trainer of its record; what it finds is kept in `scratch` alone.

    Args:
        run: a finished run.
        record: what was kept of it.
        identity: data and libraries of the study.
        store: where the records of the study are, and beside it those of a study that it goes on from.
        scratch: where the new record goes.
        folder: where relative paths of the study start.
    """
    around = surroundings.describe(folder)
    usual = assignment(0, run, identity, store, folder, record.trainer, keep_weights=False, around=around)
    elsewhere = replace(usual, store=scratch.root.absolute())
    with Lanes(1, 1) as lanes:
        future = lanes.submit(0, elsewhere, None)
        while not (future.done() or lanes.is_silent(elsewhere)):
            wait([future], timeout=POLL_SECONDS)
        return lanes.outcome(0, elsewhere, future, None)
