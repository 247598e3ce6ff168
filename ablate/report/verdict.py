"""The study's answer in words: the best treatment, how sure that is, and what each level does."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ablate.analysis.estimates import CONFIDENCE, FEWEST_SEEDS, estimate_mean, largest_of_equals
from ablate.analysis.selection import passed_over, rounded
from ablate.report import answers, wording
from ablate.report.answers import SYMBOLS
from ablate.report.findings import Findings, Lead
from ablate.settings.metrics import is_share, lower_is_better
from ablate.studies.spec import Study

UNEVEN = 1.5  # times as large as if all were equal: a class from which on accuracies mislead
UNMEASURED = "unmeasured"  # of levels without a pair of runs, whatever their verdict
GROUPS = (
    ("helps", "Helps", ""),
    ("hurts", "Hurts", ""),
    ("undecided", "Undecided", "The interval or the adjusted test leaves it open. That is not evidence of no effect."),
    ("exploratory", "Exploratory", f"Fewer than {FEWEST_SEEDS} replicates: a hint of what to look at, not a finding."),
    ("inert", "Inert", "Every pair of runs came out equal."),
    (
        "coverage only",
        "Coverage only",
        "A pairwise design tries every pair of levels; it is too thin to tell effects from each other.",
    ),
    (UNMEASURED, "Nothing measured", "No two finished runs differ in these levels alone."),
)


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
        best: name of the treatment with the best mean score in validation; `None` without a finished run.
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


def verdict(findings: Findings) -> Verdict:
    """The study's answer in plain words."""
    snapshot, best, effects = findings.snapshot, findings.winner, findings.effects()
    groups = []
    verdicts = effects["verdict"].where(effects["n"] > 0, UNMEASURED)
    for name, title, note in GROUPS:
        rows: list[dict[Any, Any]] = effects[verdicts == name].to_dict("records")
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
            groups.append(Group(name, SYMBOLS.get(name, "○"), title, note, found))
    counts = findings.diagnosis
    said = (_baseline(counts, snapshot.study), _lagging(findings.lagging), _unfinished(counts))
    diagnosis = " ".join(filter(None, said))
    paragraphs = (_selection(findings), _guessing(findings), _curse(findings), diagnosis, answers.dependence(findings))
    return Verdict(
        best,
        _headline(findings),
        " ".join(filter(None, (_sureness(findings), _confirmation(findings), _rivals(findings)))),
        tuple(filter(None, paragraphs)),
        tuple(groups),
    )


def _headline(findings: Findings) -> str:
    """What the winner brings, as the end of a sentence that its name begins."""
    primary = findings.snapshot.study.primary
    if findings.winner is None:
        return "No treatment has enough finished runs to name a best one."
    if set(findings.ok["treatment"]) == {findings.winner}:
        return "is the only treatment with finished runs so far."
    if findings.winner == "baseline":
        return "is best as it is: no treatment that could be chosen does better on validation."
    best = "does best on validation" + (" so far" if findings.snapshot.missing else "")
    lead = findings.lead()
    if lead is None:
        return f"{best}; the baseline has no finished run to compare it with."
    size = f"{wording.signed(lead.found.mean, primary)} {wording.unit(primary)}".strip()
    return f"{best}: {size} in {wording.metric_name(primary)} against the baseline."


def _sureness(findings: Findings) -> str:
    """How sure the winner's lead over the baseline is."""
    lead = findings.lead()
    if lead is None:
        return ""
    replicates = wording.plural(lead.count, "replicate")
    if lead.count < FEWEST_SEEDS:
        return f"Not sure at all: {replicates}, and it takes {FEWEST_SEEDS} for a verdict."
    interval = wording.interval(lead.found.low, lead.found.high, findings.snapshot.study.primary)
    interval = f"95% interval {interval}, {replicates}"
    said = {
        "helps": "The lead is clear of zero",
        "hurts": "The lead on validation turns around: this difference is clear of zero for the worse",
    }.get(lead.verdict, f"The lead is not sure{_why_not_sure(lead)}")
    fresh = "" if findings.snapshot.confirmation else " Fresh seeds have not confirmed it yet."
    return f"{said} ({interval}).{fresh}"


