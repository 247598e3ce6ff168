"""`ablate status --watch`: how far runs are that others train, until all are over."""

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from ablate.cli.console import Output

if TYPE_CHECKING:
    from ablate.api import Results

LOOK_SECONDS = 2.0  # between two looks into the folder
TELL_SECONDS = 10.0  # between two lines


def until_over(results: "Results", output: Output, sleep: Callable[[float], None] = time.sleep) -> None:
    """Say every so often how far a study is, and what its workers complain of, until every run is finished or failed.

    Args:
        results: what was there at first.
        output: where to say it.
        sleep: waits for some seconds.

    Raises:
        StoreError: the folder cannot be read.
    """
    from ablate.execution.watching import Watch

    content = results.snapshot
    runs = {run.key: run for run in content.planned}
    watch = Watch(results.store, [run for key, run in runs.items() if key not in content.records], {})
    first = len(watch.pending)
    found: Counter[str] = Counter()
    told: set[str] = set()
    began, spoke = time.monotonic(), -TELL_SECONDS
    while True:
        found.update(outcome.status for _, outcome in watch.news())
        for text in _complaints(results) - told:
            told.add(text)
            output.say(f"Warning: {text}")
        if not watch.pending or time.monotonic() - spoke >= TELL_SECONDS:
            spoke = time.monotonic()
            output.say(_line(len(runs), len(runs) - len(watch.pending), found, spoke - began, first))
        if not watch.pending:
            return
        sleep(LOOK_SECONDS)


def _line(total: int, over: int, found: Counter[str], seconds: float, first: int) -> str:
    """How many runs are over, and how long the rest takes if it goes on as since the first look."""
    from ablate.results.store import utc_now

    failed = f", {found['failed']} failed" if found["failed"] else ""
    new, left = over - (total - first), total - over
    pace = seconds * left / new if new > 0 and left and seconds > 2 * LOOK_SECONDS else None
    remaining = f"; about {_words(pace)} left" if pace is not None else ""
    return f"{utc_now()} {over - found['failed']} of {total} runs finished{failed}{remaining}"


def _words(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.0f} min" if seconds >= 90 else "1 min"


def _complaints(results: "Results") -> set[str]:
    """What workers of this study's jobs say is wrong."""
    from ablate.api.clusters import complaints

    return complaints(results.store)
