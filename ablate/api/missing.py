"""Networks that a study asks to be kept and that are not there: which they are, and how to have them again."""

from ablate.api.plans import Plan, runs_of_the_best
from ablate.results import models, weights
from ablate.results.identity import PlannedRun

MOST_NAMED = 3


def missing_networks(plan: Plan) -> list[str]:
    """What to say of finished runs whose network should have been kept and is gone; nothing if all are there.

    A network that was not made yet, as its weights are still there, is not missing; nor is one that is too large to be
    kept. Under `best`, the networks of the baseline and of the best treatment are asked for once every run was tried.

    Raises:
        StoreError: the results cannot be read.
    """
    kept = models.keys(plan.store, "keras") | models.keys(plan.store, "npz")
    wanted = {run.key: run for run in _asked_for(plan, kept) if run.key not in kept}
    records = plan.store.load_all(wanted)
    gone = [run for key, run in wanted.items() if key in records and not weights.are_too_large(records[key])]
    if not gone:
        return []
    first = f"{gone[0].treatment.name}, seed {gone[0].seed}"
    which = f"the network of {first} is" if len(gone) == 1 else f"networks of {len(gone)} runs ({first}, first) are"
    files = ", ".join(str(plan.store.record_path(run.key).relative_to(plan.store.root)) for run in gone[:MOST_NAMED])
    more = f" and {len(gone) - MOST_NAMED} more" if len(gone) > MOST_NAMED else ""
    told = f"save_models = '{plan.study.save_models}', and {which} not there: {_reason(plan, gone)}. The records"
    again = f"move the record out of {plan.store.root} ({files}{more}): 'ablate run' then trains the run anew"
    return [f"{told} are complete. To have it again, {again}, and finds the same"]


def _asked_for(plan: Plan, kept: set[str]) -> list[PlannedRun]:
    """The runs whose networks the study wants to keep."""
    if plan.study.save_models == "all":
        return list(plan.everything)
    seeds = {run.seed for run in plan.everything}
    if plan.study.save_models == "none" or len(kept & {run.key for run in plan.everything}) >= 2 * len(seeds):
        return []  # of the baseline and of the best treatment
    return runs_of_the_best(plan)


def _reason(plan: Plan, gone: list[PlannedRun]) -> str:
    quarantine = plan.store.root / "quarantine"
    if any(any(quarantine.glob(f"{run.key}.npz.*")) for run in gone):
        return f"its weights were damaged and are in {quarantine}"
    return "it was not kept when the run was trained, or was removed since"
