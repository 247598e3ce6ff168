"""Results: what is there of a study, as tables, effects and a page."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import astuple, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.api import judging, tasks
from ablate.api.confirming import distinct_treatments
from ablate.api.current import study_now
from ablate.api.identifying import look_at
from ablate.api.plans import Plan, is_among_results, load, results_folder
from ablate.errors import EmptyResultsError, Problem, StoreError, StudyError
from ablate.results import confirmation, failed, snapshot
from ablate.results import identity as identities
from ablate.results.files import replace_file
from ablate.results.identity import Identity, PlannedRun
from ablate.results.snapshot import Snapshot
from ablate.results.store import Store
from ablate.settings import document
from ablate.settings.metrics import is_metric
from ablate.studies import design
from ablate.studies.spec import Study

if TYPE_CHECKING:
    import pandas as pd

    from ablate.report.findings import Findings
    from ablate.report.nightly.gate import Night


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
        if metric is not None and not is_metric(metric, self.snapshot.study.measured):
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

        from ablate.analysis.estimates import Estimate

        columns = ("treatment", "metric", "n", *(field.name for field in fields(Estimate)))
        lead = self.findings.lead(confirmed=True)
        if lead is None:
            return pd.DataFrame(columns=list(columns))
        row = (self.findings.winner, self.study.primary, lead.count, *astuple(lead.found))
        return pd.DataFrame([row], columns=list(columns))

    def report(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        template_dir: str | os.PathLike[str] | None = None,
    ) -> Path:
        """Write the page.

        Args:
            path: the HTML file; `report.html` in the study's folder by default.
            template_dir: a folder whose files take the place of single templates of the page.

        Returns:
            Where it was written.

        Raises:
            EmptyResultsError: no run is finished.
            AblateError: a template cannot be used.
        """
        if not self.snapshot.records:
            raise EmptyResultsError(f"no page without a finished run: {failed.why_nothing(self.snapshot, self.store)}")
        from ablate.report.page import html as page

        target = Path(path) if path is not None else self.store.root / "report.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        own = Path(template_dir) if template_dir is not None else None
        replace_file(target, page.render(self.findings, template_dir=own).encode())
        return target

    def check(
        self,
        baseline: str | os.PathLike[str] | judging.Stored | None = None,
        *,
        save_baseline: str | os.PathLike[str] | None = None,
        floor: float | None = None,
    ) -> "Night":
        """Whether something is wrong with these results; see `ablate.api.judging.check`."""
        return judging.check(self.findings, self.store.root, baseline, save_baseline=save_baseline, floor=floor)

    def _repr_html_(self) -> str:
        """What a notebook shows; see `ablate.report.inline`."""
        from ablate.report import inline

        return inline.render(self.findings)


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
    return _open(study, store, "" if config is not None or overrides else _changed_since(study, store.root))


def open_asked(
    folder: Path, config: str | os.PathLike[str] | None = None, *, out: str | os.PathLike[str] | None = None
) -> Results:
    """What is there of the study that a folder's user asks for now: by the study file, not as it was run last.

    Args:
        folder: of its results.
        config: the study file; by default the nearest one, if its results are in this folder.
        out: as in `open_results`.

    Raises:
        StudyError: the study file cannot be read.
        EmptyResultsError: the study was never run.
        StoreError: the results cannot be read.
    """
    if config is not None:
        return open_results(config, out=out)
    try:
        near = document.find(Path.cwd())
    except StudyError:
        return read_folder(folder)
    if results_folder(load(near), out).resolve() == folder.resolve():
        return open_results(near, out=out)
    return read_folder(folder)


def read_folder(folder: Path) -> Results:
    """What is there in the folder of a study's results, whatever it is called.

    Raises:
        StudyError: its study cannot be read.
        EmptyResultsError: the study was never run.
        StoreError: the results cannot be read.
    """
    return _open(_kept(Store(folder)), Store(folder))


def _no_results(store: Store) -> str:
    """That there are none, and what to do; a study that was renamed has left them beside their place."""
    others = [other.root.name for other in studies_in(store.root.parent) if other.root.name != store.root.name]
    message = f"no results in {store.root}; 'ablate run' makes them"
    if not others:
        return message
    named = f"{others[0]}{' and others' if len(others) > 1 else ''}"
    adopt = f"'ablate run --adopt {others[0]}' takes over what fits"
    return f"{message}. If the study was renamed: beside it are those of {named}; {adopt}"


def _kept(store: Store) -> Study:
    """The study as it was run last."""
    study = store.read_study()
    if study is None:
        raise EmptyResultsError(_no_results(store))
    return study


def _open(study: Study, store: Store, note: str = "") -> Results:
    """What a store holds of a study. A study among its results may be anybody's: nothing that it names is looked at."""
    identity = store.read_identity()
    if identity is None:
        raise EmptyResultsError(_no_results(store))
    study = tasks.as_kept(study, identity)
    treatments = design.treatments(study, design.MOST_RUNS_SHOWN)
    unknown = [each for each in treatments if not identity.covers(each.settings, study.seeds)]
    if unknown and is_among_results(study):
        message = f"identity.json does not go with study.toml in {store.root}"
        raise StoreError(f"{message}: {unknown[0].name} is not what was run; 'ablate run' writes both anew")
    if unknown:
        now = look_at(study, unknown, store.root.parent)
        data, code, origins, named = (
            {**getattr(identity, part), **getattr(now, part)} for part in ("data", "code", "origins", "files")
        )
        tokens = tuple(sorted({*identity.tokens, *now.tokens}))
        identity = Identity(identity.libraries, data, code, origins, named, tokens)
        settled = tasks.settled(study, identity, (treatment.settings for treatment in treatments))
        if settled is not study:
            study, identity = settled, tasks.named(identity, settled)
            treatments = design.treatments(study, design.MOST_RUNS_SHOWN)
    content = _read(study, identities.plan_runs(treatments, study.seeds, identity), identity, store)
    return Results(content, store, note)


