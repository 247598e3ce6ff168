"""The command line: one module per command, imported when it is needed."""

import os
import sys
import traceback
from importlib import import_module
from typing import Any

import click

from ablate.version import __version__

# Command -> what it does. The texts stand here so that `ablate --help` imports no command.
COMMANDS = {
    "init": "Write a commented study file to start from.",
    "plan": "Show the runs of a study and how many are done; write nothing.",
    "run": "Train all runs of a study that have no result yet.",
    "status": "Show how far a study is and what its runs say so far.",
    "report": "Write the page: one HTML file with everything in it.",
    "check": "Pass or fail for a nightly job: claims, failed runs, change since a stored baseline.",
    "compare": "Put two results side by side: folders, stored baselines or pages.",
    "export": "Write the tables of runs and histories.",
    "extract": "Write the study file and the tables that a page carries inside.",
    "model": "Score the networks that finished runs kept, or write them to a file.",
    "store": "Check, tidy and merge folders of results.",
    "schema": "Print the JSON Schema of a study file.",
    "doctor": "Look at what studies need on this machine, and say what to do where something is wrong.",
}


class _LazyGroup(click.Group):
    """Imports a command's module when the command is called, not when the program starts."""

    def main(self, *args: Any, **extra: Any) -> Any:
        _open_streams()
        try:
            return super().main(*args, **extra)
        except Exception:  # noqa: BLE001 - before a command has begun, as where a library is broken
            traceback.print_exc()
            sys.exit(70)  # as in console.py, which may be what cannot be imported

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"ablate.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _open_streams() -> None:
    """Give a program that was started without one of its streams (`2>&-`) one that leads nowhere.

    Else the next file that is opened would get the stream's number, and what others print there.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is not None:
            continue
        opened = os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: that of the stream
        os.set_inheritable(opened, opened == number)  # for the processes that this one starts
        setattr(sys, name, os.fdopen(opened, mode, encoding="utf-8"))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ablate")
def main() -> None:
    """Which remedy helps this network, by how much, and how sure are we?

    A study is a file, ablations.toml. 'ablate run' trains it, 'ablate report' writes the page.
    """
