"""The report: one self-contained HTML file, the same bytes for the same records."""

import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from ablate.report import answers, held_out, redaction, verdict, wording
from ablate.report.figures import (
    calibration,
    confusion,
    curves,
    distributions,
    errors,
    gap,
    interactions,
    predicted,
    train_test,
)
from ablate.report.figures import effects as effects_figure
from ablate.report.figures.canvas import Picture
from ablate.report.findings import Findings
from ablate.report.page import details, glossary, sections, tables
from ablate.report.page.templates import Templates
from ablate.report.page.words import Words, words_of
from ablate.results import embedded
from ablate.results.record import Record
from ablate.settings.metrics import SIDES, describe, is_share
from ablate.version import __version__


@dataclass(frozen=True)
class Distributions:
    """Histograms of weights or of activations, with their numbers."""

    picture: Picture
    rows: tuple[tables.LayerRow, ...]


@dataclass(frozen=True)
class Classes:
    """What networks answer to the test set, in sentences, figures and numbers."""

    words: tuple[str, ...]
    confusion: Picture | None
    rows: tuple[held_out.ClassRow, ...]
    calibration: Picture | None
    bins: tuple[held_out.BinRow, ...]


@dataclass(frozen=True)
class Page:
    """Everything the templates lay out; figures are `None` where there is nothing to draw.

    Attributes:
        metric, unit: of the effects, as text.
        words: what fixed sentences and headings say.
        predicted: predicted against true numbers, of a regression.
        effects_note, distributions_note: what the design or the choice of treatments leaves out; may be empty.
        failure_count: of failed and diverged runs; `failures` holds the first of them.
        run_count: of finished and failed runs; `runs` holds the first of them.
        details: what the script shows of them on demand, for JSON.
        embedded: what can be downloaded and extracted, as JSON documents by name.
    """

    header: sections.Header
    verdict: verdict.Verdict
    metric: str
    unit: str
    claims: tuple[answers.ClaimRow, ...]
    failures: tuple[sections.Trouble, ...]
    failure_count: int
    treatments: tuple[tables.TreatmentRow, ...]
    effects: tuple[tables.EffectRow, ...]
    effects_note: str
    effects_picture: Picture | None
    other_metrics: answers.Matrix | None
    medians: tuple[answers.Medians, ...]
    combinations: tuple[answers.Listing, ...]
    moved: tuple[str, ...]
    thresholds_note: str
    interactions: Picture | None
    words: Words
    classes: Classes | None
    accuracy_gap: Picture | None
    train_test: Picture | None
    predicted: Picture | None
    gap_effects: Picture | None
    gaps: tuple[tables.EffectRow, ...]
    curves: tuple[Picture, ...]
    curve_epochs: tuple[int, ...]
    curve_rows: tuple[tables.CurveRow, ...]
    distributions: tuple[Distributions, ...]
    distributions_note: str
    layer_notes: tuple[str, ...]
    runs: tuple[tables.RunRow, ...]
    run_count: int
    details: dict[str, Any]
    glossary: tuple[glossary.Term, ...]
    provenance: tuple[tuple[str, str], ...]
    study_text: str
    embedded: dict[str, dict[str, Any]]
    version: str


def render(findings: Findings, *, command: str | None = None, template_dir: Path | None = None) -> str:
    """The page as HTML text.

    Args:
        findings: what the analysis says of the study.
        command: the command line that trained it, to be shown.
        template_dir: a folder whose files take the place of single templates; see `templates.Templates`.

    Raises:
        AblateError: a template of the user's cannot be used.
    """
    templates = Templates(template_dir)
    css, script = templates.text("report.css"), templates.text("report.js")
    return templates.render(
        page=contents(findings, command),
        css=Markup(css),  # noqa: S704 - a file of the page's own, nothing of the study in it
        script=Markup(script),  # noqa: S704 - likewise
        policy=policy(css, script),
    )


