"""Streams and errors of the command line: data on stdout, everything else on stderr, one line per problem."""

import json
import math
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from ablate.errors import AblateError, EmptyResultsError, NotComparableError, StoreError, StudyError, WorkerError
from ablate.text import clean, line

if TYPE_CHECKING:
    from pathlib import Path

    from ablate.results.store import Store

EXIT_RED = 1
EXIT_USAGE = 2
EXIT_FAILED_RUNS = 3
EXIT_NOT_COMPARABLE = 4
EXIT_NOTHING_MEASURED = 5
EXIT_SOFTWARE = 70
EXIT_IO = 74
MOST_WARNINGS = 10
LONGEST_ERROR = 4_000  # characters
EXIT_SIGNAL = 128  # plus its number: 129 for a closed terminal, 130 for Ctrl-C, 143 for SIGTERM


@dataclass(frozen=True)
class Output:
    """How a command talks. Whatever it says is shown, and obeyed by no terminal: names may come from anybody.

    Attributes:
        quiet: say nothing but results and errors.
        verbose: say more.
        as_json: one JSON document on stdout, and nothing else there.
        color: whether escape codes are welcome.
        debug: show where errors come from, those of workers too.
    """

    quiet: bool
    verbose: bool
    as_json: bool
    color: bool
    debug: bool = False

    def trace(self, text: str) -> None:
        """Where an error comes from, on lines of stderr, for a person who asked for it."""
        if self.debug and text:
            with suppress(OSError):
                click.echo(clean(text), err=True)

    def say(self, text: str) -> None:
        """A message for a person, on stderr; a person who has gone misses it, and nothing ends for that."""
        if not self.quiet:
            with suppress(OSError):
                click.echo(line(text), err=True)

    def damaged(self, store: "Store") -> None:
        """Name the damaged files that were found, if any, and what became of them."""
        from ablate.results import entries

        for path in dict.fromkeys(store.damaged):
            self.say(f"Warning: {path} {_became(path)}; 'ablate run' trains what is missing again")
        for path, reason in entries.damaged(store):
            self.say(f"Warning: {path} is damaged ({reason}); the runs that it names confirm nothing")

    def warn(self, texts: Iterable[str]) -> None:
        """Say what a study asks for in vain, or twice; a few, and how many more there are."""
        several = list(texts)
        for text in several[:MOST_WARNINGS]:
            self.say(f"Note: {text}")
        if len(several) > MOST_WARNINGS:
            self.say(f"Note: {len(several) - MOST_WARNINGS} more such notes; --json has them all")

    def data(self, text: str) -> None:
        """A result on a line of stdout; not in JSON mode, where `document` is the result."""
        if not self.as_json:
            click.echo(line(text))

    def lines(self, text: str) -> None:
        """The same for a result of several lines, each of which is fit to be shown by itself."""
        if not self.as_json:
            click.echo(clean(text))

    def document(self, content: Mapping[str, Any]) -> None:
        """The one JSON document on stdout, if it was asked for; NaN becomes null."""
        if self.as_json:
            text = json.dumps(_finite(content), indent=2, allow_nan=False)
            click.echo(text.replace("\x7f", r"\u007f"))  # the one control character that JSON leaves as it is


def _became(path: "Path") -> str:
    """What became of a damaged file."""
    if path.is_symlink():
        return "is a symbolic link, which is not followed: what is behind it counts as missing"
    moved = "was set aside" if path.parent.name == "quarantine" else "cannot be set aside: remove it"
    return f"is damaged and {moved}"


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the common output options, an `Output`, and exit codes for what the library raises."""

    @click.option("-q", "--quiet", is_flag=True, help="Only results and errors.")
    @click.option("-v", "--verbose", is_flag=True, help="Say more.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
    @click.option("--no-color", is_flag=True, help="No colours; NO_COLOR in the environment says the same.")
    @click.option("--debug", is_flag=True, help="Show where errors come from, in workers too.")
    @wraps(function)
    def wrapped(quiet: bool, verbose: bool, as_json: bool, no_color: bool, debug: bool, **arguments: Any) -> None:
        output = Output(quiet, verbose, as_json, not (no_color or os.environ.get("NO_COLOR")), debug)
        try:
            with _interruptible(), warnings.catch_warnings():
                if not debug:  # figures that are no numbers say so themselves
                    warnings.simplefilter("ignore", RuntimeWarning)
                function(output=output, **arguments)
        except BrokenPipeError:
            raise  # click ends quietly when a reader such as `head` is gone
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise  # click's own ways to end
        except Exception as error:  # noqa: BLE001 - what nobody expected has an exit code of its own, too
            output.trace(traceback.format_exc())
            click.echo(f"Error: {told(error)}", err=True)
            sys.exit(_exit_code(error))
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            sys.exit(EXIT_SIGNAL + signal.SIGINT)

    return wrapped


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, under another name than Python's own.

    Where that one is raised inside a text that Python executes, as imports of dataclasses do, `python -m` ends the
    program by the signal even if it was handled and another exit code was asked for.
    """


@contextmanager
def _interruptible() -> Iterator[None]:
    def interrupt(number: int, frame: object) -> None:
        raise Interrupted

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def told(error: Exception) -> str:
    """An error in words: problems of a study file, and what workers printed, on lines of their own, others on one."""
    if not isinstance(error, AblateError | OSError):
        what = ": ".join(filter(None, (type(error).__name__, line(str(error), LONGEST_ERROR))))
        return f"{what}. This is a bug in ablate or in your code; --debug shows the traceback. Finished runs are kept"
    several = isinstance(error, StudyError | WorkerError)
    return clean(str(error)) if several else line(str(error), LONGEST_ERROR)


def _exit_code(error: Exception) -> int:
    match error:
        case StoreError() | OSError():
            return EXIT_IO
        case EmptyResultsError():
            return EXIT_NOTHING_MEASURED
        case NotComparableError():
            return EXIT_NOT_COMPARABLE
        case AblateError():
            return EXIT_USAGE
        case _:
            return EXIT_SOFTWARE


def _finite(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return None
        case Mapping():
            return {key: _finite(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_finite(entry) for entry in value]
        case _:
            return value
