"""`ablate extract`: the study and the tables out of a page."""

from pathlib import Path

import click

from ablate.cli.console import Output
from ablate.cli.console import command as handled
from ablate.cli.options import table_kind


@click.command("extract")
@click.argument("page", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@table_kind
@click.option("--force", is_flag=True, help="Replace files that are there.")
@handled
def command(page: Path, folder: Path | None, kind: str, force: bool, output: Output) -> None:
    """Write the study file and the tables that a page carries inside.

    PAGE is an HTML file of 'ablate report'; nothing in it is executed. FOLDER, by default one named as the page and
    beside it, gets study.toml, runs and histories. 'ablate run -c study.toml' there trains the study anew. Data files
    and code of your own are not inside a page: put them into FOLDER, where relative paths in study.toml start.
    """
    from ablate import api

    paths = api.extract(page, folder, kind, replace=force)
    for path in paths:
        output.data(str(path))
    output.document({"paths": [str(path) for path in paths]})
