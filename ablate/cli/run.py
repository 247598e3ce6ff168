"""`ablate run`: train what is missing."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ablate.cli import engines
from ablate.cli.console import EXIT_FAILED_RUNS, EXIT_SIGNAL, Interrupted, Output
from ablate.cli.console import command as handled
from ablate.cli.options import seconds, selection_options, study_options, trust_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ablate.api import Outcome, Plan, StopSignal
    from ablate.execution.engines.slurm import Request
    from ablate.execution.scheduler import Options
    from ablate.results.identity import PlannedRun
    from ablate.results.record import TrainerName


@click.command("run")
@study_options
@selection_options
@engines.engine_options
@click.option(
    "--trainer",
    type=click.Choice(["compiled", "fit"]),
    default="compiled",
    help="How to train: 'compiled' epochs, or Keras' model.fit.",
)
@click.option(
    "--timeout", callback=seconds, metavar="TIME", help="Stop a run that takes longer than this; it counts as failed."
)
@click.option(
    "--budget",
    callback=seconds,
    metavar="TIME",
    help="Stop after this time, at most 5 s late; the rest stays pending.",
)
@click.option("--fail-fast", is_flag=True, help="Stop at the first failed run.")
@trust_option
@click.option("--confirm", is_flag=True, help="Then train the baseline and the best treatment with fresh seeds.")
@click.option("--adopt", multiple=True, metavar="STUDY", help="First take over the runs of another study's results.")
@handled
def command(
    config: Path | None,
    out: Path | None,
    overrides: tuple[str, ...],
    only: tuple[str, ...],
    max_runs: int,
    jobs: int | None,
    request: "Request | None",
    detach: bool,
    trainer: "TrainerName",
    timeout: float | None,
    budget: float | None,
    fail_fast: bool,
    trust_model: bool,
    confirm: bool,
    adopt: tuple[str, ...],
    output: Output,
) -> None:
    """Train all runs of a study that have no result yet.

    STUDY is the name of a study beside this one's results, such as the one that this study had before, or a folder of
    results. Every finished run is kept at once: after an interruption 'ablate run' goes on where it was.
    Ctrl-C ends the runs after their epoch, a second Ctrl-C at once.

    With --engine slurm, jobs of a cluster train them: each takes run after run from the folder of results, which has to
    be on a disk that all its hosts share.
    """
    from ablate import api
    from ablate.execution.scheduler import Options

    if confirm and detach:
        raise click.UsageError("--confirm waits for the study, which --detach does not")
    stop = api.StopSignal()
    with _signals(stop, output):
        study = api.load(config, overrides)
        output.say(f"{study.source}: study {study.name}, {study.design}")
        options = Options(jobs or api.default_jobs(), trainer, timeout, budget, fail_fast, trust_model)
        early = api.early_lanes(study, options.jobs, out=out, max_runs=max_runs) if not request else nullcontext(None)
        with early as lanes:
            plan = api.make_plan(study, out=out, only=only, max_runs=max_runs)
            for other in adopt:
                plan = _adopt(plan, other, output)
            output.warn(api.adoptable(plan))
            if request and detach:
                engines.detach(plan, request, options, stop, output)
                return
            outcomes = engines.train(plan, request, options, stop, lanes, output)
        output.damaged(plan.store)
        output.warn(plan.warnings)
        output.warn(api.missing_networks(plan))
        document = _summarize(plan, outcomes, output)
        if confirm and not stop.level and options.overtime <= 0:
            confirmed = _confirm(plan, request, options, stop, output)
            document["confirmation"] = api.read_results(plan).confirmation().to_dict("records")
            outcomes = {**outcomes, **confirmed}
        _say_what_is_next(plan, outcomes, output)
        output.document(document)
    if any(outcome.status == "failed" for outcome in outcomes.values()):
        sys.exit(EXIT_FAILED_RUNS)


def _adopt(plan: "Plan", other: str, output: Output) -> "Plan":
    """Take over what another study's results have of a plan, and say what that was."""
    from ablate import api

    plan, found = api.adopt(plan, other)
    refused = f"; {len(found.refused)} damaged or newer records were left there" if found.refused else ""
    output.say(f"Taken over from {other}: {len(found.added)} runs; {len(found.there)} were there already{refused}.")
    for key in found.different:
        output.say(f"Note: {other} measured something else for run {key}; the record that was here is kept")
    return plan


