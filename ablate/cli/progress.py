"""Progress of a study on stderr: live bars on a terminal, one timestamped line per finished run elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

from ablate.api import Progress, telling
from ablate.api.telling import HEARTBEAT_SECONDS
from ablate.cli.console import Output
from ablate.text import clean

if TYPE_CHECKING:
    from rich.progress import TimeRemainingColumn

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
        yield telling.Lines(output.say, output.trace, heartbeat)


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
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    console = Console(file=cast("TextIO", _Stderr()), no_color=not output.color, highlight=False)
    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, TimeElapsedColumn(), _remaining(), console=console, transient=True) as bars:
        runs = bars.add_task("runs", total=None, measured=False)
        epochs = bars.add_task(telling.PREPARING, total=None, measured=False)

        told: set[str] = set()

        def show(progress: Progress) -> None:
            for news in telling.news(progress, told):
                console.print(news, markup=False)
            measured, what = progress.finished > 0, telling.PREPARING if progress.is_preparing else "epochs"
            bars.update(runs, total=progress.total, completed=progress.finished, measured=measured)
            total, done = progress.total_epochs, progress.epochs
            bars.update(epochs, total=total, completed=done, measured=measured, description=what)
            if progress.last is not None and (output.verbose or progress.last[1].status != "ok"):
                console.print(telling.last(progress), markup=False)
            if progress.last is not None and output.debug:
                console.print(clean(progress.last[1].log), markup=False)

        yield show


def _remaining() -> "TimeRemainingColumn":
    """The time that is left, once a run is finished: before, most of the time went into compiling."""
    from rich.progress import TimeRemainingColumn
    from rich.text import Text

    class Remaining(TimeRemainingColumn):
        def render(self, task: Any) -> Text:
            return super().render(task) if task.fields["measured"] else Text("")

    return Remaining()
