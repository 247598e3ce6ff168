"""Streams and exit codes: results on stdout, words on stderr, and one line for what a user can mend."""

import io
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from ablate.api import Outcome, Progress
from ablate.cli import console
from ablate.cli.console import Output
from ablate.cli.progress import listener
from ablate.errors import AblateError, EmptyResultsError, NotComparableError, StoreError, WorkerError
from ablate.results.store import Store
from tests import invented
from tests.commands import ablate
from tests.conftest import default_signals
from tests.results.builders import record


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


@pytest.mark.parametrize(("error", "code"), [(AblateError("odd"), 2), (ZeroDivisionError("odd"), 70)], ids=repr)
def test_debug_shows_where_an_error_comes_from_and_keeps_its_exit_code(error: Exception, code: int) -> None:
    def fail(output: Output) -> None:
        raise error

    done = run(fail, "--debug")
    assert (done.exit_code, done.stdout) == (code, "")
    assert "Traceback" in done.stderr
    assert ", in fail" in done.stderr
    assert "Traceback" not in run(fail).stderr


def test_an_error_that_nobody_expected_has_a_code_of_its_own() -> None:
    """Not 1, which `check` has for a regression."""

    def fail(output: Output) -> None:
        raise KeyError("1403517")

    done = run(fail)
    assert done.exit_code == 70
    assert done.stderr.startswith("Error: KeyError: '1403517'. This is a bug in ablate or in your code; --debug shows")
    assert len(done.stderr.splitlines()) == 1


def test_what_comes_before_a_command_has_that_code_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError(name)

    monkeypatch.setattr("ablate.cli.import_module", broken)
    done = ablate("run")
    assert done.exit_code == 70
    assert "RuntimeError: ablate.cli.run" in done.stderr


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
    store.damaged += [tmp_path / "quarantine" / "a.json"] * 2
    assert run(lambda output: output.damaged(store)).stderr.count("a.json is damaged and was set aside") == 1


def test_what_was_not_moved_is_not_said_to_be_set_aside(tmp_path: Path) -> None:
    store = Store(tmp_path / "h")
    store.prepare()
    store.commit(record("ab" * 32))
    (tmp_path / "h" / "runs").rename(tmp_path / "elsewhere")
    (tmp_path / "h" / "runs").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "h" / "confirmations").symlink_to(tmp_path / "elsewhere")
    assert store.load("ab" * 32) is None
    said = run(lambda output: output.damaged(store)).stderr
    assert "set aside" not in said
    assert "runs is a symbolic link, which is not followed: what is behind it counts as missing" in said
    assert "confirmations is damaged (a symbolic link, which is not followed)" in said


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
    command, environment = [sys.executable, "-m", "interrupted"], {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=default_signals,
    )
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


@pytest.mark.parametrize("debug", [True, False])
def test_debug_shows_where_a_run_failed_in_its_worker(debug: bool, capsys: pytest.CaptureFixture[str]) -> None:
    run = invented.snapshot().planned[0]
    log = "Traceback (most recent call last):\n  File mine.py, line 3\x1b[2J\nKeyError: 1"
    progress = Progress(2, 4, last=(run, Outcome(run.key, "failed", "KeyError: 1", log)))
    with listener(Output(quiet=False, verbose=False, as_json=False, color=False, debug=debug)) as hears:
        hears(progress)
    said = capsys.readouterr().err
    assert "baseline seed 1: failed: KeyError: 1" in said
    assert ("  File mine.py, line 3" in said) is debug
    assert "\x1b" not in said


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bars_say_compiling_and_promise_nothing_before_a_run_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")

    def shown(*steps: Progress) -> str:
        """The last bar of epochs, before it is taken away."""
        monkeypatch.setattr("sys.stderr", Terminal())
        with listener(Output(quiet=False, verbose=False, as_json=False, color=False)) as hears:
            for step in steps:
                hears(step)
        return [text for text in sys.stderr.getvalue().splitlines() if "━" in text][-1]

    begun = shown(Progress(4, 40))
    assert "compiling" in begun
    assert "epochs" not in begun
    times = r"\d:\d\d:\d\d|-:--:--"
    going = shown(Progress(4, 40), Progress(4, 40, epochs=1), Progress(4, 40, epochs=2))
    assert "epochs" in going
    assert len(re.findall(times, going)) == 1  # what has passed, not what is left
    run = invented.snapshot().planned[0]
    measured = Progress(4, 40, {"ok": 1}, epochs=10, last=(run, Outcome(run.key, "ok")))
    assert len(re.findall(times, shown(Progress(4, 40), measured))) == 2