def _confirm(
    plan: "Plan", request: "Request | None", options: "Options", stop: "StopSignal", output: Output
) -> "Mapping[str, Outcome]":
    """Train the baseline and the best treatment with fresh seeds, and say what they bring."""
    from ablate import api
    from ablate.cli.progress import listener
    from ablate.cli.status import print_confirmation

    fresh = api.plan_confirmation(plan)
    if fresh is None:
        output.say("Nothing to confirm: no treatment is better than the baseline on validation.")
        return {}
    best = fresh.everything[-1].treatment.name
    seeds = [run.seed for run in fresh.everything]
    output.say(f"Confirming {best} against the baseline with seeds {min(seeds)} to {max(seeds)}.")
    if request is not None:
        outcomes = engines.on_cluster(fresh, request, options, stop, output, confirms=True)
    else:
        with listener(output) as hears:
            outcomes = api.confirm(fresh, options, hears, stop)
    print_confirmation(api.read_results(plan).confirmation(), output.say)
    return outcomes


def _summarize(plan: "Plan", outcomes: "Mapping[str, Outcome]", output: Output) -> dict[str, Any]:
    """Say what came of it, and return it for `--json`."""
    from ablate.results import failed as reasons

    total = len({run.key for run in plan.selected})
    here = [outcome for outcome in outcomes.values() if not outcome.elsewhere]
    failed = sum(outcome.status == "failed" for outcome in outcomes.values())
    trained = sum(outcome.status != "failed" for outcome in here)
    cached = len(plan.done) + len(outcomes) - failed - trained
    diverged = sum(outcome.status == "diverged" for outcome in outcomes.values())
    diverged += sum(record.status == "diverged" for record in plan.done.values())
    pending = total - trained - failed - cached
    parts = [f"{trained} trained", f"{cached} were there", f"{failed} failed" if failed else ""]
    parts += [f"{diverged} diverged" if diverged else "", f"{pending} pending" if pending else ""]
    output.say(f"{total} runs: {', '.join(part for part in parts if part)}; results in {plan.store.root}")
    others = len({run.key for run in plan.everything}) - total
    runs = [(run, outcomes[run.key].message) for run in _each(plan) if _has_failed(run, outcomes)]
    for sentence in reasons.sentences(runs, total, plan.store):
        output.say(f"Failed: {sentence}")
    if pending:
        output.say("'ablate run' trains the rest.")
    elif failed:
        output.say("'ablate run' tries the failed runs again; fix their cause first.")
    if others:
        output.say(f"--only left out {others} of the study's runs.")
    return {
        "runs": total,
        "trained": trained,
        "cached": cached,
        "failed": failed,
        "diverged": diverged,
        "out": str(plan.store.root),
    }


def _each(plan: "Plan") -> "list[PlannedRun]":
    return list({run.key: run for run in plan.selected}.values())


def _has_failed(run: "PlannedRun", outcomes: "Mapping[str, Outcome]") -> bool:
    return run.key in outcomes and outcomes[run.key].status == "failed"


def _say_what_is_next(plan: "Plan", outcomes: "Mapping[str, Outcome]", output: Output) -> None:
    """What to do now: the page needs a finished run of the study."""
    finished = any(outcome.status != "failed" for outcome in outcomes.values()) or plan.done
    if finished or any(plan.store.has(plan.store.record_path(run.key)) for run in plan.everything):
        output.say("Next: 'ablate report' writes the page.")
    else:
        output.say("No run of this study is finished, so there is no page to write yet.")


@contextmanager
def _signals(stop: "StopSignal", output: Output) -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into a wish to stop, and end with the exit code of the first of them.

    While nothing watches for the wish, before and after the training, what is being done is given up at once.
    """
    received: list[int] = []

    def note(number: int, frame: object) -> None:
        received.append(number)
        stop.level = stop.level + 1 if number == signal.SIGINT else 2
        if not stop.is_watched:
            raise Interrupted
        again = b"; again: at once" if stop.level == 1 else b""
        with suppress(OSError):  # the terminal may be gone
            os.write(2, b"\nStopping: what is finished is kept" + again + b".\n")  # a handler must not use streams

    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
        wanted.append(signal.SIGHUP)
    saved = {number: signal.signal(number, note) for number in wanted}
    try:
        yield
    except KeyboardInterrupt:
        output.say("Interrupted: what is finished is kept.")
    finally:
        for number, handler in saved.items():
            signal.signal(number, handler)
    if received:
        sys.exit(EXIT_SIGNAL + received[0])
