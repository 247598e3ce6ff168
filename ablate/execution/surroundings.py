"""Where and how a study is trained, for whoever wants to repeat it: the processor, the state of git, the command."""

import contextlib
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ablate.usercode.code import is_results_folder

_SECONDS = 5.0  # that git may take
_LONGEST = 500  # characters of a command


def describe(folder: Path, arguments: Sequence[str] = ()) -> dict[str, str]:
    """What is free to differ between equal runs, as text by name; what cannot be found out is missing.

    Args:
        folder: of the study file, whose git repository is asked.
        arguments: the command line; that of this process by default.
    """
    found = {"processor": processor(), "cores": str(os.cpu_count() or ""), "git": _git(folder)}
    return {name: text for name, text in {**found, "command": _command(arguments or sys.argv)}.items() if text}


def _command(arguments: Sequence[str]) -> str:
    """A command line as it would be typed, the program by its name alone."""
    program = Path(arguments[0])
    name = "ablate" if program.name == "__main__.py" and program.parent.name == "ablate" else program.name
    return shlex.join([name, *arguments[1:]])[:_LONGEST]


def processor() -> str:
    """The name of the processor; empty where it is not known."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor()


def _git(folder: Path) -> str:
    """The commit that is checked out, and whether files differ from it; empty outside a repository.

    A repository's own configuration can name programs that git runs, so one among somebody's results is not asked.
    """
    if is_results_folder(folder):
        return ""
    try:
        commit, changed = (
            subprocess.run(  # noqa: S603 - fixed arguments and the study's folder
                ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *arguments],  # noqa: S607 - the user's own git, wherever it is
                capture_output=True, text=True, timeout=_SECONDS, check=True, errors="replace",
                env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            ).stdout.strip()
            for arguments in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{commit[:12]}, {'with changes that are not committed' if changed else 'nothing changed since'}"
