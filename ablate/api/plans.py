"""Plans: the runs of a study and which of them are there, measured beforehand and trained."""

import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from ablate.api import tasks
from ablate.api.identifying import identify, with_origins
from ablate.errors import Problem, StoreError, StudyError, WorkerError
from ablate.execution import estimate, networks, scheduler
from ablate.execution.assignment import Outcome
from ablate.execution.engines.local import Lanes
from ablate.execution.progress import Listener, Progress
from ablate.execution.scheduler import Options, StopSignal
from ablate.results import entries, models, snapshot
from ablate.results import identity as identities
from ablate.results.claims import Claims
from ablate.results.identity import DataFacts, Identity, PlannedRun
from ablate.results.record import Record
from ablate.results.store import Store
from ablate.settings import document
from ablate.settings.levels import label
from ablate.settings.structure import structure_name
from ablate.studies import design, spec
from ablate.studies.design import DEFAULT_MAX_RUNS, Treatment
from ablate.studies.spec import Study
from ablate.usercode import code, model_files

REPORTS = "reports"
_IMAGE = ("height", "width")  # the least dimensions of one
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # a path has lost one of the two slashes of s3://bucket


@dataclass(frozen=True)
class Plan:
    """The runs of a study, and how many are there already.

    Attributes:
        study: what is asked.
        identity: the data and libraries.
        store: where records go.
        everything: all runs of the study.
        selected: those that were asked for (`only`).
        done: keys of the selected runs that have a record.
        warnings: what the study asks for in vain, or twice.
    """

    study: Study
    identity: Identity
    store: Store
    everything: tuple[PlannedRun, ...]
    selected: tuple[PlannedRun, ...]
    done: Mapping[str, Record]
    warnings: tuple[str, ...]

    @property
    def scalings(self) -> list[str]:
        """How the features of every data set are scaled, in words."""
        maybe = f"; not where a network looks them up as {', '.join(self.identity.tokens)} may: every record says so"
        return list(
            dict.fromkeys(
                facts.scaling + (maybe if facts.automatic and self.identity.tokens else "")
                for facts in self.identity.data.values()
            )
        )

    @property
    def pending(self) -> list[PlannedRun]:
        """Selected runs without a record, each key once."""
        return list({run.key: run for run in self.selected if run.key not in self.done}.values())

    @property
    def data(self) -> dict[str, DataFacts]:
        """What was read, by source; see `identities.facts_by_source`."""
        return identities.facts_by_source((run.treatment.settings for run in self.everything), self.identity)

    @property
    def programs(self) -> list[list[PlannedRun]]:
        """The selected runs, grouped by the compiled program that they share."""
        groups: dict[bytes, list[PlannedRun]] = {}
        for run in self.selected:
            groups.setdefault(structure_name(run.treatment.settings), []).append(run)
        return list(groups.values())

    @property
    def costs(self) -> estimate.Costs:
        """What finished runs took, by compiled program."""
        return estimate.measured(self.selected, self.done)

    def seconds_estimate(self, jobs: int, costs: estimate.Costs | None = None) -> float | None:
        """Wall time of the pending runs; `None` where nothing was measured.

        Args:
            jobs: worker processes.
            costs: what `probe` measured; those of finished runs by default.
        """
        return estimate.seconds_for([run.treatment.settings for run in self.pending], costs or self.costs, jobs)


def load(path: str | os.PathLike[str] | None = None, overrides: Iterable[str] = ()) -> Study:
    """Read a study file.

    Args:
        path: the file; by default the nearest `ablations.toml` here or in a folder above.
        overrides: `dotted.key=value` texts that replace what the file says.

    Raises:
        StudyError: the file is missing or not a valid study; holds every problem found.
    """
    return spec.load(Path(path) if path is not None else document.find(Path.cwd()), overrides)


def is_among_results(study: Study) -> bool:
    """Whether a study was read from the folder of its results, which may come from anybody."""
    return study.source.name == "study.toml" and code.is_results_folder(study.source.resolve().parent)


def results_folder(study: Study, out: str | os.PathLike[str] | None = None) -> Path:
    """The folder of a study's results: `DIR/<name>`, by default `reports/<name>` beside the study file.

    The study that `run` left among its results (`study.toml`) has them beside itself.

    Raises:
        StoreError: `out` is the address of an object store.
    """
    home = study.source.resolve().parent
    if out is None and is_among_results(study) and home.name == study.name:
        return home
    parent = Path(out) if out is not None else study.source.resolve().parent / REPORTS
    if _ADDRESS.match(str(parent)):
        raise StoreError(
            f"--out {out}: results need a folder, on a disk that every host of the study sees; an address of an object "
            "store is none"
        )
    return parent / study.name


