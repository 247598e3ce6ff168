"""`ablate schema`: the JSON Schema of a study file."""

import json

import click

from ablate.cli.console import Output
from ablate.cli.console import command as handled


@click.command("schema")
@handled
def command(output: Output) -> None:
    """Print the JSON Schema of a study file, for editors and validators."""
    from ablate.studies.file import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
