"""`ablate doctor`: whether this machine can train studies."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from ablate.cli.console import EXIT_RED, Output
from ablate.cli.console import command as handled

_SIGNS = {"fine": "ok", "note": "note", "wrong": "WRONG"}


@click.command("doctor")
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("reports"), help="Folder of results.")
@handled
def command(out: Path, output: Output) -> None:
    """Look at what studies need on this machine, and say what to do where something is wrong.

    Ends with 1 if something is wrong, else with 0. Nothing is kept.
    """
    from ablate.api import doctor

    found = []
    for check in doctor.examine(out):
        found.append(check)
        output.data(f"{_SIGNS[check.state]:<5}  {check.name}: {check.found}")
        if check.advice:
            output.data(f"       what to do: {check.advice}")
    output.document({"checks": [asdict(check) for check in found]})
    if any(check.state == "wrong" for check in found):
        sys.exit(EXIT_RED)
