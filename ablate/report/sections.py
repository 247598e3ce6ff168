"""The page's words: what was run, the verdict, what failed, what it was run with."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ablate.analysis.estimates import FEWEST_SEEDS, estimate_mean, largest_of_equals
from ablate.report import answers, wording
from ablate.report.findings import Findings
from ablate.results.snapshot import Snapshot
from ablate.study import document
from ablate.study.metrics import lower_is_better
from ablate.study.spec import Study

MOST_FAILURES = 20
LOG_LINES = 30
MOST_ENVIRONMENTS = 5  # different texts of one kind
_NOT_SHOWN = {"process", "programs_compiled", "finished"}
GROUPS = (
    ("helps", "▲", "Helps"),
    ("hurts", "▼", "Hurts"),
    ("undecided", "●", "Undecided"),
    ("exploratory", "◆", "Exploratory"),
    ("inert", "■", "Inert"),
    ("coverage only", "⬢", "Coverage only"),
)
GROUP_NOTES = {
    "helps": "",
    "hurts": "",
    "undecided": "The interval or the adjusted test leaves both directions open. That is not evidence of no effect.",
    "exploratory": "Fewer than 5 replicates: a hint of what to look at, not a finding.",
    "inert": "Every pair of runs came out equal.",
    "coverage only": "A pairwise design tries every pair of levels; it is too thin to tell effects from each other.",
}


@dataclass(frozen=True)
class Header:
    """What was run.

    Attributes:
        name: the study's.
        facts: label and text.
        warnings: what a reader must know before believing a number.
    """

    name: str
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """The level of a factor and what it does, as text; `short` is its size alone, where that is clear of zero."""

    level: str
    text: str
    short: str


@dataclass(frozen=True)
class Group:
    """Findings with one verdict; `symbol` is the figures' mark for it."""

    verdict: str
    symbol: str
    title: str
    note: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Verdict:
    """The study's answer.

    Attributes:
        best: name of the treatment with the best mean validation accuracy; `None` without a finished run.
        headline: what it brings, in one sentence that follows its name.
        sure: how sure that is, in one sentence.
        paragraphs: how it was chosen and what it scores, what that is worth, what is wrong with the baseline, and
            which remedies depend on their company.
        groups: the levels by verdict, empty ones left out.
    """

    best: str | None
    headline: str
    sure: str
    paragraphs: tuple[str, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Trouble:
    """A run without usable numbers."""

    treatment: str
    seed: int
    status: str
    reason: str
    log: str


def header(snapshot: Snapshot) -> Header:
    """What was run, and how much of the plan is there."""
    study, runs = snapshot.study, snapshot.runs
    base = study.base
    finished = int((runs["status"] != "failed").sum())
    planned = len(snapshot.planned)
    treatments = len({run.treatment.name for run in snapshot.planned})
    varied = {".".join(part.path) for factor in study.factors for part in factor.parts}
    optional = [
        ("batch size", str(base.training.batch_size)),
        ("trainer", ", ".join(sorted(set(runs["trainer"].dropna().astype(str)))) or "–"),
    ]
    replicates = wording.plural(len(study.seeds), "replicate")
    network = " → ".join(str(units) for units in base.model.hidden)
    facts = [
        ("data", _data(snapshot)),
        ("network", f"dense {network}, {base.model.activation}" + _varies(varied, "model")),
        ("epochs", f"{base.training.epochs}" + _varies(varied, "training")),
        (
            "design",
            f"{wording.plural(treatments, 'treatment')} × {replicates}, {study.design}",
        ),
        ("runs", f"{planned} of {planned}" if finished == planned else f"{finished} of {planned} finished"),
        *optional,
    ]
    return Header(study.name, tuple(facts), tuple(_warnings(snapshot, finished, planned)))


def verdict(findings: Findings) -> Verdict:
    """The study's answer in plain words."""
    snapshot, best, effects = findings.snapshot, findings.winner, findings.effects()
    groups = []
    for name, symbol, title in GROUPS:
        rows: list[dict[Any, Any]] = effects[effects["verdict"] == name].to_dict("records")
        rows.sort(key=lambda row: -abs(row["mean"]) if math.isfinite(row["mean"]) else 0.0)
        say = {"undecided": wording.undecided, "inert": wording.inert}.get(name, wording.effect)
        found = tuple(
            Finding(
                f"{row['factor']} = {row['level']}",
                say(row),
                wording.signed(row["mean"], row["metric"]) if name in ("helps", "hurts") else "",
            )
            for row in rows
        )
        if found:
            groups.append(Group(name, symbol, title, GROUP_NOTES[name], found))
    counts = findings.diagnosis
    diagnosis = " ".join(filter(None, (_baseline(counts), _unfinished(counts))))
    paragraphs = (_selection(snapshot, best), _curse(findings), diagnosis, answers.dependence(findings))
    return Verdict(
        best,
        _headline(findings),
        " ".join(filter(None, (_sureness(findings), _confirmation(findings), _runner_up(findings.ok, best)))),
        tuple(filter(None, paragraphs)),
        tuple(groups),
    )


def _headline(findings: Findings) -> str:
    """What the winner brings, as the end of a sentence that its name begins."""
    primary = findings.snapshot.study.primary
    if findings.winner is None:
        return "No treatment has enough finished runs to name a best one."
    if findings.winner == "baseline":
        return "is best as it is: no other treatment does better on validation."
    found, count = findings.lead()
    if not count:
        return "does best on validation; the baseline has no finished run to compare it with."
    size = f"{wording.signed(found.mean, primary)} {wording.unit(primary)}".strip()
    return f"does best on validation: {size} in {wording.metric_name(primary)} against the baseline."


def _sureness(findings: Findings) -> str:
    """How sure the winner's lead over the baseline is."""
    found, count = findings.lead()
    if findings.winner in (None, "baseline") or not count:
        return ""
    replicates = wording.plural(count, "replicate")
    if count < FEWEST_SEEDS:
        return f"Not sure at all: {replicates}, and it takes {FEWEST_SEEDS} for a verdict."
    primary = findings.snapshot.study.primary
    interval = f"95% interval {wording.interval(found.low, found.high, primary)}, {replicates}"
    better = found.high < 0 if lower_is_better(primary) else found.low > 0
    said = "The lead is clear of zero" if better else "The lead is not sure: its interval does not stay clear of zero"
    fresh = "" if findings.snapshot.confirmation else " Fresh seeds have not confirmed it yet."
    return f"{said} ({interval}).{fresh}"


def _curse(findings: Findings) -> str:
    """What the winner's lead owes to its being chosen."""
    treatments = findings.snapshot.runs["treatment"].nunique()
    if findings.winner in (None, "baseline") or not findings.lead()[1]:
        return ""
    luck = wording.number(largest_of_equals(treatments), 1)
    text = (
        f"It was chosen as the best of {treatments}, and the best of {treatments} equal treatments looks {luck} "
        "standard errors better than it is (the winner's curse)"
    )
    confirmed = findings.snapshot.confirmation is not None
    return f"{text}." if confirmed else f"{text}: 'ablate run --confirm' trains both anew, with fresh seeds."


def _confirmation(findings: Findings) -> str:
    """What fresh seeds say of the winner."""
    found, count = findings.lead(confirmed=True)
    if not count:
        return ""
    primary = findings.snapshot.study.primary
    better = -found.mean if lower_is_better(primary) else found.mean
    clear = found.low > 0 or found.high < 0
    said = ("confirms its lead" if better > 0 else "turns its lead around") if clear else "leaves its lead open"
    difference = wording.difference(found.mean, found.low, found.high, primary, count)
    return f"On fresh seeds, which chose nothing, the difference is {difference}: that {said}."


def effects_note(study: Study) -> str:
    """What the effects of a design are averages of, and what they leave open."""
    tuned = any(part.name == "optimizer" for factor in study.factors for part in factor.parts)
    rates = " Optimizers are compared at the learning rates given; at others their order may change." if tuned else ""
    return _design_note(study.design) + rates


def _design_note(design: str) -> str:
    match design:
        case "grid":
            return (
                "Every effect is an average over the levels of the other factors. Whether it depends on them is shown "
                "under Combinations."
            )
        case "leave-one-out":
            return "Every level is compared with its factor's baseline while all other factors are on."
        case "pairwise":
            return (
                "Coverage only: the treatments hold every pair of levels at least once. They show what breaks; few of "
                "them differ in one factor alone, and neither effects nor interactions can be told from them."
            )
        case "listed":
            return "Levels are compared where two of the listed treatments differ in nothing else."
        case _:
            return "Every level is compared with the baseline alone; combinations of levels were not trained."


def distributions_note(shown: Sequence[str], runs: pd.DataFrame) -> str:
    """Which treatments' distributions are shown, where not all are, and how batch normalization begins."""
    count = runs["treatment"].nunique()
    notes = [f"Shown: {len(shown)} of {count} treatments ({', '.join(shown)})."] if len(shown) < count else []
    if any("batch_norm" in name for name in shown):
        notes.append(
            "Batch normalization begins with statistics of mean 0 and variance 1, so at initialization it passes "
            "activations on as they are."
        )
    return " ".join(notes)


def troubles(snapshot: Snapshot) -> list[Trouble]:
    """Failed runs first, then diverged ones, in the order of the plan."""
    found = []
    for row in snapshot.runs.to_dict("records"):
        if row["status"] == "failed":
            failure = snapshot.failures[row["run"]]
            log = "\n".join(failure.log.splitlines()[-LOG_LINES:])
            found.append(Trouble(row["treatment"], row["seed"], "failed", failure.reason, log))
        elif row["status"] == "diverged":
            reason = f"a loss was no longer finite after epoch {row['stopped_epoch']}"
            found.append(Trouble(row["treatment"], row["seed"], "diverged", reason, ""))
    return sorted(found, key=lambda trouble: trouble.status == "diverged")


def provenance(snapshot: Snapshot, command: str | None) -> list[tuple[str, str]]:
    """Where the numbers come from, as label and text."""
    records = [snapshot.records[key] for key in dict.fromkeys(snapshot.runs["run"]) if key in snapshot.records]
    seen: dict[str, list[str]] = {"command": [command] if command else []}
    for record in records:
        for key, entry in record.environment.items():
            text = _environment_text(entry)
            if key not in _NOT_SHOWN and text not in seen.setdefault(key, []):
                seen[key].append(text)
    pairs = [(key.replace("_", " "), _several(sorted(texts))) for key, texts in seen.items() if texts]
    data = [
        f"{facts.rows:,} rows, {facts.features:,} features, {facts.classes} classes, SHA-256 {facts.digest}"
        for facts in snapshot.identity.data.values()
    ]
    code = [f"{reference}, SHA-256 {digest}" for reference, digest in snapshot.identity.code.items()]
    pairs += [(label, "; ".join(texts)) for label, texts in (("data", data), ("code", code)) if texts]
    seconds = sum(record.seconds["total"] for record in records)
    pairs.append(("training time", f"{seconds:,.1f} s in {wording.plural(len(records), 'run')}, all workers together"))
    finished = sorted(str(record.environment["finished"]) for record in records if "finished" in record.environment)
    if finished:
        pairs.append(("finished", f"{finished[0]} (first run) to {finished[-1]} (last)"))
    return pairs


def _several(texts: Sequence[str]) -> str:
    more = len(texts) - MOST_ENVIRONMENTS
    return "; ".join(texts[:MOST_ENVIRONMENTS]) + (f"; and {more} more" if more > 0 else "")


def study_text(snapshot: Snapshot) -> str:
    """The resolved study file."""
    return document.write(snapshot.study.document())


def _data(snapshot: Snapshot) -> str:
    sources = dict.fromkeys(run.treatment.settings.data.source for run in snapshot.planned)
    text = ", ".join(sources)
    if len(snapshot.identity.data) == 1:
        (facts,) = snapshot.identity.data.values()
        text += f" ({facts.rows:,} rows, {facts.features:,} features, {facts.classes} classes)"
    data = snapshot.study.base.data
    part = f"a subset of {data.train_size:,}" if data.train_size else "the training part"
    return f"{text}; validation: " + (
        "the test set" if data.validation == "test" else f"{data.validation:.0%} of {part}"
    )


def _varies(varied: Iterable[str], section: str) -> str:
    names = sorted(path.partition(".")[2] for path in varied if path.startswith(f"{section}."))
    return f" (baseline; {', '.join(names)} varied)" if names else ""


def _warnings(snapshot: Snapshot, finished: int, planned: int) -> Iterable[str]:
    if any(run.treatment.settings.data.validation == "test" for run in snapshot.planned):
        yield (
            'Validated on the test set (validation = "test"). The test set chose among epochs and treatments, so '
            "every test figure on this page is optimistic."
        )
    if not finished:
        yield "No run has finished yet; there is nothing to compare."
    elif finished < planned:
        yield f"A part of the study: {finished} of {planned} runs. Figures and verdicts will change with the rest."
    if len(snapshot.study.seeds) < 5:
        yield (
            f"Only {wording.plural(len(snapshot.study.seeds), 'replicate')} per treatment: "
            "effects are exploratory; 5 or more are needed for a verdict."
        )


def _selection(snapshot: Snapshot, best: str | None) -> str:
    runs = snapshot.runs[snapshot.runs["status"] == "ok"]
    if best is None:
        return ""
    own = runs[runs["treatment"] == best]
    score = wording.spread(float(own["test_accuracy"].mean()), float(own["test_accuracy"].std(ddof=1)), "test_accuracy")
    text = (
        f"It has the highest mean validation accuracy, {wording.percent(float(own['val_accuracy'].mean()))} %. "
        f"Chosen by that, its test accuracy is {score} %"
    )
    text += f" (mean ± standard deviation over {len(own)} replicates)" if len(own) > 1 else " (a single run)"
    base = runs.loc[runs["treatment"] == "baseline", "test_accuracy"]
    if set(runs["treatment"]) == {best}:
        return f"{text}. No other treatment has finished runs to compare it with."
    if best == "baseline":
        return f"{text}."
    if len(base):
        text += f"; the baseline's is {wording.percent(float(base.mean()))} %"
    return f"{text}."


def _runner_up(runs: pd.DataFrame, best: str | None) -> str:
    """The next best treatment, where the replicates do not tell it from the best one."""
    if best in (None, "baseline") or set(runs["treatment"]) == {best}:
        return ""
    by_seed = runs.pivot_table(index="seed", columns="treatment", values="val_accuracy", sort=False)
    rest = by_seed.drop(columns=best).mean()
    second = str(rest.idxmax())
    difference = estimate_mean((by_seed[best] - by_seed[second]).dropna().to_numpy(dtype=np.float64))
    if difference.low > 0:
        return ""
    return (
        f"{second} is close behind ({wording.percent(float(rest[second]))} against "
        f"{wording.percent(float(by_seed[best].mean()))} % on validation): the replicates do not tell the two apart."
    )


def _baseline(counts: pd.DataFrame) -> str:
    own = counts[counts["treatment"] == "baseline"].to_dict("records")
    if not own:
        return "The baseline has no finished run yet."
    first = own[0]
    share = f"{first['runs']} of {wording.plural(first['of'], 'run')}"
    text = f"The baseline is diagnosed “{first['diagnosis']}” in {share}"
    rest = [f"{row['diagnosis']} in {row['runs']}" for row in own[1:]]
    text += f" ({', '.join(rest)})" if rest else ""
    return f"{text}: {wording.DIAGNOSIS_MEANING[first['diagnosis']]}."


def _unfinished(counts: pd.DataFrame) -> str:
    """That most treatments were still learning, where they were."""
    first = counts.drop_duplicates("treatment")
    improving = int((first["diagnosis"] == "still improving").sum())
    if improving * 2 <= len(first):
        return ""
    return (
        f"{improving} of {wording.plural(len(first), 'treatment')} were still improving when training ended: "
        "what follows compares them at this number of epochs, and more epochs may change it."
    )


def _environment_text(entry: Any) -> str:
    if isinstance(entry, Mapping):
        return ", ".join(f"{key} {value:,}" for key, value in entry.items())
    return ", ".join(map(str, entry)) if isinstance(entry, Sequence) and not isinstance(entry, str) else str(entry)
