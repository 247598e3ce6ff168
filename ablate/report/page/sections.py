"""The page's words: what was run, what effects are averages of, what failed, what it was run with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ablate.analysis.estimates import FEWEST_SEEDS
from ablate.report import wording
from ablate.results import kept
from ablate.results.identity import DataFacts, facts_by_source
from ablate.results.record import KEPT_EPOCH, MOMENTUM, PUT_IN, SCALING
from ablate.results.snapshot import Snapshot
from ablate.studies.spec import Study
from ablate.tables.targets import Task

MOST_FAILURES = 20
LOG_LINES = 30
MOST_ENVIRONMENTS = 5  # different texts of one kind
SHARED_TO_MENTION = 0.01  # of the test set; less is named where the data is described
_NOT_SHOWN = {"process", "programs_compiled", "finished", KEPT_EPOCH, MOMENTUM, PUT_IN}
_LABEL: dict[Task, str] = {"classification": "classes", "regression": "target"}
_BY_HEART: dict[Task, str] = {
    "classification": "At most that much of the test accuracy can come from knowing them by heart.",
    "regression": "For these the test shows what a network knows by heart.",
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
    facts = [
        ("data", _data(snapshot)),
        *_read(snapshot),
        *_unit(study),
        *_largest_class(snapshot),
        ("network", base.model.title + _varies(varied, "model")),
        *_put_in(snapshot),
        ("epochs", f"{base.training.epochs}" + _varies(varied, "training")),
        (
            "design",
            f"{wording.plural(treatments, 'treatment')} × {replicates}, {study.design}",
        ),
        ("runs", f"{planned} of {planned}" if finished == planned else f"{finished} of {planned} finished"),
        *optional,
    ]
    return Header(study.name, tuple(facts), tuple(_warnings(snapshot, finished, planned)))


def effects_note(study: Study) -> str:
    """What the effects of a design are averages of, and what they leave open."""
    tuned = any(part.name == "optimizer" for factor in study.factors for part in factor.parts)
    rates = " Optimizers are compared at the learning rates given; at others their order may change." if tuned else ""
    more = (
        " Where includes make further pairs that differ in a level alone, an effect is the mean over all of them."
        if study.includes and study.design in ("one-at-a-time", "leave-one-out")
        else ""
    )
    return _design_note(study) + more + rates


def _design_note(study: Study) -> str:
    match study.design:
        case "grid":
            return (
                "Every effect is an average over the levels of the other factors. Whether it depends on them is shown "
                "under Combinations."
            )
        case "leave-one-out" if len(study.factors) == 2:
            return (
                "With two factors a leave-one-out study is a full grid: every effect is an average over both levels of "
                "the other factor. Combinations has each by itself."
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
            return (
                "Every level is compared with its factor's baseline while all other factors are at theirs. What levels "
                'do together, a study with design = "grid" tells.'
            )


def distributions_note(shown: Sequence[str], runs: pd.DataFrame) -> str:
    """Which treatments' distributions are shown, where not all are, and how batch normalization begins."""
    count = runs["treatment"].nunique()
    left = f"Drawn: {len(shown)} of {count} treatments ({', '.join(shown)}); the numbers have some more."
    notes = [left] if len(shown) < count else []
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
        f"{facts.rows:,} rows, {facts.features:,} features, {_learned(facts)}, SHA-256 {facts.digest}"
        + (f"; {facts.leak}" if facts.leak else "")
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


def _data(snapshot: Snapshot) -> str:
    sources = dict.fromkeys(run.treatment.settings.data.source for run in snapshot.planned)
    text = ", ".join(sources)
    if len(snapshot.identity.data) == 1:
        (facts,) = snapshot.identity.data.values()
        scaling = f", {_scaling(snapshot, facts.scaling)}" if facts.scaling else ""
        text += f" ({facts.rows:,} rows, {facts.features:,} features{scaling}, {_learned(facts)})"
    data = snapshot.study.base.data
    part = f"a subset of {data.train_size:,}" if data.train_size else "the training part"
    return f"{text}; validation: " + (
        "the test set" if data.validation == "test" else f"{data.validation:.0%} of {part}"
    )


