"""Where `run` has runs trained: on this machine, or by workers on a cluster."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from ablate.cli.console import Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ablate.api import Outcome, Plan, StopSignal
    from ablate.api.clusters import Submitted
    from ablate.execution.engines.slurm import Request
    from ablate.execution.scheduler import Options

Command = Callable[..., None]
_OF_CLUSTERS = {
    "workers": "--workers",
    "partition": "--partition",
    "minutes": "--time",
    "cpus": "--cpus",
    "gpus": "--gpus",
    "sbatch": "--sbatch",
    "cluster": "--cluster",
    "detach": "--detach",
}


def engine_options(function: Command) -> Command:
    """`--jobs`, `--engine` and what goes with it; `request` is `None` for this machine."""

    @click.option("-j", "--jobs", type=click.IntRange(min=1, max=512), help="Worker processes; default: cores.")
    @click.option(
        "--engine",
        type=click.Choice(["local", "slurm"]),
        default="local",
        show_default=True,
        help="Where runs are trained: on this machine, or by workers on a cluster (docs/scale.md).",
    )
    @click.option("--workers", type=click.IntRange(min=1, max=10_000), help="Jobs of the cluster; default: 1.")
    @click.option("--partition", metavar="NAME", help="Of the cluster; default: its own.")
    @click.option("--time", "minutes", callback=_minutes, metavar="TIME", help="Of each worker; default: 01:00:00.")
    @click.option("--cpus", type=click.IntRange(min=1, max=512), help="Runs that a worker trains at once; default: 1.")
    @click.option("--gpus", type=click.IntRange(min=1, max=64), help="GPUs of each worker; default: none.")
    @click.option("--sbatch", multiple=True, callback=_sbatch, metavar="KEY=VALUE", help="Another option of sbatch.")
    @click.option("--cluster", type=click.Choice(["slurm", "local"]), help="'local' tries the workers out here.")
    @click.option("--detach", is_flag=True, help="Submit the workers and return; see 'ablate status --watch'.")
    @wraps(function)
    def wrapped(jobs: int | None, engine: str, detach: bool, **arguments: Any) -> None:
        given = {"detach": detach, **{name: arguments.pop(name) for name in _OF_CLUSTERS if name != "detach"}}
        request = _request(engine, jobs, given)
        function(jobs=jobs, request=request, detach=detach, **arguments)

    return wrapped


def _request(engine: str, jobs: int | None, given: dict[str, Any]) -> "Request | None":
    chosen = {name: value for name, value in given.items() if value}
    if engine == "local":
        if chosen:
            raise click.UsageError(f"{_OF_CLUSTERS[next(iter(chosen))]} goes with --engine slurm")
        return None
    if jobs is not None:
        raise click.UsageError(
            "-j counts processes on this machine; with --engine slurm, --cpus counts those of a worker"
        )
    from ablate.execution.engines.slurm import Request

    del given["detach"]
    return Request(**{name: value for name, value in given.items() if value})


def _minutes(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    from ablate.execution.engines import slurm

    try:
        return None if value is None else slurm.minutes(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a time such as 30 (minutes), 02:00:00 or 1-12:00:00") from None


def _sbatch(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> dict[str, str | bool]:
    from ablate.execution.engines import slurm

    try:
        return dict(slurm.option(text) for text in value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def train(
    plan: "Plan",
    request: "Request | None",
    options: "Options",
    stop: "StopSignal",
    lanes: Any,
    output: Output,
) -> "Mapping[str, Outcome]":
    """Train what is pending, here or on a cluster."""
    from ablate import api
    from ablate.cli.progress import listener

    if request is None:
        with listener(output) as hears:
            return api.run_plan(plan, options, hears, stop, lanes)
    return on_cluster(plan, request, options, stop, output)


def on_cluster(
    plan: "Plan",
    request: "Request",
    options: "Options",
    stop: "StopSignal",
    output: Output,
    *,
    confirms: bool = False,
) -> "Mapping[str, Outcome]":
    """Submit workers, and tell of what they do until they are done."""
    from ablate import api
    from ablate.cli.progress import listener

    with stop.watched():  # whoever wants to stop now waits until it is known what is to be cancelled
        submitted = api.submit(plan, request, options, confirms=confirms)
    if submitted is None:
        return {}
    output.say(f"Submitted {_workers(submitted)}; Ctrl-C cancels.")
    with listener(output) as hears:
        return api.follow(submitted, options, hears, stop)


def _workers(submitted: "Submitted") -> str:
    count = len(submitted.array.jobs)
    return (
        f"{count} worker{'' if count == 1 else 's'} for {len(submitted.watch.pending)} runs, job {submitted.array.name}"
    )


def detach(plan: "Plan", request: "Request", options: "Options", stop: "StopSignal", output: Output) -> None:
    """Submit workers, and say how to see what they do."""
    from ablate import api

    with stop.watched():
        submitted = api.submit(plan, request, options)
    if submitted and stop.level:
        submitted.array.cancel()
        return
    output.warn(plan.warnings)
    if submitted is None:
        output.say("Nothing is to be trained.")
    else:
        output.say(f"Submitted {_workers(submitted)}; logs in {submitted.folder}.")
        output.say("'ablate status --watch' shows how far they are.")
    jobs = [job.job_id for job in submitted.array.jobs] if submitted else []
    pending = len(submitted.watch.pending) if submitted else 0
    output.document({"out": str(plan.store.root), "jobs": jobs, "pending": pending})