def _why_not_sure(lead: Lead) -> str:
    """Why a lead is not sure although its own interval leaves zero out; empty where it does not."""
    if lead.level:
        return f": the effect of {lead.level}, listed below, is not decided in the same way"
    if lead.found.low <= 0 <= lead.found.high or not lead.p_holm >= 1 - CONFIDENCE:
        return ""
    return (
        f": among so many treatments such a lead comes by chance (p {wording.p_value(lead.p_holm)}, adjusted by Holm)"
    )


def _curse(findings: Findings) -> str:
    """What the winner's lead owes to its being chosen."""
    treatments = findings.ok["treatment"].nunique()
    if findings.lead() is None:
        return ""
    luck = wording.number(largest_of_equals(treatments), 1)
    text = (
        f"It was chosen as the best of {treatments}, and the best of {treatments} equal treatments looks {luck} "
        "standard errors better than it is (the winner's curse)"
    )
    confirmed = findings.snapshot.confirmation is not None
    return f"{text}." if confirmed else f"{text}: 'ablate run --confirm' trains it and the baseline with fresh seeds."


def _confirmation(findings: Findings) -> str:
    """What fresh seeds say of the winner."""
    lead = findings.lead(confirmed=True)
    if lead is None:
        return ""
    found = lead.found
    said = {"helps": "confirms its lead", "hurts": "turns its lead around"}.get(lead.verdict, "leaves its lead open")
    difference = wording.difference(found.mean, found.low, found.high, findings.snapshot.study.primary, lead.count)
    return f"On fresh seeds, which chose nothing, the difference is {difference}: that {said}."


def _selection(findings: Findings) -> str:
    """How the best treatment was chosen, and what it scores."""
    best, runs = findings.winner, findings.ok
    if best is None:
        return ""
    own = runs[runs["treatment"] == best]
    held_out, test = _columns(findings)
    shown = wording.spread(float(own[test].mean()), float(own[test].std(ddof=1)), test)
    count = f"mean ± standard deviation over {len(own)} replicates" if len(own) > 1 else "a single run"
    alone = set(runs["treatment"]) == {best}
    beaten = "undercuts" if lower_is_better(held_out) else "exceeds"
    chosen = "; its" if alone else f", which no other that could be chosen {beaten}. Chosen by that, its"
    mark = "%" if is_share(test) else ""
    mean = wording.bare(float(own[held_out].mean()), held_out)
    text = f"Its mean {wording.metric_name(held_out)} is {mean}{mark}{chosen} {wording.metric_name(test)} is "
    text += f"{shown}{mark} ({count})"
    base = runs.loc[runs["treatment"] == "baseline", test]
    if best != "baseline" and len(base):
        text += f"; the baseline's is {wording.bare(float(base.mean()), test)}{mark}"
    return f"{text}."


def _guessing(findings: Findings) -> str:
    """What accuracies are worth where one class is much larger than the others; nothing where numbers are predicted."""
    facts = list(findings.snapshot.identity.data.values())
    if not facts or min(each.largest_class * each.classes for each in facts) < UNEVEN or findings.winner is None:
        return ""
    share = wording.percent(min(each.largest_class for each in facts), 1)
    text = f"Always answering the largest class would have an accuracy of {share}%"
    means = findings.ok.groupby("treatment")["test_accuracy"].mean()
    names = [name for name in dict.fromkeys(("baseline", findings.winner)) if name in means]
    scores = [f"{name} has {wording.percent(float(means[name]))}%" for name in names]
    more = (
        ""
        if findings.snapshot.study.measured.metrics
        else ('. Accuracy says little here; metrics = ["balanced_accuracy"] under [study] counts all classes alike')
    )
    return f"{text}; in the test set, {' and '.join(scores)}{more}."


def _columns(findings: Findings) -> tuple[str, str]:
    """What treatments are chosen by, in validation, and the same of the test set."""
    score = findings.snapshot.study.measured.score
    return f"val_{score}", f"test_{score}"


