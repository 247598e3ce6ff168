"""`ablate check`: the nightly gate."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from ablate.cli.console import (
    EXIT_FAILED_RUNS,
    EXIT_NOT_COMPARABLE,
    EXIT_NOTHING_MEASURED,
    EXIT_RED,
    Output,
)
from ablate.cli.console import command as handled
from ablate.cli.options import floor_option, study_options

if TYPE_CHECKING:
    from ablate.api.judging import Night

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"  # names the file whose Markdown is shown on the page of a job
CLAIM_KEYS = ("says", "verdict", "metric", "estimate", "low", "high", "n", "reason")
EXIT_CODES = {  # of a kind of problem, the one that counts first
    "nothing measured": EXIT_NOTHING_MEASURED,
    "not comparable": EXIT_NOT_COMPARABLE,
    "incomplete": EXIT_FAILED_RUNS,
    "red": EXIT_RED,
}


@click.command("check")
@study_options
@click.option(
    "--baseline", type=click.Path(path_type=Path, dir_okay=False), help="Stored baseline to compare with; else none."
)
@click.option(
    "--save-baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Store these results as a baseline, if nothing is wrong with them.",
)
@floor_option
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML.")
@click.option("--summary", type=click.Path(path_type=Path, dir_okay=False), help="Write a summary in Markdown.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 in place of 1; other codes stay.")
@handled
def command(
    config: Path | None,
    out: Path | None,
    overrides: tuple[str, ...],
    baseline: Path | None,
    save_baseline: Path | None,
    floor: float | None,
    junit: Path | None,
    summary: Path | None,
    exit_zero: bool,
    output: Output,
) -> None:
    """Pass or fail for a nightly job: claims, failed runs, change since a stored baseline.

    A treatment got worse if its primary metric fell by more than the floor, and the paired 95% interval of the
    change, adjusted over all treatments, leaves out zero.

    \b
    Exit codes, of which the first that applies counts:
      5  nothing was measured
      4  the stored baseline is missing, or of other data or settings
      3  runs failed or are missing
      1  a claim is refuted, or a treatment got worse
      0  none of these
    """  # noqa: D301 - click keeps the lines of what follows this character
    from ablate import api
    from ablate.api import judging, targets
    from ablate.errors import EmptyResultsError

    targets.check({targets.BASELINE: save_baseline, targets.JUNIT: junit, targets.SUMMARY: summary})
    known = judging.read_baseline(baseline)  # a bad file is told before anything else is looked at
    try:
        results = api.open_results(config, overrides, out=out)
    except EmptyResultsError as error:
        _write(str(error), junit, summary, output)
        output.document({"claims": [], "regressions": [], "problems": [str(error)], "exit_code": EXIT_NOTHING_MEASURED})
        raise
    output.damaged(results.store)
    if results.note:
        output.say(f"Note: {results.note}")
    night = api.check(results, known, save_baseline=save_baseline, floor=floor)
    exit_code = next((code for kind, code in EXIT_CODES.items() if kind in night.kinds), 0)
    if exit_zero and exit_code == EXIT_RED:
        exit_code = 0
    saved = save_baseline if save_baseline is not None and not night.problems else None
    _say(night, save_baseline, output)
    page = results.store.root / "report.html"
    is_written = page.is_file() and bool(results.snapshot.records)  # else it is of another night, and not made anew
    _write(night, junit, summary, output, page if is_written else None)
    files = {"baseline": baseline, "saved": saved}
    output.document(
        {**_document(night), **{key: path and str(path) for key, path in files.items()}, "exit_code": exit_code}
    )
    sys.exit(exit_code)


def _say(night: "Night", save_baseline: Path | None, output: Output) -> None:
    """The night in words: the verdict on stdout, what should be known beside it on stderr."""
    output.data(f"study {night.findings.snapshot.study.name}: {'red' if night.problems else 'green'}: {night.headline}")
    for line in (*(problem.text for problem in night.problems), *night.lines):
        output.data(f"  {line}")
    for note in night.notes:
        output.say(f"Note: {note}")
    if save_baseline is not None:
        done = "not stored: only a green night becomes a baseline" if night.problems else "stored"
        output.say(f"{save_baseline}: {done}")


def _document(night: "Night") -> dict[str, Any]:
    content = night.findings.snapshot
    claims = night.findings.claims.rename(columns={"mean": "estimate"})
    found = night.comparison
    return {
        "study": content.study.name,
        "verdict": night.headline,
        "passed": not night.problems,
        "problems": [problem.text for problem in night.problems],
        "notes": list(night.notes),
        "runs": len({run.key for run in content.planned}),
        "done": len(content.records),
        "failed": len(content.failures),
        "diverged": sum(record.status == "diverged" for record in content.records.values()),
        "claims": claims[list(CLAIM_KEYS)].to_dict("records"),
        "regressions": night.regressions,
        "metric": found.metric if found else None,
        "floor": found.floor if found else None,
        "treatments": found.table.to_dict("records") if found else [],
    }


def _write(
    night: "Night | str", junit: Path | None, summary: Path | None, output: Output, page: Path | None = None
) -> None:
    """Write the files that were asked for, and the summary where a CI server shows it."""
    from ablate.api import judging

    if junit is not None:
        judging.write_file(junit, judging.junit(night))
        output.say(f"{junit}: written")
    if summary is not None:
        link = quote(os.path.relpath(page, summary.parent)) if page else ""
        judging.write_file(summary, judging.summary(night, page=page.name if page else "", link=link).encode())
        output.say(f"{summary}: written")
    step = os.environ.get(STEP_SUMMARY)
    if step:
        try:
            _append(Path(step), night, page, os.environ)
        except OSError as error:
            output.say(f"Warning: {STEP_SUMMARY}: {step} cannot be written: {error.strerror}")


def _append(step: Path, night: "Night | str", page: Path | None, environment: Mapping[str, str]) -> None:
    from ablate.api import judging

    there = step.stat().st_size if step.exists() else 0
    text = judging.summary(
        night, page=page.name if page else "", link=_artifacts(environment), limit=max(judging.SUMMARY_LIMIT - there, 0)
    )
    with step.open("a", encoding="utf-8") as file:
        file.write(text)


def _artifacts(environment: Mapping[str, str]) -> str:
    """Where a workflow's artifacts are listed, among which the page should be."""
    parts = [environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    return "{}/{}/actions/runs/{}#artifacts".format(*parts) if all(parts) else ""
