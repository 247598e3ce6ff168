"""Progress of a study in words: a line for every finished run, and one every so often while nothing finishes."""

import time
from collections.abc import Callable

from ablate.execution.progress import Progress
from ablate.results.store import utc_now
from ablate.settings.metrics import is_share, title
from ablate.text import clean

HEARTBEAT_SECONDS = 60.0
PREPARING = "compiling"


class Lines:
    """A listener that says a line at a time; no line holds control characters.

    Args:
        say: shows a line.
        trace: shows what a failed run printed last, if anybody asked for it.
        heartbeat: seconds without a finished run, after which a line says that the training goes on.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        trace: Callable[[str], None] = lambda log: None,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._say, self._trace = say, trace
        self._heartbeat = heartbeat
        self._spoke = time.monotonic()
        self._told: set[str] = set()

    def __call__(self, progress: Progress) -> None:
        """Say what is new."""
        now = time.monotonic()
        for each in news(progress, self._told):
            self._say(each)
        if progress.last is not None:
            self._say(f"{utc_now()} {progress.finished}/{progress.total} {last(progress)}")
            self._trace(progress.last[1].log)
        elif now - self._spoke >= self._heartbeat:
            epochs = f"training: {progress.epochs:,} of at most {progress.total_epochs:,} epochs"
            what = f"{PREPARING}: no epoch is trained yet" if progress.is_preparing else epochs
            self._say(f"{utc_now()} {progress.finished}/{progress.total} {what}")
        else:
            return
        self._spoke = now


def news(progress: Progress, told: set[str]) -> list[str]:
    """What should be said once: why runs are trained in a slower way than they might be, and what is waited for."""
    reason = progress.last[1].slower if progress.last is not None else ""
    found = [f"Some runs are {reason}"] if reason else []
    found += [f"Warning: {note}" for note in progress.notes]
    if progress.elsewhere:
        found.append("Another 'ablate run' trains some of these runs; what it finishes is not trained again")
    found = [text for text in found if text not in told]
    told.update(found)
    return found


def last(progress: Progress) -> str:
    """What became of the run that finished just now; empty if none did."""
    return " ".join(clean(_words(progress)).split())  # names and messages are the user's


def _words(progress: Progress) -> str:
    if progress.last is None:
        return ""
    run, outcome = progress.last
    what = f"{run.treatment.name} seed {run.seed}"
    if outcome.status == "failed":
        return f"{what}: failed: {outcome.message}"
    note = " (diverged)" if outcome.status == "diverged" else ""
    size = f"{outcome.score:.4f}" if is_share(outcome.metric) else f"{outcome.score:.5g}"
    found = f"{what}: {title(outcome.metric)} {size} after {outcome.epochs} epochs"
    return f"{found}, trained elsewhere{note}" if outcome.elsewhere else f"{found}, {outcome.seconds:.1f} s{note}"