def _learned(facts: DataFacts) -> str:
    """What is learned of a data set."""
    return f"{facts.classes} classes" if facts.task == "classification" else "a number to predict"


def _scaling(snapshot: Snapshot, planned: str) -> str:
    """How features were scaled, as records say it: a network that looks them up takes them as they are."""
    said = [str(record.environment[SCALING]) for record in snapshot.records.values() if SCALING in record.environment]
    return _several(list(dict.fromkeys(said))) or planned


def _put_in(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Where remedies went in a network that was written without them, as records say it, one line a remedy."""
    found: dict[str, dict[str, None]] = {}
    for record in snapshot.records.values():
        placed = record.environment.get(PUT_IN)
        for remedy, text in placed.items() if isinstance(placed, Mapping) else ():
            found.setdefault(str(remedy), {})[str(text)] = None
    return [(f"{remedy} in", _several(list(texts))) for remedy, texts in found.items()]


def _read(snapshot: Snapshot) -> list[tuple[str, str]]:
    """What was read, in three lines for every data set; none where an older version read it."""
    known = facts_by_source((run.treatment.settings for run in snapshot.planned), snapshot.identity)
    return [
        (label, f"{source}: {line}" if len(known) > 1 else line)
        for source, facts in known.items()
        for label, line in zip(("rows", _LABEL[facts.task], "columns"), facts.summary, strict=False)
    ]


def _unit(study: Study) -> list[tuple[str, str]]:
    """What the figures of a regression are in."""
    if study.measured.task == "classification":
        return []
    label = study.base.data.label
    target = f'of the target, "{label}"' if label else "of the target"
    varied = any(part.name == "training.loss" for factor in study.factors for part in factor.parts)
    of_one = "the same" if study.base.loss == "mae" else "its square"
    loss = "its square, or the same with mae" if varied else of_one
    return [("unit", f"errors and gaps are in the unit {target}; losses in {loss}; R² has none")]


def _largest_class(snapshot: Snapshot) -> list[tuple[str, str]]:
    """What guessing achieves, which accuracies are to be held against; nothing where numbers are predicted."""
    facts = [each for each in snapshot.identity.data.values() if each.task == "classification"]
    shares = sorted({each.largest_class for each in facts})
    if not shares:
        return []
    size = " to ".join(f"{wording.percent(share, 1)}%" for share in dict.fromkeys((shares[0], shares[-1])))
    return [("largest class", f"{size} of the rows; always answering it is right that often")]


def _varies(varied: Iterable[str], section: str) -> str:
    names = sorted(path.partition(".")[2] for path in varied if path.startswith(f"{section}."))
    return f" (baseline; {', '.join(names)} varied)" if names else ""


def _warnings(snapshot: Snapshot, finished: int, planned: int) -> Iterable[str]:
    if any(run.treatment.settings.data.validation == "test" for run in snapshot.planned):
        yield (
            'Validated on the test set (validation = "test"). The test set chose among epochs and treatments, so '
            "every test figure on this page is optimistic."
        )
    known = facts_by_source((run.treatment.settings for run in snapshot.planned), snapshot.identity)
    yield from (f"{source}: {note}." for source, facts in known.items() for note in facts.notes)
    if not finished:
        yield "No run has finished yet; there is nothing to compare."
    elif finished < planned:
        yield f"A part of the study: {finished} of {planned} runs. Figures and verdicts will change with the rest."
    if len(snapshot.study.seeds) < FEWEST_SEEDS:
        yield (
            f"Only {wording.plural(len(snapshot.study.seeds), 'replicate')} per treatment: "
            f"effects are exploratory; {FEWEST_SEEDS} or more are needed for a verdict."
        )
    for facts in snapshot.identity.data.values():
        if facts.leak and (facts.shared or 0) >= SHARED_TO_MENTION * (facts.test_rows or 0):
            yield f"{facts.leak}. {_BY_HEART[facts.task]}"
    yield from kept.notes(snapshot.records.values())


def _environment_text(entry: Any) -> str:
    if isinstance(entry, Mapping):
        return ", ".join(f"{key} {value:,}" if type(value) is int else f"{key} {value}" for key, value in entry.items())
    return ", ".join(map(str, entry)) if isinstance(entry, Sequence) and not isinstance(entry, str) else str(entry)
