"""The library: load a study, run it, look at its results. The command line is a thin layer over this package."""

import os
from collections.abc import Sequence

from ablate.api.adopting import adopt, adoptable
from ablate.api.auditing import Retrained, retrain
from ablate.api.confirming import confirm, plan_confirmation
from ablate.api.gate import check, compare
from ablate.api.networks import SUFFIXES, Scored, evaluate_networks, find_runs, save_networks
from ablate.api.plans import Plan, early_lanes, load, make_plan, probe, results_folder, run_plan
from ablate.api.results import Results, open_results, read_folder, read_results
from ablate.execution.estimate import Proposal, propose
from ablate.execution.scheduler import Listener, Options, Progress, StopSignal
from ablate.execution.worker import Outcome
from ablate.results.export import extract
from ablate.study.design import DEFAULT_MAX_RUNS
from ablate.study.spec import Study

__all__ = [
    "SUFFIXES",
    "Options",
    "Outcome",
    "Plan",
    "Progress",
    "Proposal",
    "Results",
    "Retrained",
    "Scored",
    "StopSignal",
    "Study",
    "adopt",
    "adoptable",
    "check",
    "compare",
    "confirm",
    "default_jobs",
    "early_lanes",
    "evaluate_networks",
    "extract",
    "find_runs",
    "load",
    "make_plan",
    "open_results",
    "plan_confirmation",
    "probe",
    "propose",
    "read_folder",
    "read_results",
    "results_folder",
    "retrain",
    "run",
    "run_plan",
    "save_networks",
]


def run(
    study: Study,
    *,
    jobs: int | None = None,
    out: str | os.PathLike[str] | None = None,
    only: Sequence[str] = (),
    max_runs: int = DEFAULT_MAX_RUNS,
    listener: Listener = lambda progress: None,
    trust_model: bool = False,
) -> Results:
    """Train the runs of a study that are not there yet.

    In a script, call this under `if __name__ == "__main__":`, since worker processes import the script again.

    Args:
        study: what is asked.
        jobs: worker processes; as many as there are cores by default.
        out: folder that holds the results of studies; `reports` beside the study file by default.
        only: `factor=level` texts that narrow the runs down.
        max_runs: refuse a larger study.
        listener: hears of progress.
        trust_model: whether models that come in files (`[model] file`) may be loaded, which may run code in them.

    Raises:
        StudyError: the data or `only` cannot be used, or a model comes in a file that is not trusted.
        StoreError: the results folder cannot be written.
    """
    jobs = jobs or default_jobs()
    with early_lanes(study, jobs, out=out, max_runs=max_runs) as lanes:
        plan = make_plan(study, out=out, only=only, max_runs=max_runs)
        run_plan(plan, Options(jobs, trust_model=trust_model), listener, lanes=lanes)
    return read_results(plan)


def default_jobs() -> int:
    """One worker per core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
