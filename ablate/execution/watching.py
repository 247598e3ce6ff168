"""What becomes of runs that others train, as a store shows it."""

import os
from collections.abc import Mapping, Sequence

from ablate.errors import StoreError
from ablate.execution.assignment import Outcome
from ablate.execution.scheduler import of_record
from ablate.results.identity import PlannedRun
from ablate.results.store import Store


class Watch:
    """Runs that are waited for.

    Args:
        store: where their records and failures appear.
        runs: those without a record, each key once.
        attempts: how often runs had failed before, by key; 0 for others.
    """

    def __init__(self, store: Store, runs: Sequence[PlannedRun], attempts: Mapping[str, int]) -> None:
        self._store = store
        self._attempts = attempts
        self.pending = {run.key: run for run in runs}

    def news(self) -> list[tuple[PlannedRun, Outcome]]:
        """The runs that are over since this was asked last, and what became of each.

        It takes a look at the names in the folder, and into files that are new; not a look for every run.

        Raises:
            StoreError: the folder cannot be read.
        """
        finished = {path.stem for path in self._store.record_paths()}
        tried = _tried(self._store)
        found = [self._finished(key) for key in self.pending if key in finished]
        found += [self._failed(key) for key in self.pending if key in tried - finished]
        outcomes = [outcome for outcome in found if outcome is not None]
        return [(self.pending.pop(outcome.key), outcome) for outcome in outcomes if outcome.key in self.pending]

    def _finished(self, key: str) -> Outcome | None:
        record = self._store.load(key)
        if record is None:  # damaged, and set aside: a worker trains it again
            return None
        return of_record(record)

    def _failed(self, key: str) -> Outcome | None:
        if self._store.attempts(key) <= self._attempts.get(key, 0):
            return None
        failure = self._store.last_failure(key)
        return Outcome(key, "failed", failure.reason, failure.log) if failure else None


def _tried(store: Store) -> set[str]:
    """Keys of the runs that have failed at least once."""
    folder = store.root / "attempts"
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise StoreError(f"{folder} cannot be read: {error.strerror}") from None
