"""Progress of a study on stderr: live bars on a terminal, one timestamped line per finished run elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from ablate.api import Progress
from ablate.cli.console import Output
from ablate.results.store import utc_now
from ablate.text import clean

HEARTBEAT_SECONDS = 60.0

Listener = Callable[[Progress], None]


@contextmanager
def listener(output: Output, heartbeat: float = HEARTBEAT_SECONDS) -> Iterator[Listener]:
    """What `ablate.api.run_plan` should tell of its progress.

    Args:
        output: how to talk.
        heartbeat: seconds without a finished run, after which a line says that the training goes on.
    """
    if output.quiet:
        yield lambda progress: None
    elif sys.stderr.isatty():
        with _bars(output) as show:
            yield show
    else:
        yield _Lines(output, heartbeat)


class _Lines:
    """One line per finished run, and one every so often while nothing finishes; no line holds control characters."""

    def __init__(self, output: Output, heartbeat: float) -> None:
        self._say, self._trace = output.say, output.trace
        self._heartbeat = heartbeat
        self._spoke = time.monotonic()
        self._told: set[str] = set()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        for news in _news(progress, self._told):
            self._say(news)
        if progress.last is not None:
            self._say(f"{utc_now()} {progress.finished}/{progress.total} {_line(progress)}")
            self._trace(progress.last[1].log)
        elif now - self._spoke >= self._heartbeat:
            epochs = f"{progress.epochs:,} of at most {progress.total_epochs:,} epochs"
            self._say(f"{utc_now()} {progress.finished}/{progress.total} training: {epochs}")
        else:
            return
        self._spoke = now


class _Stderr:
    """The standard error stream; what is written after its terminal was closed is lost, and nothing ends for that."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


@contextmanager
def _bars(output: Output) -> Iterator[Listener]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(file=cast("TextIO", _Stderr()), no_color=not output.color, highlight=False)
    columns = (TextColumn("{task.description:<6}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True) as bars:
        runs = bars.add_task("runs", total=None)
        epochs = bars.add_task("epochs", total=None)

        told: set[str] = set()

        def show(progress: Progress) -> None:
            for news in _news(progress, told):
                console.print(news, markup=False)
            bars.update(runs, total=progress.total, completed=progress.finished)
            bars.update(epochs, total=progress.total_epochs, completed=progress.epochs)
            if progress.last is not None and (output.verbose or progress.last[1].status != "ok"):
                console.print(_line(progress), markup=False)
            if progress.last is not None and output.debug:
                console.print(clean(progress.last[1].log), markup=False)

        yield show


def _news(progress: Progress, told: set[str]) -> list[str]:
    """What should be said once: why runs are trained in a slower way than they might be, and what is waited for."""
    reason = progress.last[1].slower if progress.last is not None else ""
    news = [f"Some runs are {reason}"] if reason else []
    news += [f"Warning: {note}" for note in progress.notes]
    if progress.elsewhere:
        news.append("Another 'ablate run' trains some of these runs; what it finishes is not trained again")
    news = [text for text in news if text not in told]
    told.update(news)
    return news


def _line(progress: Progress) -> str:
    return " ".join(clean(_words(progress)).split())  # names and messages are the user's


def _words(progress: Progress) -> str:
    assert progress.last is not None
    run, outcome = progress.last
    what = f"{run.treatment.name} seed {run.seed}"
    if outcome.status == "failed":
        return f"{what}: failed: {outcome.message}"
    note = " (diverged)" if outcome.status == "diverged" else ""
    if outcome.elsewhere:
        return f"{what}: test accuracy {outcome.accuracy:.4f} after {outcome.epochs} epochs, trained elsewhere{note}"
    return f"{what}: test accuracy {outcome.accuracy:.4f} after {outcome.epochs} epochs, {outcome.seconds:.1f} s{note}"
