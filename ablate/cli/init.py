"""`ablate init`: write a study file to start from."""

import json
import sys
from importlib import resources
from pathlib import Path

import click

from ablate.cli.console import EXIT_USAGE, Output
from ablate.cli.console import command as handled
from ablate.study.document import FILE_NAME

SCHEMA_NAME = "ablations.schema.json"  # TOML language servers find it by the first line of the study file


@click.command("init")
@click.argument("path", type=click.Path(path_type=Path), default=FILE_NAME)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@handled
def command(path: Path, force: bool, output: Output) -> None:
    """Write a commented study file to start from, and its JSON Schema, by which editors check it as it is written.

    PATH is the file, or a folder for it; ablations.toml here by default.
    """
    from ablate.results.files import replace_file
    from ablate.study.file import json_schema

    target = path if path.suffix and not path.is_dir() else path / FILE_NAME
    if target.exists() and not force:
        click.echo(f"Error: {target} is there already; --force replaces it", err=True)
        sys.exit(EXIT_USAGE)
    target.parent.mkdir(parents=True, exist_ok=True)
    schema = target.with_name(SCHEMA_NAME)
    replace_file(schema, (json.dumps(json_schema(), indent=2) + "\n").encode())
    replace_file(target, f"#:schema ./{SCHEMA_NAME}\n{starter()}".encode())
    output.data(str(target))
    output.document({"path": str(target), "schema": str(schema)})
    output.say("Next: ablate plan, ablate run, ablate report")


def starter() -> str:
    """The study that `init` writes: the project's own, as shipped."""
    shipped = resources.files("ablate") / "_templates" / FILE_NAME
    source = shipped if shipped.is_file() else Path(__file__).parents[2] / FILE_NAME
    return source.read_text(encoding="utf-8")
