"""The library: load a study, run it, look at its results. The command line is a thin layer over this module."""

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import EmptyResultsError, Problem, StudyError, WorkerError
from ablate.execution import estimate, scheduler
from ablate.execution.estimate import Proposal, propose
from ablate.execution.local import Lanes
from ablate.execution.scheduler import Listener, Options, Progress, StopSignal
from ablate.execution.worker import Outcome
from ablate.results import confirmation, origins, snapshot
from ablate.results import identity as identities
from ablate.results.files import replace_file
from ablate.results.identity import DataFacts, Identity, PlannedRun
from ablate.results.record import Record
from ablate.results.snapshot import Snapshot
from ablate.results.store import Store
from ablate.study import code, design, document, sources, spec, splits
from ablate.study.design import DEFAULT_MAX_RUNS
from ablate.study.metrics import is_metric
from ablate.study.spec import Study
from ablate.study.structure import structure_name

if TYPE_CHECKING:
    import pandas as pd

    from ablate.report.findings import Findings

REPORTS = "reports"

__all__ = [
    "Outcome",
    "Plan",
    "Progress",
    "Proposal",
    "Results",
    "StopSignal",
    "Study",
    "load",
    "make_plan",
    "open_results",
    "probe",
    "propose",
    "run",
]


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
    def pending(self) -> list[PlannedRun]:
        """Selected runs without a record, each key once."""
        return list({run.key: run for run in self.selected if run.key not in self.done}.values())

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


