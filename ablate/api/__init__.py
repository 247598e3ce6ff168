"""The library: load a study, run it, look at its results. The command line is a thin layer over this package."""

import os
import sys
import warnings
from collections.abc import Sequence

from ablate.api import notebook, telling
from ablate.api.adopting import adopt, adoptable
from ablate.api.auditing import Retrained, retrain
from ablate.api.clusters import follow, submit
from ablate.api.comparing import compare
from ablate.api.confirming import confirm, plan_confirmation
from ablate.api.confirming import confirm as confirm_plan
from ablate.api.creating import study
from ablate.api.missing import missing_networks
from ablate.api.networks import (
    SUFFIXES,
    Scored,
    check_models,
    describe_models,
    evaluate_networks,
    find_runs,
    save_networks,
)
from ablate.api.plans import Plan, early_lanes, load, make_plan, probe, results_folder, run_plan
from ablate.api.results import Results, open_asked, open_results, read_folder, read_results
from ablate.execution.assignment import Outcome
from ablate.execution.estimate import Proposal, propose
from ablate.execution.progress import Listener, Progress
from ablate.execution.scheduler import Options, StopSignal
from ablate.results.export import extract
from ablate.results.record import TrainerName
from ablate.studies.design import DEFAULT_MAX_RUNS
from ablate.studies.spec import Study
from ablate.text import line

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
    "check_models",
    "compare",
    "confirm",
    "default_jobs",
    "describe_models",
    "early_lanes",
    "evaluate_networks",
    "extract",
    "find_runs",
    "follow",
    "load",
    "make_plan",
    "missing_networks",
    "open_asked",
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
    "study",
    "submit",
]

check = Results.check  # `check(results)` reads as the command does


def run(
    study: Study,
    *,
    jobs: int | None = None,
    out: str | os.PathLike[str] | None = None,
    only: Sequence[str] = (),
    max_runs: int = DEFAULT_MAX_RUNS,
    trainer: TrainerName = "compiled",
    timeout: float | None = None,
    budget: float | None = None,
    fail_fast: bool = False,
    confirm: bool = False,
    progress: bool | None = None,
    listener: Listener | None = None,
    trust_model: bool = False,
) -> Results:
    """Train the runs of a study that are not there yet, as the command does.

    In a script, call this under `if __name__ == "__main__":`, since worker processes import the script again.

    Args:
        study: what is asked.
        jobs: worker processes; as many as there are cores by default.
        out: folder that holds the results of studies; `reports` beside the study file by default.
        only: `factor=level` texts that narrow the runs down.
        max_runs: refuse a larger study.
        trainer: how epochs are trained: `compiled`, or `fit` for `model.fit`.
        timeout: seconds after which a run is given up; no limit by default.
        budget: seconds after which no more is trained, at most 5 s late; the rest stays pending. No limit by default.
        fail_fast: stop at the first failed run.
        confirm: then train the baseline and the best treatment with fresh seeds, for `Results.confirmation`.
        progress: say on stderr what becomes of every run, or show a bar in a notebook; by default in notebooks alone.
        listener: hears of progress, instead.
        trust_model: whether models that come in files (`[model] file`) may be loaded, which may run code in them.

    Raises:
        StudyError: the data or `only` cannot be used, or a model comes in a file that is not trusted.
        StoreError: the results folder cannot be written.
        EmptyResultsError: nothing can be confirmed yet, because runs are missing or failed; what was trained is kept.
    """
    options = Options(jobs or default_jobs(), trainer, timeout, budget, fail_fast, trust_model)
    hears = listener or _listener(progress=progress)
    with early_lanes(study, options.jobs, out=out, max_runs=max_runs) as lanes:
        plan = make_plan(study, out=out, only=only, max_runs=max_runs)
        run_plan(plan, options, hears, lanes=lanes)
    if confirm and options.overtime <= 0 and (fresh := plan_confirmation(plan)) is not None:
        confirm_plan(fresh, options, hears)
    return read_results(plan)


def _listener(*, progress: bool | None) -> Listener:
    """What tells of progress where nobody else listens."""
    if progress is not False and notebook.is_running():
        return notebook.Bar()
    return telling.Lines(_print) if progress else _warn


def _print(text: str) -> None:
    sys.stderr.write(f"{line(text)}\n")
    sys.stderr.flush()


def _warn(progress: Progress) -> None:
    """Where nobody listens, what went wrong is a warning all the same."""
    for note in progress.notes:
        warnings.warn(note, stacklevel=2)


def default_jobs() -> int:
    """One worker per core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