def _changed_since(kept: Study, root: Path) -> str:
    """A note if the study file says something else now than the study that was run."""
    now = study_now(kept, root)
    if now is None or now.document() == kept.document():
        return ""
    return (
        f"this is the study as it was run last; {now.source} now says something else (-c {now.source.name} shows that)"
    )


def _study_of_results(
    config: str | os.PathLike[str] | None, overrides: list[str], out: str | os.PathLike[str] | None
) -> Study:
    if config is not None or overrides:
        return load(config, overrides)
    kept = studies_in(Path(out)) if out is not None else []
    if len(kept) == 1:
        return _kept(kept[0])
    try:
        folder = results_folder(load(), out)
    except StudyError:
        if len(kept) > 1:
            names = ", ".join(store.root.name for store in kept)
            raise StudyError(
                str(out), [Problem("", f"holds several studies ({names}); name one with --config")]
            ) from None
        raise
    return _kept(Store(folder))


def studies_in(folder: Path) -> list[Store]:
    """The folders of results in a folder, by their names."""
    found = (Store(path.parent) for path in sorted(folder.glob("*/study.toml")))
    return [store for store in found if store.has(store.root / "study.toml")]


def _read(study: Study, planned: Sequence[PlannedRun], identity: Identity, store: Store) -> Snapshot:
    """What a store holds of a study, with the confirmation of its best treatment if it was trained."""
    from ablate.analysis.selection import winner

    content = snapshot.take(study, planned, identity, store)
    best = winner(content.runs, content.study.measured.score)
    if best in (None, "baseline"):
        return content
    with suppress(StudyError):  # a study that goes on from another one cannot be confirmed
        known, fresh = confirmation.plan_recorded(study, distinct_treatments(planned), str(best), identity, store)
        confirmed = snapshot.take(study, fresh, known, store)
        if {"baseline", best} <= set(confirmed.runs["treatment"]):
            return replace(content, confirmation=confirmed)
    return content
