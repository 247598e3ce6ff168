"""Which way the runs of a structure are trained here: the study's, else the machine's, else what is measured now.

What is measured depends on the moment, and records may not. So the first who measures decides for all runs of the
study, whoever trains them; the machine remembers it for its next study.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ablate.errors import StoreError
from ablate.execution.assignment import Assignment
from ablate.execution.compilation_cache import WAY
from ablate.results import files, ways
from ablate.results.identity import canonical_json
from ablate.results.store import Store
from ablate.results.ways import Way


def choose(assignment: Assignment, machine: Path | None, name: str, measure: Callable[[], Way]) -> Way:
    """The way of a run's structure.

    Args:
        assignment: the run.
        machine: folder of what this machine remembers between studies; `None` if it remembers nothing.
        name: of the structure; see `program.structure_key`.
        measure: finds it out.

    Raises:
        StoreError: the results folder cannot be read or written.
    """
    what = [name, dict(assignment.code), assignment.model_file]
    key = hashlib.sha256(canonical_json(what)).hexdigest()
    store = Store(assignment.store)
    kept = ways.find(store, key)
    if kept is not None:
        return kept
    found = _remembered(machine, key)
    if found is None:
        found = measure()
        if machine is not None:
            with suppress(StoreError):
                files.publish(machine / f"{key}{WAY}", found.to_json())
    return ways.keep(store, key, found)


def _remembered(machine: Path | None, key: str) -> Way | None:
    if machine is None:
        return None
    try:
        return Way.from_json((machine / f"{key}{WAY}").read_bytes()[: ways.LARGEST])
    except (OSError, files.DamagedError):
        return None