def _rivals(findings: Findings) -> str:
    """Who else might be best: treatments that could not be chosen, and one that the replicates do not tell apart."""
    best, runs = findings.winner, findings.ok
    if best is None:
        return ""
    column, _ = _columns(findings)
    mark = "%" if is_share(column) else ""
    others = passed_over(findings.snapshot.runs, best, findings.snapshot.study.measured.score)
    sentences = [
        f"{name} scores {wording.bare(mean, column)}{mark} on validation but lost {lost} of {of} runs, too many to be "
        "chosen."
        for name, mean, lost, of in others
    ]
    return " ".join(filter(None, [*sentences, _runner_up(runs, best, {name for name, *_ in others}, column)]))


def _runner_up(runs: pd.DataFrame, best: str, besides: set[str], column: str) -> str:
    """The next best treatment, where the replicates do not tell it from the best one."""
    by_seed = runs[~runs["treatment"].isin(besides)].pivot_table(
        index="seed", columns="treatment", values=column, sort=False
    )
    if lower_is_better(column):
        by_seed = -by_seed
    rest = by_seed.drop(columns=best).mean().map(rounded)
    if rest.empty:
        return ""
    second = str(rest.idxmax())
    difference = estimate_mean((by_seed[best] - by_seed[second]).dropna().to_numpy(dtype=np.float64))
    if difference.low > 0:
        return ""
    own = rounded(float(by_seed[best].mean()))
    distance = own - float(rest[second])
    behind = wording.points(round(distance, 4)) if is_share(column) else wording.bare(distance, column)
    close = "scores the same" if own == rest[second] else f"is {behind} behind"
    return f"{second} {close} on validation, and the replicates do not tell the two apart."


def _baseline(counts: pd.DataFrame, study: Study) -> str:
    """What is wrong with the baseline, if anything."""
    own = counts[counts["treatment"] == "baseline"].to_dict("records")
    if not own:
        return "The baseline has no finished run yet."
    first = own[0]
    share = f"{first['runs']} of {wording.plural(first['of'], 'run')}"
    text = f"The baseline is diagnosed “{first['diagnosis']}” in {share}"
    rest = [f"{row['diagnosis']} in {row['runs']}" for row in own[1:]]
    text += f" ({', '.join(rest)})" if rest else ""
    return f"{text}: {wording.diagnoses(study.thresholds, study.measured)[first['diagnosis']]}."


def _lagging(found: pd.DataFrame) -> str:
    """That networks were scored with statistics that their batch normalization began with; may be empty."""
    if found.empty:
        return ""
    rows = sorted(found.to_dict("records"), key=lambda row: row["treatment"] != "baseline")
    first = rows[0]
    name = "the baseline" if first["treatment"] == "baseline" else first["treatment"]
    others = f" (and runs of {wording.plural(len(rows) - 1, 'other treatment')})" if len(rows) > 1 else ""
    runs, momentum = wording.plural(first["of"], "run"), first["momentum"]
    behind = wording.points(round(first["behind"], 3))
    return (
        f"In {first['runs']} of {runs} of {name}{others} batch normalization lags behind: training accuracy is "
        f"{behind} lower in inference mode than it was during the training; its moving averages "
        f"(momentum {momentum:g}) remember some {1 / (1 - momentum):,.0f} batches back, and these runs had "
        f"{first['batches']:,}. All accuracies of such runs are too low for that reason, and what another level "
        "seems to bring or to cost may be no more than that. More epochs, smaller batches or a lower momentum mend "
        'it: normalization = { name = "batch", momentum = 0.9 } is a level of that remedy.'
    )


def _unfinished(counts: pd.DataFrame) -> str:
    """That most treatments were still learning, where they were."""
    first = counts.drop_duplicates("treatment")
    improving = int((first["diagnosis"] == "still improving").sum())
    if improving * 2 <= len(first):
        return ""
    were = "was" if len(first) == 1 else "were"
    return (
        f"{improving} of {wording.plural(len(first), 'treatment')} {were} still improving when training ended: "
        "what follows compares them at this number of epochs, and more epochs may change it."
    )
