"""`ablate plan`: what would be trained."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ablate.cli.console import Output
from ablate.cli.console import command as handled
from ablate.cli.options import seconds, selection_options, study_options, trust_option

if TYPE_CHECKING:
    from ablate.api import Plan, Proposal


@click.command("plan")
@study_options
@selection_options
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Worker processes to estimate for; default: cores.")
@click.option("--probe", is_flag=True, help="Measure the time: train every program for a few epochs, keep nothing.")
@click.option("--check-models", is_flag=True, help="Build every model of yours once and check that it can be trained.")
@trust_option
@click.option(
    "--fit-in", callback=seconds, metavar="TIME", help="Propose a design and replicates that take no longer, as 20m."
)
@handled
def command(
    config: Path | None,
    out: Path | None,
    overrides: tuple[str, ...],
    only: tuple[str, ...],
    max_runs: int,
    jobs: int | None,
    probe: bool,
    check_models: bool,
    trust_model: bool,
    fit_in: float | None,
    output: Output,
) -> None:
    """Show the runs of a study and how many are done; write nothing.

    Treatments with the same number under 'program' share a compiled program. The time for the rest is estimated from
    finished runs, or measured by --probe.
    """
    from ablate import api
    from ablate.cli.progress import listener

    study = api.load(config, overrides)
    jobs = jobs or api.default_jobs()
    plan = api.make_plan(study, out=out, only=only, max_runs=max_runs)
    output.damaged(plan.store)
    _say_what_was_read(plan, output)
    _list(plan, output)
    if check_models:
        api.check_models(plan, jobs, trust_model=trust_model)
        output.say("Every model can be trained on its data.")
    elif any(not run.treatment.settings.model.hidden for run in plan.pending):
        output.say("Your models are not checked yet: --check-models builds each of them once.")
    costs = plan.costs
    if probe or (fit_in is not None and not costs):
        output.say("Measuring: every program is trained for a few epochs.")
        with listener(output) as hears:
            costs = api.probe(plan, jobs, hears, trust_model=trust_model)
    estimate = plan.seconds_estimate(jobs, costs)
    _say_how_much(plan, estimate, output)
    hints = api.adoptable(plan)
    output.say(f"Features: {'; '.join(plan.scalings)}")
    output.warn([*plan.warnings, *hints])
    if plan.study.design == "pairwise":
        output.say("Note: pairwise is coverage only: it tries every pair of levels, and estimates no effect.")
    proposal = api.propose(plan.study, fit_in, costs, jobs, max_runs) if fit_in is not None else None
    if fit_in is not None:
        _say_what_fits(fit_in, proposal, output)
    output.document(
        {
            "treatments": len({run.treatment.name for run in plan.selected}),
            "runs": len({run.key for run in plan.selected}),
            "cached": len(plan.done),
            "programs": len(plan.programs),
            "seconds_estimate": estimate,
            "groups": [list(dict.fromkeys(run.treatment.name for run in group)) for group in plan.programs],
            "scaling": plan.scalings,
            "warnings": [*plan.warnings, *hints],
            "data": {source: {"read": facts.summary, "odd": facts.notes} for source, facts in plan.data.items()},
            **({"fits": vars(proposal) if proposal else None} if fit_in is not None else {}),
        }
    )


def _say_what_was_read(plan: "Plan", output: Output) -> None:
    output.say(f"{plan.study.source}: study {plan.study.name}, {plan.study.design}")
    for source, facts in plan.data.items():
        for said in (source, *facts.summary):
            output.say(f"  {said}")


def _say_how_much(plan: "Plan", estimate: float | None, output: Output) -> None:
    runs = len({run.key for run in plan.selected})
    treatments, replicates = len({run.treatment.name for run in plan.selected}), len(plan.study.seeds)
    known = "unknown before the first run; --probe measures it" if estimate is None else f"about {_duration(estimate)}"
    rest = f"; time for the rest: {known}" if plan.pending else ""
    shared = treatments * replicates - runs
    trained_once = f" ({shared} more are identical to others)" if shared else ""
    output.say(
        f"{treatments} treatments x {replicates} replicates = {runs} runs{trained_once}, {len(plan.done)} done, "
        f"{len(plan.programs)} compiled programs{rest}"
    )


def _list(plan: "Plan", output: Output) -> None:
    """One line per treatment."""
    everything = Counter(run.treatment.name for run in plan.selected)
    done = Counter(run.treatment.name for run in plan.selected if run.key in plan.done)
    program = {run.treatment.name: number for number, group in enumerate(plan.programs, 1) for run in group}
    width = max(map(len, (*everything, "treatment")))
    output.data(f"{'treatment':<{width}}  runs  done  program")
    for name, runs in everything.items():
        output.data(f"{name:<{width}}  {runs:>4}  {done[name]:>4}  {program[name]:>7}")


def _say_what_fits(limit: float, proposal: "Proposal | None", output: Output) -> None:
    if proposal is None:
        output.say(f"Nothing fits into {_duration(limit)}: not even one replicate of the smallest design.")
        return
    replicates = f"{proposal.replicates} replicate{'s' if proposal.replicates > 1 else ''}"
    few = "" if proposal.replicates >= 5 else "; fewer than 5 replicates give no verdict"
    output.say(
        f"Fits into {_duration(limit)}: {proposal.design} with {replicates}, {proposal.runs} runs in about "
        f"{_duration(proposal.seconds)}{few}: -S study.design={proposal.design} --replicates {proposal.replicates}"
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
