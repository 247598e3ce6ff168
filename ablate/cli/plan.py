"""`ablate plan`: what a run would do."""

from collections import Counter
from pathlib import Path

import click

from ablate.cli.console import Output
from ablate.cli.console import command as handled
from ablate.cli.options import selection_options, study_options


@click.command("plan")
@study_options
@selection_options
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Worker processes to estimate for; default: cores.")
@handled
def command(
    config: Path | None,
    out: Path | None,
    overrides: tuple[str, ...],
    only: tuple[str, ...],
    max_runs: int,
    jobs: int | None,
    output: Output,
) -> None:
    """Show the runs of a study and how many are there already; train nothing."""
    from ablate import api

    study = api.load(config, overrides)
    plan = api.make_plan(study, out=out, only=only, max_runs=max_runs)
    output.damaged(plan.store)
    everything = Counter(run.treatment.name for run in plan.selected)
    done = Counter(run.treatment.name for run in plan.selected if run.key in plan.done)
    seconds = plan.seconds_estimate(jobs or api.default_jobs())
    output.say(f"{study.source}: study {study.name}, {study.design}")
    width = max(map(len, everything), default=0)
    for name, runs in everything.items():
        output.data(f"{name:<{width}}  {runs:>4} runs  {done[name]:>4} done")
    total = len({run.key for run in plan.selected})
    left = total - len(plan.done)
    known = "unknown before the first run" if seconds is None else f"about {_duration(seconds)}"
    estimate = f"; time for the rest: {known}" if left else ""
    output.say(
        f"{len(everything)} treatments x {len(study.seeds)} replicates = {total} runs, {len(plan.done)} done, "
        f"{plan.programs} compiled programs{estimate}"
    )
    output.document(
        {
            "treatments": len(everything),
            "runs": total,
            "cached": len(plan.done),
            "programs": plan.programs,
            "seconds_estimate": seconds,
        }
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