class Results:
    """What is there of a study: tables, effects and the page.

    Args:
        content: the study, its records and failures at one moment.
        store: the folder they lie in.
        note: what a reader should know of the choice of study; may be empty.
    """

    def __init__(self, content: Snapshot, store: Store, note: str = "") -> None:
        self.snapshot = content
        self.store = store
        self.note = note

    @property
    def study(self) -> Study:
        """The study."""
        return self.snapshot.study

    @property
    def runs(self) -> "pd.DataFrame":
        """One row per finished or failed run; columns as in `ablate.results.table.runs_table`."""
        return self.snapshot.runs

    @property
    def histories(self) -> "pd.DataFrame":
        """One row per finished run and epoch; columns as in `ablate.results.table.histories_table`."""
        return self.snapshot.histories

    @cached_property
    def findings(self) -> "Findings":
        """What the analysis says; the page and `ablate status` read their figures here as well."""
        from ablate.report.findings import Findings

        return Findings(self.snapshot)

    def effects(self, metric: str | None = None) -> "pd.DataFrame":
        """The effect of every level against its factor's baseline; see `ablate.analysis.effects.effects`.

        Args:
            metric: a column of `runs`, or `epochs_to_<history column>_<threshold>`; the study's primary metric by
                default.

        Raises:
            ValueError: there is no such metric.
        """
        if metric is not None and not is_metric(metric):
            raise ValueError(f"no metric {metric!r}: a column of results.runs, or epochs_to_val_accuracy_0.9 and alike")
        return self.findings.effects(metric)

    def diagnosis(self) -> "pd.DataFrame":
        """How many runs of each treatment are overfit, underfit, ...; see `ablate.analysis.diagnosis`."""
        return self.findings.diagnosis

    def claims(self) -> "pd.DataFrame":
        """What the runs say of the study's claims, one row each; columns as in `ablate.analysis.claims.Judged`."""
        return self.findings.claims

    def confirmation(self) -> "pd.DataFrame":
        """What fresh seeds say of the best treatment: one row, or none before `ablate run --confirm`.

        Returns:
            Columns `treatment`, `metric`, `n`, `mean` (treatment minus baseline), `low`, `high`, `p`.
        """
        import pandas as pd

        found, count = self.findings.lead(confirmed=True)
        row = {"treatment": self.findings.winner, "metric": self.study.primary, "n": count, **asdict(found)}
        return pd.DataFrame([row] if count else [], columns=list(row))

    def report(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the page.

        Args:
            path: the HTML file; `report.html` in the study's folder by default.

        Returns:
            Where it was written.

        Raises:
            EmptyResultsError: no run is finished.
        """
        if not self.snapshot.records:
            raise EmptyResultsError(f"no finished runs in {self.store.root}; 'ablate run' trains them")
        from ablate.report import page

        target = Path(path) if path is not None else self.store.root / "report.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, page.render(self.findings).encode())
        return target

    def _repr_html_(self) -> str:
        """A summary for notebooks: how far the study is, and its effects."""
        total = len({run.key for run in self.snapshot.planned})
        head = f"<p><b>{self.study.name}</b>: {total - self.snapshot.missing} of {total} runs finished</p>"
        return head + (self.effects().to_html(index=False) if self.snapshot.records else "")


def load(path: str | os.PathLike[str] | None = None, overrides: Iterable[str] = ()) -> Study:
    """Read a study file.

    Args:
        path: the file; by default the nearest `ablations.toml` here or in a folder above.
        overrides: `dotted.key=value` texts that replace what the file says.

    Raises:
        StudyError: the file is missing or not a valid study; holds every problem found.
    """
    return spec.load(Path(path) if path is not None else document.find(Path.cwd()), overrides)


def results_folder(study: Study, out: str | os.PathLike[str] | None = None) -> Path:
    """The folder of a study's results: `DIR/<name>`, by default `reports/<name>` beside the study file.

    The study that `run` left among its results (`study.toml`) has them beside itself.
    """
    home = study.source.resolve().parent
    if out is None and study.source.name == "study.toml" and home.name == study.name:
        return home
    parent = Path(out) if out is not None else study.source.resolve().parent / REPORTS
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
    expansion = design.expand(study, max_runs)
    treatments = expansion.treatments
    chosen = {treatment.name for treatment in design.select(treatments, study, only)}
    if not chosen:
        message = f"no treatment of this {study.design} study has all of {', '.join(only)}"
        raise StudyError("--only", [Problem("", message)])
    store = Store(results_folder(study, out))
    identity = _identify(study, treatments, store.root.parent)
    everything = tuple(identities.plan_runs(treatments, study.seeds, identity))
    selected = tuple(planned for planned in everything if planned.treatment.name in chosen)
    done = store.load_all({planned.key for planned in selected})
    return Plan(study, identity, store, everything, selected, done, expansion.warnings)


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


def probe(plan: Plan, jobs: int, listener: Listener = lambda progress: None) -> estimate.Costs:
    """Train every program of the pending runs for a few epochs, and keep nothing but what that took.

    Args:
        plan: the runs.
        jobs: worker processes.
        listener: hears of progress.

    Raises:
        WorkerError: no program could be trained; says why.
    """
    treatments = [run.treatment for run in plan.pending]
    runs = estimate.trials(treatments, plan.study.seeds[0], plan.identity)
    if not runs:
        return plan.costs
    folder = plan.study.source.resolve().parent
    with tempfile.TemporaryDirectory(prefix="ablate-probe-") as kept, Lanes(min(jobs, len(runs)), len(runs)) as lanes:
        store = Store(Path(kept) / plan.study.name)
        store.prepare()
        outcomes = scheduler.execute(runs, lanes, plan.identity, store, folder, Options(jobs), listener)
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
        StoreError: the results folder cannot be written.
    """
    plan.store.prepare()
    plan.store.write("study.toml", document.write(plan.study.document()).encode())
    plan.store.write_identity(plan.identity)
    pending, folder = plan.pending, plan.study.source.resolve().parent
    keys = {planned.key for planned in plan.everything}
    left = len(pending) + len(plan.store.models("npz") & keys)
    if not left:
        return {}
    stop = stop or StopSignal()
    with nullcontext(lanes) if lanes else Lanes(min(options.jobs, left), left) as workers, stop.watched():
        keep = plan.study.save_models != "none"
        outcomes = scheduler.execute(
            pending, workers, plan.identity, plan.store, folder, options, listener, stop, keep_weights=keep
        )
        if not stop.level and options.overtime <= 0:
            wanted = _wanted_models(plan)
            scheduler.save_models(wanted, workers, plan.identity, plan.store, folder, stop)
    return outcomes


def _wanted_models(plan: Plan) -> list[PlannedRun]:
    """The runs whose weights are to become models now; drops weights and models that are not wanted any more.

    Under `best`, those of the baseline and of the best treatment, once every run was tried.
    """
    kept = plan.store.models("npz")
    runs = {planned.key: planned for planned in plan.everything if planned.key in kept}
    if plan.study.save_models == "none":
        plan.store.drop_models(runs)
    if plan.study.save_models != "best" or not runs:
        return list(runs.values()) if plan.study.save_models == "all" else []
    content = snapshot.take(plan.study, plan.everything, plan.identity, plan.store)
    keys = {planned.key for planned in plan.everything}
    if keys - content.records.keys() - content.failures.keys():
        return []  # some were not tried yet
    from ablate.analysis.selection import winner

    best = {"baseline", winner(content.runs)}
    wanted = {planned.key for planned in plan.everything if planned.treatment.name in best}
    plan.store.drop_models(keys - wanted)
    return [runs[key] for key in sorted(wanted & runs.keys())]


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
    best = winner(content.runs)
    if best is None:
        raise EmptyResultsError("--confirm: no treatment has enough finished runs to be the best one")
    if best == "baseline":
        return None
    identity, fresh = _fresh_runs(plan.study, plan.everything, best, plan.identity, plan.store)
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
        plan: what `plan_confirmation` returns.
        options: how to train.
        listener: hears of progress.
        stop: watched for a wish to stop.

    Raises:
        StoreError: the results folder cannot be written.
    """
    pending, folder = plan.pending, plan.study.source.resolve().parent
    if not pending:
        return {}
    stop = stop or StopSignal()
    with Lanes(min(options.jobs, len(pending)), len(pending)) as lanes, stop.watched():
        return scheduler.execute(pending, lanes, plan.identity, plan.store, folder, options, listener, stop)


def _fresh_runs(
    study: Study, planned: Sequence[PlannedRun], best: str, identity: Identity, store: Store
) -> tuple[Identity, list[PlannedRun]]:
    treatments = list({run.treatment.name: run.treatment for run in planned}.values())
    return confirmation.plan(study, treatments, best, identity, store.root.parent)


def _read(study: Study, planned: Sequence[PlannedRun], identity: Identity, store: Store) -> Snapshot:
    """What a store holds of a study, with the confirmation of its best treatment if it was trained."""
    from ablate.analysis.selection import winner

    content = snapshot.take(study, planned, identity, store)
    best = winner(content.runs)
    if best in (None, "baseline"):
        return content
    with suppress(StudyError):  # a study that goes on from another one cannot be confirmed
        known, fresh = _fresh_runs(study, planned, str(best), identity, store)
        confirmed = snapshot.take(study, fresh, known, store)
        return replace(content, confirmation=confirmed) if confirmed.records else content
    return content


def run(
    study: Study,
    *,
    jobs: int | None = None,
    out: str | os.PathLike[str] | None = None,
    only: Sequence[str] = (),
    max_runs: int = DEFAULT_MAX_RUNS,
    listener: Listener = lambda progress: None,
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

    Raises:
        StudyError: the data or `only` cannot be used.
        StoreError: the results folder cannot be written.
    """
    jobs = jobs or default_jobs()
    with early_lanes(study, jobs, out=out, max_runs=max_runs) as lanes:
        plan = make_plan(study, out=out, only=only, max_runs=max_runs)
        run_plan(plan, Options(jobs), listener, lanes=lanes)
    return read_results(plan)


def read_results(plan: Plan) -> Results:
    """What is there of a plan's study."""
    return Results(_read(plan.study, plan.everything, plan.identity, plan.store), plan.store)


def open_results(
    config: str | os.PathLike[str] | None = None,
    overrides: Iterable[str] = (),
    *,
    out: str | os.PathLike[str] | None = None,
) -> Results:
    """What is there of a study, without training anything.

    Args:
        config: a study file. Without it and without overrides, the study is the one that was run last.
        overrides: `dotted.key=value` texts.
        out: folder that holds the results of studies; one that holds a single study needs no `config`.

    Raises:
        StudyError: the study file cannot be read.
        EmptyResultsError: the study was never run.
        StoreError: the results cannot be read.
    """
    overrides = list(overrides)
    study = _study_of_results(config, overrides, out)
    store = Store(results_folder(study, out) if config is not None or overrides else study.source.parent)
    identity = store.read_identity()
    if identity is None:
        raise EmptyResultsError(f"no results in {store.root}; 'ablate run' makes them")
    treatments = design.treatments(study, max_runs=10**9)
    if not all(identity.covers(each.settings, study.seeds) for each in treatments):
        now = _identify(study, treatments, store.root.parent)
        parts = ({**getattr(identity, part), **getattr(now, part)} for part in ("data", "code", "origins"))
        identity = Identity(identity.libraries, *parts)
    content = _read(study, identities.plan_runs(treatments, study.seeds, identity), identity, store)
    return Results(content, store, "" if config is not None or overrides else _changed_since(study))


def default_jobs() -> int:
    """One worker per core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _changed_since(kept: Study) -> str:
    """A note if the study file at hand says something else than the study that was run."""
    try:
        now = load()
    except StudyError:
        return ""
    if now.name != kept.name or now.document() == kept.document():
        return ""
    return (
        f"this is the study as it was run last; {now.source} now says something else (-c {now.source.name} shows that)"
    )


def _study_of_results(
    config: str | os.PathLike[str] | None, overrides: list[str], out: str | os.PathLike[str] | None
) -> Study:
    if config is not None or overrides:
        return load(config, overrides)
    kept = sorted(Path(out).glob("*/study.toml")) if out is not None else []
    if len(kept) == 1:
        return spec.load(kept[0])
    try:
        folder = results_folder(load(), out)
    except StudyError:
        if len(kept) > 1:
            names = ", ".join(path.parent.name for path in kept)
            raise StudyError(
                str(out), [Problem("", f"holds several studies ({names}); name one with --config")]
            ) from None
        raise
    if not (folder / "study.toml").is_file():
        raise EmptyResultsError(f"no results in {folder}; 'ablate run' makes them")
    return spec.load(folder / "study.toml")


def _identify(study: Study, treatments: Sequence[design.Treatment], reports: Path) -> Identity:
    """Read a study's data sets, try its splits, look at its code, and keep what the plan needs to know of them."""
    import numpy as np

    facts: dict[str, DataFacts] = {}
    loaded: dict[str, sources.Dataset] = {}
    every = {treatment.settings.data.model_dump_json(): treatment.settings.data for treatment in treatments}
    for data in every.values():
        name = identities.data_name(data)
        try:
            if name not in loaded:
                loaded = {name: sources.load(data, study.source.resolve().parent)}  # one at a time in memory
            found = loaded[name]
            splits.split(found, data, study.seeds[0])  # sizes are the same for every seed
        except StudyError as error:
            raise study.error(error.problems) from None
        largest = float(np.bincount(found.y).max() / len(found.y))
        facts[name] = DataFacts(found.digest, len(found.x), found.x.shape[1], len(found.classes), largest)
    identity = Identity(identities.installed_libraries(), facts, _digest_code(study, treatments))
    return replace(identity, origins=origins.find(study, treatments, identity, reports))


def _digest_code(study: Study, treatments: Iterable[design.Treatment]) -> dict[str, str]:
    folder = study.source.resolve().parent
    named = {reference: key for treatment in treatments for reference, key in treatment.settings.code.items()}
    try:
        return {reference: code.digest(reference, folder, key) for reference, key in named.items()}
    except StudyError as error:
        raise study.error(error.problems) from None
