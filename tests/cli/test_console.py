"""Streams and exit codes: results on stdout, words on stderr, and one line for what a user can mend."""

import json
import math
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from ablate.cli import console
from ablate.cli.console import Output
from ablate.errors import AblateError, EmptyResultsError, NotComparableError, StoreError, WorkerError
from ablate.results.store import Store


def run(action, *arguments: str) -> Result:
    """A command that does something with its output."""

    @click.command()
    @console.command
    def command(output: Output) -> None:
        action(output)

    return CliRunner().invoke(command, arguments)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AblateError("odd"), 2),
        (WorkerError("odd"), 2),
        (NotComparableError("odd"), 4),
        (EmptyResultsError("odd"), 5),
        (StoreError("odd"), 74),
        (PermissionError(13, "odd"), 74),
        (KeyboardInterrupt(), 130),
    ],
    ids=repr,
)
def test_what_went_wrong_is_one_line_and_an_exit_code(error: BaseException, code: int) -> None:
    def fail(output: Output) -> None:
        raise error

    done = run(fail)
    assert (done.exit_code, done.stdout) == (code, "")
    assert len(done.stderr.splitlines()) == 1
    assert "odd" in done.stderr or code == 130


def test_debug_hands_the_error_on() -> None:
    error = AblateError("odd")

    def fail(output: Output) -> None:
        raise error

    assert run(fail, "--debug").exception is error


def test_an_error_of_the_program_is_not_hidden() -> None:
    def fail(output: Output) -> None:
        raise ZeroDivisionError

    assert isinstance(run(fail).exception, ZeroDivisionError)


def everything(output: Output) -> None:
    output.say("a word")
    output.data("a result")
    output.document({"number": math.nan, "inner": [{"high": math.inf, "n": 1}]})


@pytest.mark.parametrize(
    ("arguments", "stdout", "stderr"),
    [
        ((), "a result\n", "a word\n"),
        (("-q",), "a result\n", ""),
        (("--json",), {"number": None, "inner": [{"high": None, "n": 1}]}, "a word\n"),
        (("-q", "--json"), {"number": None, "inner": [{"high": None, "n": 1}]}, ""),
    ],
    ids=str,
)
def test_results_and_words_have_streams_of_their_own(arguments: tuple[str, ...], stdout: object, stderr: str) -> None:
    done = run(everything, *arguments)
    assert (json.loads(done.stdout) if isinstance(stdout, dict) else done.stdout) == stdout
    assert done.stderr == stderr


def test_colours_are_left_out_where_they_are_not_welcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    seen: list[bool] = []
    run(lambda output: seen.append(output.color))
    run(lambda output: seen.append(output.color), "--no-color")
    monkeypatch.setenv("NO_COLOR", "1")
    run(lambda output: seen.append(output.color))
    assert seen == [True, False, False]


def test_a_few_notes_are_said_and_the_others_counted() -> None:
    assert run(lambda output: output.warn(["one", "two"])).stderr == "Note: one\nNote: two\n"
    lines = run(lambda output: output.warn(map(str, range(13)))).stderr.splitlines()
    assert lines[-2:] == ["Note: 9", "Note: 3 more such notes; --json has them all"]


def test_a_damaged_file_is_named_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.damaged += [tmp_path / "a.json", tmp_path / "a.json"]
    assert run(lambda output: output.damaged(store)).stderr.count("a.json is damaged and was set aside") == 1


def test_an_interrupt_inside_a_text_that_python_executes_is_exit_130(tmp_path: Path) -> None:
    """Imports of dataclasses execute texts; `python -m` heeds no exit code after its own KeyboardInterrupt in one."""
    program = """
import click
from ablate.cli.console import command

@click.command()
@command
def main(output):
    exec("import signal; signal.raise_signal(signal.SIGINT)")

main()
"""
    (tmp_path / "interrupted.py").write_text(program)
    command = [sys.executable, "-m", "interrupted"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")
