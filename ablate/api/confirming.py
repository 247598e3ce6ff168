"""Confirmation: the baseline and the best treatment trained anew, with seeds that chose nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ablate.api.plans import Plan, check_trust
from ablate.errors import EmptyResultsError
from ablate.execution import scheduler
from ablate.execution.assignment import Outcome
from ablate.execution.engines.local import Lanes
from ablate.execution.progress import Listener
from ablate.execution.scheduler import Options, StopSignal
from ablate.results import confirmation, entries, snapshot
from ablate.results.identity import PlannedRun
from ablate.studies.design import Treatment


def plan_confirmation(plan: Plan) -> Plan | None:
    """The baseline and the best treatment with fresh seeds, as many as the study has.

    Args:
        plan: the study's runs; all of them have to have been tried.

    Returns:
        The plan of those runs; `None` where the baseline itself is the best treatment.

    Raises:
        EmptyResultsError: runs are missing, or too many failed to name a best treatment.
        StudyError: the study goes on from another one, which has no runs with fresh seeds.
    """
    from ablate.analysis.selection import winner

    content = snapshot.take(plan.study, plan.everything, plan.identity, plan.store)
    untried = {run.key for run in plan.everything} - content.records.keys() - content.failures.keys()
    if untried:
        raise EmptyResultsError(f"--confirm needs the whole study: {len(untried)} of its runs are still to be trained")
    best = winner(content.runs, content.study.measured.score)
    if best is None:
        raise EmptyResultsError("--confirm: no treatment has enough finished runs to be the best one")
    if best == "baseline":
        return None
    treatments = distinct_treatments(plan.everything)
    identity, fresh = confirmation.plan_anew(plan.study, treatments, best, plan.identity, plan.store)
    done = plan.store.load_all({run.key for run in fresh})
    return replace(plan, identity=identity, everything=tuple(fresh), selected=tuple(fresh), done=done, warnings=())


def confirm(
    plan: Plan,
    options: Options,
    listener: Listener = lambda progress: None,
    stop: StopSignal | None = None,
) -> Mapping[str, Outcome]:
    """Train what is pending of a confirmation; every finished run is kept at once, no network is.

    Args:
        plan: what `plan_confirmation` returns; that these are its runs is kept in the results folder.
        options: how to train.
        listener: hears of progress.
        stop: watched for a wish to stop.

    Raises:
        StudyError: a model comes in a file that is not trusted.
        StoreError: the results folder cannot be written.
    """
    check_trust(plan.study, plan.pending, trusted=options.trust_model)
    entries.write(plan.store, plan.everything)
    pending, folder = plan.pending, plan.study.source.resolve().parent
    if not pending:
        return {}
    stop = stop or StopSignal()
    with Lanes(min(options.jobs, len(pending)), len(pending)) as lanes, stop.watched():
        return scheduler.execute(pending, lanes, plan.identity, plan.store, folder, options, listener, stop)


def distinct_treatments(planned: Sequence[PlannedRun]) -> list[Treatment]:
    """The treatments of some runs, each once."""
    return list({run.treatment.name: run.treatment for run in planned}.values())
