"""`ablate export`: the tables as files."""

from pathlib import Path

import click

from ablate.cli.console import Output
from ablate.cli.console import command as handled
from ablate.cli.options import study_options, table_kind


@click.command("export")
@study_options
@table_kind
@handled
def command(config: Path | None, out: Path | None, overrides: tuple[str, ...], kind: str, output: Output) -> None:
    """Write the tables of runs and histories into the study's folder, and print their paths."""
    from ablate import api
    from ablate.results import export

    results = api.open_results(config, overrides, out=out)
    output.damaged(results.store)
    if results.note:
        output.say(f"Note: {results.note}")
    paths = export.write(results.snapshot, results.store, kind)
    for path in paths:
        output.data(str(path))
    output.document({"paths": [str(path) for path in paths]})
