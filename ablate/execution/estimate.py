"""How long runs will take, from what finished runs, or a short trial of every program, took."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from ablate.errors import StudyError
from ablate.execution.queue import COMPILATION_SECONDS
from ablate.results.identity import Identity, PlannedRun, run_key
from ablate.results.record import Record
from ablate.settings.run import RunSettings
from ablate.settings.structure import structure_name
from ablate.studies import design
from ablate.studies.design import Treatment
from ablate.studies.file import Design
from ablate.studies.spec import Study

PROBE_EPOCHS = 4
FEWEST_REPLICATES = 5  # below, effects have no verdict
SMALLER_DESIGNS: tuple[Design, ...] = ("grid", "one-at-a-time")  # not pairwise, which gives no verdict

Costs = Mapping[bytes, "Cost"]  # by `structure_name`


@dataclass(frozen=True)
class Cost:
    """What the runs of one compiled program take, in seconds.

    Attributes:
        epoch: one epoch.
        around: what a run takes besides its epochs.
        compilation: making the program, once per worker that trains such runs.
    """

    epoch: float
    around: float
    compilation: float

    def of(self, settings: RunSettings) -> float:
        """A run that is not stopped early."""
        return self.around + self.epoch * settings.training.epochs


@dataclass(frozen=True)
class Proposal:
    """A design and a number of replicates that fit into a time.

    Attributes:
        design: of the treatments.
        replicates: of each.
        runs: to train, without those that can only train identically.
        seconds: expected wall time, when none of them is there yet.
    """

    design: str
    replicates: int
    runs: int
    seconds: float


def measured(runs: Iterable[PlannedRun], records: Mapping[str, Record]) -> dict[bytes, Cost]:
    """Costs by group, medians over the finished runs of each; not of those that `model.fit` was asked to train."""
    groups: dict[bytes, list[Record]] = {}
    for key, run in {run.key: run for run in runs}.items():
        if key in records and (records[key].trainer == "compiled" or "trainer_reason" in records[key].environment):
            groups.setdefault(structure_name(run.treatment.settings), []).append(records[key])
    return {group: _cost(found) for group, found in groups.items()}


def _cost(records: Sequence[Record]) -> Cost:
    epochs = [seconds for record in records for seconds in record.history["seconds"][1:]]  # the first compiles
    around = [record.seconds["total"] - sum(record.history["seconds"]) for record in records]
    compiling = [record.seconds["compile"] for record in records if record.seconds["compile"] > 0]
    epoch = median(epochs) if epochs else median(record.seconds["train"] for record in records)
    return Cost(epoch, median(around), median(compiling) if compiling else COMPILATION_SECONDS)


def seconds_for(settings: Iterable[RunSettings], costs: Costs, jobs: int) -> float | None:
    """Wall time of some runs; programs that were never measured count as the others on average. `None` without any."""
    if not costs:
        return None
    total, groups = 0.0, set()
    for each in settings:
        group = structure_name(each)
        total += cost_of(group, costs).of(each)
        groups.add(group)
    return (total + sum(cost_of(group, costs).compilation for group in groups)) / jobs


def cost_of(group: bytes, costs: Costs) -> Cost:
    """The cost of a group, or the mean of all where it was not measured."""
    if group in costs:
        return costs[group]
    known = list(costs.values())
    parts = ([getattr(cost, part) for cost in known] for part in ("epoch", "around", "compilation"))
    return Cost(*(sum(values) / len(known) for values in parts))


def trials(treatments: Iterable[Treatment], seed: int, identity: Identity) -> list[PlannedRun]:
    """A run of a few epochs for every group of treatments that shares a compiled program."""
    by_group = {structure_name(treatment.settings): treatment for treatment in treatments}
    found = []
    for treatment in by_group.values():
        training = treatment.settings.training.model_copy(update={"epochs": PROBE_EPOCHS, "continue_from": None})
        remedies = treatment.settings.remedies.model_copy(update={"early_stopping": False})
        settings = treatment.settings.model_copy(update={"training": training, "remedies": remedies})
        found.append(PlannedRun(replace(treatment, settings=settings), seed, run_key(settings, seed, identity)))
    return found


def propose(study: Study, limit: float, costs: Costs, jobs: int, max_runs: int) -> Proposal | None:
    """The study's own design, or else a smaller one, with as many of its replicates as fit into a time.

    A design that fits with 5 replicates, which a verdict needs, goes before one that does not.

    Args:
        study: what is asked.
        limit: seconds.
        costs: of at least one program.
        jobs: worker processes.
        max_runs: largest study to think about.
    """
    found = []
    for name in (study.design, *(name for name in SMALLER_DESIGNS if name != study.design)):
        other = replace(study, design=name, full=study.full if name == study.design else {})
        if name != study.design and design.fewest(other) >= design.count(study):
            continue
        try:
            expansion = design.expand(replace(other, seeds=study.seeds[:1]), max_runs)
        except StudyError:
            continue  # too large, or claims that this design has no runs for
        settings = list({id(each.settings): each.settings for each in expansion.treatments}.values())
        one, two = (seconds_for(settings * replicates, costs, jobs) for replicates in (1, 2))
        if one is None or two is None or one > limit:
            continue
        each = two - one  # every further replicate takes as long as the second; the first compiles
        replicates = min(len(study.seeds), 1 + int((limit - one) / each) if each > 0 else len(study.seeds))
        found.append(Proposal(name, replicates, replicates * len(settings), one + (replicates - 1) * each))
    wanted = min(FEWEST_REPLICATES, len(study.seeds))
    enough = [proposal for proposal in found if proposal.replicates >= wanted]
    return enough[0] if enough else max(found, key=lambda proposal: proposal.replicates, default=None)
