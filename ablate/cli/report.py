"""`ablate report`: write the page."""

from pathlib import Path

import click

from ablate.cli.console import Output
from ablate.cli.console import command as handled
from ablate.cli.options import study_options


@click.command("report")
@study_options
@click.option(
    "--template-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with templates that replace those of the page.",
)
@handled
def command(
    config: Path | None, out: Path | None, overrides: tuple[str, ...], template_dir: Path | None, output: Output
) -> None:
    """Write the page: one HTML file with everything in it.

    It is report.html in the study's folder of results; mail it or open it anywhere.
    """
    from ablate import api

    results = api.open_results(config, overrides, out=out)
    output.damaged(results.store)
    if results.note:
        output.say(f"Note: {results.note}")
    path = results.report(template_dir=template_dir)
    size = path.stat().st_size
    output.data(str(path))
    output.say(f"{size / 1e6:.1f} MB")
    output.document({"path": str(path), "bytes": size, "missing": results.snapshot.missing})