def make_plan(
    study: Study,
    *,
    out: str | os.PathLike[str] | None = None,
    only: Sequence[str] = (),
    max_runs: int = DEFAULT_MAX_RUNS,
) -> Plan:
    """The runs of a study and which of them are done. Reads the data, trains nothing.

    Args:
        study: what is asked.
        out: folder that holds the results of studies; `reports` beside the study file by default.
        only: `factor=level` texts that narrow the runs down.
        max_runs: refuse a larger study.

    Raises:
        StudyError: the data cannot be used, the study is too large, or `only` names something unknown.
        StoreError: the results folder cannot be read.
    """
    store = Store(results_folder(study, out))
    study, expansion, identity = _read(study, store, max_runs)
    treatments = expansion.treatments
    chosen = {treatment.name for treatment in design.select(treatments, study, only)}
    if not chosen:
        message = f"no treatment of this {study.design} study has all of {', '.join(only)}"
        raise StudyError("--only", [Problem("", message)])
    leaks = tuple(f"{json.loads(name)['source']}: {facts.leak}" for name, facts in identity.data.items() if facts.leak)
    everything = tuple(identities.plan_runs(treatments, study.seeds, identity))
    selected = tuple(planned for planned in everything if planned.treatment.name in chosen)
    done = store.load_all({planned.key for planned in selected})
    read = identities.facts_by_source((treatment.settings for treatment in treatments), identity)
    odd = tuple(f"{source}: {note}" for source, facts in read.items() for note in facts.notes)
    return Plan(study, identity, store, everything, selected, done, (*leaks, *expansion.warnings, *odd))


def _check_images(study: Study, treatments: Iterable[Treatment], identity: Identity) -> None:
    """See that hidden layers whose images are to be changed are given images.

    Raises:
        StudyError: a treatment changes images, and its data has none.
    """
    for treatment in treatments:
        remedies, data = treatment.settings.remedies, treatment.settings.data
        shape = identity.data[identities.data_name(data)].shape
        if treatment.settings.model.hidden and remedies.augmentation is not False and len(shape) < len(_IMAGE):
            message = (
                f"changes images, with height and width; an example of {data.source} is {shape[0]} numbers in a row"
            )
            raise study.error([Problem("overfitting.augmentation", message, label(remedies.augmentation))])


def _read(study: Study, store: Store, max_runs: int) -> tuple[Study, design.Expansion, Identity]:
    """A study with the task of its data, its treatments, and what was read."""
    expansion = design.expand(study, max_runs)
    identity = identify(study, expansion.treatments, store.root.parent)
    _check_images(study, expansion.treatments, identity)
    found = tasks.settled(study, identity, (treatment.settings for treatment in expansion.treatments))
    if found is study:
        return study, expansion, identity
    expansion = design.expand(found, max_runs)
    return found, expansion, with_origins(found, expansion.treatments, tasks.named(identity, found), store.root.parent)


def early_lanes(
    study: Study, jobs: int, *, out: str | os.PathLike[str] | None = None, max_runs: int = DEFAULT_MAX_RUNS
) -> AbstractContextManager[Lanes | None]:
    """Start workers, which need seconds to import TensorFlow, while the study is still to be planned.

    Args:
        study: what is asked.
        jobs: worker processes.
        out: folder that holds the results of studies; `reports` beside the study file by default.
        max_runs: of `make_plan`.

    Returns:
        Workers for `run_plan`; none if as many records are there as the study has runs, or it has too many.
    """
    runs = design.count(study) * len(study.seeds)
    if runs > max_runs or Store(results_folder(study, out)).count() >= runs:
        return nullcontext(None)
    return Lanes(min(jobs, runs), runs)


def probe(
    plan: Plan, jobs: int, listener: Listener = lambda progress: None, *, trust_model: bool = False
) -> estimate.Costs:
    """Train every program of the pending runs for a few epochs, and keep nothing but what that took.

    Args:
        plan: the runs.
        jobs: worker processes.
        listener: hears of progress.
        trust_model: whether models that come in files may be loaded.

    Raises:
        StudyError: a model comes in a file that is not trusted.
        WorkerError: no program could be trained; says why.
    """
    options = Options(jobs, trust_model=trust_model)
    check_trust(plan.study, plan.pending, trusted=options.trust_model)
    treatments = [run.treatment for run in plan.pending]
    runs = estimate.trials(treatments, plan.study.seeds[0], plan.identity)
    if not runs:
        return plan.costs
    folder = plan.study.source.resolve().parent
    with tempfile.TemporaryDirectory(prefix="ablate-probe-") as kept, Lanes(min(jobs, len(runs)), len(runs)) as lanes:
        store = Store(Path(kept) / plan.study.name)
        store.prepare()
        outcomes = scheduler.execute(runs, lanes, plan.identity, store, folder, options, listener)
        found = {**plan.costs, **estimate.measured(runs, store.load_all({run.key for run in runs}))}
    if not found:
        reasons = "; ".join(dict.fromkeys(outcome.message for outcome in outcomes.values()))
        raise WorkerError(f"nothing could be measured: {reasons or 'no program was compiled'}")
    return found


