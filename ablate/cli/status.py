"""`ablate status`: how far a study is and what its runs say."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ablate.cli.console import Output
from ablate.cli.console import command as handled
from ablate.cli.options import study_options

if TYPE_CHECKING:
    import pandas as pd


@click.command("status")
@study_options
@handled
def command(config: Path | None, out: Path | None, overrides: tuple[str, ...], output: Output) -> None:
    """Show how far a study is and what its runs say so far."""
    from ablate import api
    from ablate.errors import EmptyResultsError

    results = api.open_results(config, overrides, out=out)
    content = results.snapshot
    total = len({run.key for run in content.planned})
    done = len(content.records)
    if not done and not content.failures:
        raise EmptyResultsError(f"none of {total} runs is finished; 'ablate run' trains them")
    diverged = sum(record.status == "diverged" for record in content.records.values())
    effects = results.effects()
    note = "".join(f", {count} {what}" for count, what in ((len(content.failures), "failed"), (diverged, "diverged")) if count)
    output.data(f"study {results.study.name}: {done} of {total} runs finished{note}")
    if not output.as_json and done:
        _print_effects(effects, results.study.primary, output)
    output.document(
        {
            "runs": total,
            "done": done,
            "failed": len(content.failures),
            "diverged": diverged,
            "effects": effects.to_dict("records"),
            "diagnosis": results.diagnosis(),
            "claims": [],
        }
    )


def _print_effects(effects: "pd.DataFrame", metric: str, output: Output) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Effect on {metric} against the baseline level, 95% interval", title_justify="left")
    for name in ("factor", "level", "baseline"):
        table.add_column(name, overflow="fold")
    for name in ("mean", "low", "high", "p (Holm)", "n"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for row in effects.itertuples(index=False):
        numbers = [f"{value:+.4f}" for value in (row.mean, row.low, row.high)]
        names = [str(row.factor), str(row.level), str(row.baseline)]
        table.add_row(*names, *numbers, f"{row.p_holm:.3f}", str(row.n), str(row.verdict))
    Console(no_color=not output.color, highlight=False, markup=False).print(table)
