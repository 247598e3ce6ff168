"""`ablate status`: how far a study is and what its runs say."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ablate.cli.console import Output
from ablate.cli.console import command as handled
from ablate.cli.options import study_options
from ablate.cli.watch import until_over

if TYPE_CHECKING:
    import pandas as pd


@click.command("status")
@study_options
@click.option("--watch", is_flag=True, help="First wait until all runs are over, and say how far they are.")
@handled
def command(config: Path | None, out: Path | None, overrides: tuple[str, ...], watch: bool, output: Output) -> None:
    """Show how far a study is and what its runs say so far.

    --watch works on every machine that sees the folder of results; Ctrl-C ends the watching and nothing else.
    """
    from ablate import api
    from ablate.errors import EmptyResultsError
    from ablate.results import failed, kept

    results = api.open_results(config, overrides, out=out)
    output.damaged(results.store)
    if results.note:
        output.say(f"Note: {results.note}")
    if watch:
        until_over(results, output)
        results = api.open_results(config, overrides, out=out)
    content = results.snapshot
    total = len({run.key for run in content.planned})
    done = len(content.records)
    if not done:
        raise EmptyResultsError(failed.why_nothing(content, results.store))
    diverged = sum(record.status == "diverged" for record in content.records.values())
    effects = results.effects()
    note = "".join(
        f", {count} {what}" for count, what in ((len(content.failures), "failed"), (diverged, "diverged")) if count
    )
    output.data(f"study {results.study.name}: {done} of {total} runs finished{note}")
    notes = kept.notes(content.records.values())
    output.warn(notes)
    if not output.as_json:
        _print_effects(effects, results.study.primary, output)
        _print_claims(results.claims(), output)
        print_confirmation(results.confirmation(), output.data)
        return
    output.document(
        {
            "runs": total,
            "done": done,
            "failed": len(content.failures),
            "diverged": diverged,
            "effects": effects.to_dict("records"),
            "diagnosis": results.diagnosis().to_dict("records"),
            "claims": results.claims().to_dict("records"),
            "confirmation": results.confirmation().to_dict("records"),
            "notes": notes,
        }
    )


def _print_effects(effects: "pd.DataFrame", metric: str, output: Output) -> None:
    """One line per level; the same figures as on the page, on the metric's own scale."""
    output.data(f"effect on {metric} against the factor's first level: mean [95% interval], p adjusted by Holm")
    names = [f"{factor}={level}" for factor, level in zip(effects["factor"], effects["level"], strict=True)]
    width = max(map(len, names), default=0)
    for name, row in zip(names, effects.to_dict("records"), strict=True):
        p = "p < 0.001" if row["p_holm"] < 0.001 else f"p {row['p_holm']:.3f}"
        figures = f"{_interval(row)}  {p}  n {row['n']}" if row["n"] > 1 else f"{row['n']} pairs of finished runs"
        output.data(f"  {name:<{width}}  {figures}  {row['verdict']}")


def _print_claims(claims: "pd.DataFrame", output: Output) -> None:
    """One line per claim."""
    if len(claims):
        output.data("claims: mean of the metric, or mean difference [95% interval; to reproduce: prediction interval]")
    for row in claims.to_dict("records"):
        figures = f"{_interval(row)}  n {row['n']}" if row["n"] > 1 else f"n {row['n']}"
        notes = [row["reason"], f"{row['censored']} never reached it" if row["censored"] else ""]
        if isinstance(row["needed"], int):  # else it is missing
            notes.append(f"about {row['needed']} replicates in all would decide it")
        more = f"  ({'; '.join(filter(None, notes))})" if any(notes) else ""
        output.data(f"  {row['verdict']:<12}  {row['says']}: {row['metric']} {figures}{more}")


def print_confirmation(confirmation: "pd.DataFrame", say: Callable[[str], None]) -> None:
    """What fresh seeds say of the best treatment, if they were trained."""
    for row in confirmation.to_dict("records"):
        figures = f"{_interval(row)}  n {row['n']}"
        say(f"on fresh seeds: {row['treatment']} against the baseline, {row['metric']} {figures}")


def _interval(row: Mapping[Any, Any]) -> str:
    return f"{row['mean']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"