def run_plan(
    plan: Plan,
    options: Options,
    listener: Listener = lambda progress: None,
    stop: StopSignal | None = None,
    lanes: Lanes | None = None,
) -> Mapping[str, Outcome]:
    """Train what is pending of a plan; every finished run is kept at once.

    Args:
        plan: the runs.
        options: how to train them.
        listener: hears of progress.
        stop: watched for a wish to stop.
        lanes: workers that `early_lanes` started; new ones by default.

    Raises:
        StudyError: a model comes in a file that is not trusted.
        StoreError: the results folder cannot be written.
    """
    check_trust(plan.study, plan.pending, trusted=options.trust_model)
    open_folder(plan)
    pending, folder = plan.pending, plan.study.source.resolve().parent
    keys = {planned.key for planned in plan.everything}
    left = len(pending) + len(models.keys(plan.store, "npz") & keys)
    if not left:
        return {}
    stop = stop or StopSignal()
    with nullcontext(lanes) if lanes else Lanes(min(options.jobs, left), left) as workers, stop.watched():
        keep = plan.study.save_models != "none"
        outcomes = scheduler.execute(
            pending, workers, plan.identity, plan.store, folder, options, listener, stop, keep_weights=keep
        )
        if not stop.level and options.overtime <= 0:
            notes = keep_networks(plan, workers, options, stop)
            if notes:
                listener(Progress.of_all(outcomes.values(), notes))
    return outcomes


def open_folder(plan: Plan) -> None:
    """Make the folder of a plan's results, or tidy it, and write into it what its runs are of.

    Raises:
        StoreError: it cannot be written.
    """
    plan.store.prepare()
    entries.set_damaged_aside(plan.store)
    plan.store.write("study.toml", document.write(plan.study.document()).encode())
    plan.store.write_identity(plan.identity)


def keep_networks(plan: Plan, workers: Lanes, options: Options, stop: StopSignal) -> tuple[str, ...]:
    """Turn the weights that are wanted of a plan's runs into Keras models, but for those that others are at.

    Returns:
        What could not be made and why.

    Raises:
        StudyError: a model comes in a file that is not trusted.
        StoreError: one could not be written.
    """
    with closing(Claims(plan.store.root)) as claims:
        wanted = [run for run in _wanted_models(plan) if claims.take(run.key)]
        there = models.keys(plan.store, "npz")  # others may have made some meanwhile
        wanted = [run for run in wanted if run.key in there]
        check_trust(plan.study, wanted, trusted=options.trust_model)
        folder = plan.study.source.resolve().parent
        return networks.save_models(wanted, workers, plan.identity, plan.store, folder, stop)


def check_trust(study: Study, runs: Iterable[PlannedRun], *, trusted: bool) -> None:
    """Refuse to load models from files that nobody said are trusted.

    Raises:
        StudyError: a run needs one.
    """
    try:
        if not trusted:
            model_files.check_trusted(run.treatment.settings for run in runs)
    except StudyError as error:
        raise study.error(error.problems) from None


def _wanted_models(plan: Plan) -> list[PlannedRun]:
    """The runs whose weights are to become models now; drops weights and models that are not wanted any more.

    Under `best`, those of the baseline and of the best treatment, once every run was tried.
    """
    kept = models.keys(plan.store, "npz")
    runs = {planned.key: planned for planned in plan.everything if planned.key in kept}
    if plan.study.save_models == "none":
        models.drop(plan.store, runs)
    if plan.study.save_models != "best" or not runs:
        return list(runs.values()) if plan.study.save_models == "all" else []
    wanted = {planned.key for planned in runs_of_the_best(plan)}
    if wanted:
        models.drop(plan.store, {planned.key for planned in plan.everything} - wanted)
    return [runs[key] for key in sorted(wanted & runs.keys())]


def runs_of_the_best(plan: Plan) -> list[PlannedRun]:
    """The runs of the baseline and of the best treatment; none before every run was tried."""
    content = snapshot.take(plan.study, plan.everything, plan.identity, plan.store)
    if {planned.key for planned in plan.everything} - content.records.keys() - content.failures.keys():
        return []
    from ablate.analysis.selection import winner

    best = {"baseline", winner(content.runs, plan.study.measured.score)}
    return [planned for planned in plan.everything if planned.treatment.name in best]