def contents(findings: Findings, command: str | None = None) -> Page:
    """What the page says and shows, as plain values, without the home folders that the study names."""
    clean = redaction.without_homes(findings.snapshot)
    findings = findings if clean is findings.snapshot else Findings(clean)
    snapshot, levels, ok = findings.snapshot, findings.levels, findings.ok
    runs, histories = snapshot.runs, snapshot.histories
    primary, score = snapshot.study.primary, snapshot.study.measured.score
    accurate = _measurable(ok, score)
    effects, counts = findings.effects(), findings.diagnosis
    answer = verdict.verdict(findings)
    failures = sections.troubles(snapshot)
    together = findings.interactions
    drawn = distributions.worth_showing(ok, set(findings.layers["treatment"]))
    epochs = {run.treatment.name: run.treatment.settings.training.epochs for run in snapshot.planned}
    content = embedded.content(snapshot)
    drawn_histories = histories[histories["run"].isin(accurate["run"])]
    return Page(
        header=sections.header(snapshot),
        verdict=answer,
        metric=wording.metric_name(primary),
        unit=wording.unit(primary),
        claims=tuple(answers.claim_rows(findings.claims)),
        failures=tuple(failures[: sections.MOST_FAILURES]),
        failure_count=len(failures),
        treatments=tuple(tables.treatment_rows(runs, counts, answer.best, score)),
        effects=tuple(tables.effect_rows(effects)),
        effects_note=sections.effects_note(snapshot.study),
        effects_picture=_effects_picture(findings, primary),
        other_metrics=answers.other_metrics(findings),
        medians=tuple(answers.medians(findings)),
        combinations=_combinations(findings) if levels else (),
        moved=tuple(answers.moved(findings)),
        thresholds_note=answers.thresholds_note(findings),
        interactions=interactions.figure(together) if isinstance(together, pd.DataFrame) and len(together) else None,
        words=words_of(snapshot.study.measured),
        classes=_classes(findings),
        accuracy_gap=gap.figure(accurate, score),
        train_test=_train_test(accurate, answer.best, score),
        predicted=predicted.figure(_records_of(findings, ["baseline", answer.best])),
        gap_effects=_effects_picture(findings, "gap") if primary != "gap" else None,
        gaps=tuple(tables.effect_rows(findings.effects("gap"))),
        curves=tuple(curves.learning_curves(drawn_histories, accurate, epochs, score)) if len(accurate) else (),
        curve_epochs=tuple(tables.curve_epochs(drawn_histories)) if len(accurate) else (),
        curve_rows=tuple(tables.curve_rows(drawn_histories, accurate, score)) if len(accurate) else (),
        distributions=tuple(_distributions(findings, drawn)),
        distributions_note=sections.distributions_note(drawn, ok),
        layer_notes=tuple(answers.layer_notes(findings)),
        runs=tuple(tables.run_rows(runs.head(tables.MOST_RUNS), histories, findings.diagnosed, score)),
        run_count=len(runs),
        details=details.document(snapshot, runs["treatment"].head(tables.MOST_RUNS)),
        glossary=tuple(glossary.terms(levels, snapshot.study.thresholds, snapshot.study.measured)),
        provenance=tuple(sections.provenance(snapshot, command)),
        study_text=content["study"]["study"],
        embedded=content,
        version=__version__,
    )


def _measurable(runs: pd.DataFrame, score: str) -> pd.DataFrame:
    """The runs whose scores can have been measured; axes are made for these."""
    found, columns = describe(score), runs[[f"{side}_{score}" for side in SIDES]]
    low = -math.inf if found.low is None else found.low
    high = math.inf if found.high is None else found.high
    return runs[columns.notna().all(axis=1) & columns.ge(low).all(axis=1) & columns.le(high).all(axis=1)]


def _train_test(runs: pd.DataFrame, best: str | None, score: str) -> Picture | None:
    if runs.empty:
        return None
    drawn = train_test.figure if is_share(f"val_{score}") else errors.train_against_test
    return drawn(runs, best, score)


def _records_of(findings: Findings, names: Sequence[str | None]) -> dict[str, list[Record]]:
    """The usable runs of some treatments, by name; each treatment once."""
    runs, records = findings.ok, findings.snapshot.records
    return {
        name: [records[key] for key in runs.loc[runs["treatment"] == name, "run"]]
        for name in dict.fromkeys(names)
        if name is not None
    }


def _classes(findings: Findings) -> Classes | None:
    """What the networks answer to the test set; `None` where the records say nothing of it."""
    study = findings.snapshot.study
    every = held_out.collect(findings.snapshot, findings.winner) if study.measured.task == "classification" else []
    if not every:
        return None
    with_matrix = [answers for answers in every if answers.classes]
    sure = [answers for answers in every if answers.calibration.size]
    asked = {"ece", "brier"} & set(study.measured.metrics)
    positive = study.base.data.positive
    return Classes(
        tuple(held_out.in_words(every, positive)),
        confusion.figure(with_matrix) if with_matrix else None,
        tuple(held_out.class_rows(with_matrix)),
        calibration.figure(sure) if sure and asked else None,
        tuple(held_out.bin_rows(sure)),
    )


def _combinations(findings: Findings) -> tuple[answers.Listing, ...]:
    """What remedies do together; nothing where the design cannot tell. Of a grid that is not complete yet, why."""
    found = tuple(answers.combinations(findings))
    is_grid = findings.snapshot.study.design == "grid"
    return found if is_grid or any(listing.rows for listing in found) else ()


def _effects_picture(findings: Findings, metric: str) -> Picture | None:
    """The figure of the effects on a metric; `None` while no level has a pair of finished runs."""
    effects = findings.effects(metric)
    if not effects["n"].sum():
        return None
    name = "effects" if metric == findings.snapshot.study.primary else f"effects-{metric}"
    return effects_figure.figure(effects, findings.differences(metric), name)


def policy(css: str, script: str) -> str:
    """A content security policy that allows this style sheet, this script, and no request to anywhere."""
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (css, script)
    )
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _distributions(findings: Findings, drawn: Sequence[str]) -> list[Distributions]:
    """Figures of some treatments, and numbers of more."""
    snapshot, ok = findings.snapshot, findings.ok
    listed = list(dict.fromkeys([*drawn, *ok["treatment"]]))[: distributions.MOST_LISTED]
    models = [run.treatment.settings.model for run in snapshot.planned]
    activations = {
        model.activation if model.hidden else "" for model in models
    }  # a model of one's own may have several
    found = []
    kinds: tuple[distributions.Kind, ...] = ("weights", "activations")
    for kind in kinds:
        panels = distributions.collect(snapshot.records, ok, listed, kind)
        if panels:
            shown = [panel for panel in panels if panel.treatment in drawn]
            picture = distributions.figure(shown, kind, next(iter(activations)) if len(activations) == 1 else "")
            found.append(Distributions(picture, tuple(tables.layer_rows(panels))))
    return found
