"""Claims, other metrics, combinations, symptoms and layers as text: the findings that answer more than the effects."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ablate.report import wording
from ablate.report.findings import Findings

CLAIM_SYMBOLS = {"supported": "▲", "refuted": "▼", "inconclusive": "●"}
SYMBOLS = {"helps": "▲", "hurts": "▼", "undecided": "●", "exploratory": "◆", "inert": "■", "coverage only": "⬢"}
LEAST_SHARE = 0.005  # of the variance that is worth a row
MOST_LAYER_NOTES = 12


@dataclass(frozen=True)
class ClaimRow:
    """A claim and what the runs say of it, as text."""

    says: str
    verdict: str
    symbol: str
    expected: str
    found: str
    more: str


@dataclass(frozen=True)
class Matrix:
    """Levels by metrics: every cell an effect with its interval and the mark of its verdict."""

    metrics: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]


@dataclass(frozen=True)
class Medians:
    """The median number of epochs to a threshold, by treatment."""

    title: str
    rows: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Listing:
    """A table of text, or why there is none.

    Attributes:
        title: its heading.
        lead: what to look for.
        heads: the columns; the first is the row's name.
        rows: cells as text.
        why_not: the reason, where the runs do not tell.
        note: what to beware of.
    """

    title: str
    lead: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    why_not: str
    note: str


def claim_rows(claims: pd.DataFrame) -> list[ClaimRow]:
    """The claims of the study in its order."""
    return [_claim(row) for row in claims.to_dict("records")]


def _claim(row: Mapping[Any, Any]) -> ClaimRow:
    metric = row["metric"]
    is_difference = row["compares"]
    bounds = (row["least"], row["most"])
    if is_difference:
        found = wording.difference(row["mean"], row["low"], row["high"], metric, row["n"])
        least, most = (f"{wording.signed(bound, metric)} {wording.unit(metric)}".strip() for bound in bounds)
    else:
        least, most = (wording.value(bound, metric) for bound in bounds)
        found = wording.value(row["mean"], metric)
        if math.isfinite(row["low"]):
            interval = f"{wording.value(row['low'], metric)} to {wording.value(row['high'], metric)}"
            kind = "prediction interval" if row["reproduces"] else "interval"
            found += f" (95% {kind} {interval}, {wording.plural(row['n'], 'replicate')})"
    what = f"difference in {wording.metric_name(metric)}" if is_difference else wording.metric_name(metric)
    if row["reproduces"]:
        expected = f"a single run's {what} of {least} among ours"
    elif is_difference and 0 in bounds and math.inf in map(abs, bounds):
        expected = f"{wording.metric_name(metric)} {'higher' if row['least'] == 0 else 'lower'}"
    elif math.isinf(row["most"]):
        expected = f"{what} {'above' if is_difference else 'at least'} {least}"
    elif math.isinf(row["least"]):
        expected = f"{what} {'below' if is_difference else 'at most'} {most}"
    else:
        expected = f"{what} between {least} and {most}"
    more = [row["reason"]] if row["reason"] else []
    if row["censored"]:
        more.append(f"{wording.plural(row['censored'], 'run' if not is_difference else 'pair')} never got there")
    if not pd.isna(row["needed"]):
        extra = max(int(row["needed"]) - row["n"], 1)
        more.append(
            f"about {wording.plural(extra, 'more replicate')} would decide it, if mean and spread stay as they are"
        )
    elif row["verdict"] == "inconclusive" and not row["reason"]:
        more.append("more replicates than anyone would train could not decide it at this mean and spread")
    return ClaimRow(
        row["says"],
        row["verdict"],
        CLAIM_SYMBOLS[row["verdict"]],
        expected,
        found if row["n"] else "nothing measured",
        "; ".join(more),
    )


def other_metrics(findings: Findings) -> Matrix | None:
    """The effects on the secondary metrics; `None` where nothing varies or no metric is named."""
    metrics = findings.snapshot.study.secondary
    tables = [findings.effects(metric) for metric in metrics]
    if not tables or not len(tables[0]):
        return None
    rows = []
    for place in range(len(tables[0])):
        entries = [table.iloc[place] for table in tables]
        name = f"{entries[0]['factor']} = {entries[0]['level']}"
        rows.append((name, tuple(_cell(entry.to_dict()) for entry in entries)))
    heads = tuple(_with_unit(str(table["metric"].iloc[0])) for table in tables)
    return Matrix(heads, tuple(rows))


def _cell(row: Mapping[Any, Any]) -> tuple[str, str, str]:
    """Verdict, its mark, and the effect."""
    if not row["n"]:
        return row["verdict"], "", "–"
    text = wording.signed(row["mean"], row["metric"])
    if math.isfinite(row["low"]):
        text += f" ({wording.interval(row['low'], row['high'], row['metric'])})"
    return row["verdict"], SYMBOLS[row["verdict"]], text


def _with_unit(metric: str) -> str:
    unit = wording.unit(metric)
    return f"{wording.metric_name(metric)}{f', {unit}' if unit and unit != 'epochs' else ''}"


def medians(findings: Findings) -> list[Medians]:
    """The median epochs to each threshold that the study names."""
    return [
        Medians(
            wording.metric_name(metric),
            tuple(
                (row["treatment"], wording.number(row["median"], 0), f"{row['reached']} of {row['of']}")
                for row in table.to_dict("records")
            ),
        )
        for metric, table in findings.median_epochs.items()
    ]


def combinations(findings: Findings) -> list[Listing]:
    """What remedies do together, as far as the design tells."""
    unit = wording.unit(findings.snapshot.study.primary)
    size = f", {unit}" if unit else ""
    estimated = ("Replicates", f"Mean{size}", "95% interval", "p, adjusted", "Verdict")
    interactions, shapley = findings.interactions, findings.shapley
    shares, order = findings.variance_shares, findings.order_dependence
    return [
        _listing(
            "Interactions",
            "Whether two remedies do more together (synergistic), or less (antagonistic), than the sum of each.",
            ("Pair", *estimated),
            interactions,
            lambda row: (
                f"{row['factor']} = {row['level']} with {row['other_factor']} = {row['other_level']}",
                *_estimated(row),
            ),
            "Averaged over the other factors. Close to 100% two remedies that help cannot add up: there, antagonism "
            "may be a ceiling.",
        ),
        _listing(
            "Alone and last",
            "What a remedy brings when it is the only one, and when it is added to all others.",
            ("Remedy", "Alone", "Last", "Replicates", f"Last minus alone{size}", *estimated[2:]),
            order,
            lambda row: (
                f"{row['factor']} = {row['level']}",
                wording.signed(row["alone"], row["metric"]),
                wording.signed(row["last"], row["metric"]),
                *_estimated(row),
            ),
            "Where the two disagree, neither is the remedy's effect: it depends on the company.",
        ),
        _listing(
            "Shapley values",
            "What each remedy brings on average over all orders of adding them; together they make up the difference "
            "between all remedies and none.",
            ("Remedy", *estimated),
            shapley,
            lambda row: (f"{row['factor']} = {row['level']}", *_estimated(row)),
            "",
        ),
        _listing(
            "Where the variance comes from",
            "Which factors make the treatments differ, alone and together.",
            ("Factors", "Share, %", "By chance, %"),
            shares if isinstance(shares, str) else shares[shares["share"] >= LEAST_SHARE],
            lambda row: (row["factors"], wording.percent(row["share"], 1), wording.percent(row["by_chance"], 1)),
            f"Shares of the sum of squares of the treatment means; those below {LEAST_SHARE:.1%} are left out. By "
            "chance: what the seeds alone would make of it.",
        ),
    ]


def _listing(title: str, lead: str, heads: tuple[str, ...], found: Any, cells: Any, note: str) -> Listing:
    if isinstance(found, str):
        return Listing(title, lead, heads, (), found, note)
    return Listing(title, lead, heads, tuple(cells(row) for row in found.to_dict("records")), "", note)


def _estimated(row: Mapping[Any, Any]) -> tuple[str, ...]:
    metric = row["metric"]
    dropped = f" ({row['dropped']} dropped)" if row["dropped"] else ""
    return (
        f"{row['n']}{dropped}",
        wording.signed(row["mean"], metric),
        wording.interval(row["low"], row["high"], metric),
        wording.p_value(row["p_holm"]),
        row["verdict"],
    )


def dependence(findings: Findings) -> str:
    """That effects depend on each other, where the runs show it; may be empty."""
    sentences = []
    interactions, order = findings.interactions, findings.order_dependence
    if not isinstance(interactions, str):
        clear = interactions[interactions["verdict"].isin(["synergistic", "antagonistic"])]
        if len(clear):
            sentences.append(
                f"Remedies depend on each other: {len(clear)} of {wording.plural(len(interactions), 'interaction')} "
                f"{'is' if len(clear) == 1 else 'are'} clear of zero. The effects below are averages over the other "
                "factors, and hold for none of them in particular."
            )
    if not isinstance(order, str):
        for row in order[order["verdict"].isin(["reverses", "depends"])].to_dict("records"):
            metric, unit = row["metric"], wording.unit(row["metric"])
            alone, last = (wording.signed(row[side], metric) for side in ("alone", "last"))
            turn = ", which turns it around" if row["verdict"] == "reverses" else ""
            sentences.append(
                f"{row['factor']} = {row['level']} brings {alone} {unit} alone, {last} on top of all others{turn}."
            )
    return " ".join(sentences)


def moved(findings: Findings) -> list[str]:
    """Which level moved which symptom, one sentence a level."""
    rows: dict[str, list[str]] = {}
    for row in findings.moved.to_dict("records"):
        change = f"“{row['diagnosis']}” {row['before']} → {row['after']} of {row['of']}"
        rows.setdefault(f"{row['factor']} = {row['level']}", []).append(change)
    return [f"{name}: {', '.join(changes)}" for name, changes in rows.items()]


def layer_notes(findings: Findings) -> list[str]:
    """What stands out inside the networks, one sentence for all treatments that show the same."""
    found = findings.layers
    groups: dict[tuple[str, str, str, str], list[dict[Any, Any]]] = {}
    for row in found.to_dict("records"):
        groups.setdefault((row["symptom"], row["moment"], row["layer"], row["activation"]), []).append(row)
    sentences = [_layer_note(*name, rows) for name, rows in groups.items()]
    left = len(sentences) - MOST_LAYER_NOTES
    return sentences[:MOST_LAYER_NOTES] + ([f"{left} more findings of this kind are left out."] if left > 0 else [])


def _layer_note(symptom: str, moment: str, layer: str, activation: str, rows: list[dict[Any, Any]]) -> str:
    names = list(dict.fromkeys(row["treatment"] for row in rows))
    who = names[0] if len(names) == 1 else f"{names[0]} and {wording.plural(len(names) - 1, 'other treatment')}"
    value = sum(row["value"] for row in rows) / len(rows)
    at_start = moment == "initial"
    when = "at initialization" if at_start else "at the end"
    too_large = "the initial scale is too large" if at_start else "its inputs grew while it was trained"
    match symptom:
        case "equal weights":
            text = f"all weights of {layer} are equal {when}, so its units can only learn the same"
        case "saturated":
            where = "beyond 0.05/0.95" if activation == "sigmoid" else "beyond ±0.95"
            text = f"{layer} is saturated {when}: {value:.0%} of its {activation} outputs lie {where}; {too_large}"
        case "dead units":
            why = "" if at_start else "; other initial weights or a smaller learning rate may keep more of them alive"
            text = f"{value:.0%} of the units of {layer} are dead {when}: zero for every example{why}"
        case "fading":
            text = (
                f"activations fade with depth {when}: in {layer} their spread is {value:.2g} times that of the first "
                "hidden layer; the initial scale is too small"
            )
        case "growing":
            text = (
                f"activations grow with depth {when}: in {layer} their spread is {value:.2g} times that of the first "
                "hidden layer; the initial scale is too large"
            )
        case _:
            text = f"the weights of {layer} are far from a normal shape {when} (Kolmogorov's distance {value:.2f})"
    return f"{who}: {text}."


def thresholds_note(findings: Findings) -> str:
    """Where the diagnoses begin."""
    limits, measured = findings.snapshot.study.thresholds, findings.snapshot.study.measured
    by = wording.learned(measured)
    one_class = "one class only (the same answer for every example of the test set); " if measured.held_out else ""
    gap = "gap" if by.in_points else f"{by.training} above {by.validation}, by"
    guess = "guessing" if by.in_points else by.guess
    return (
        f"Diagnoses, the first that fits: diverged (a loss is not finite); {one_class}"
        f"untrained ({by.training} below {limits.untrained:.0%} of the way from {guess} to no errors); still "
        f"improving (validation loss fell by over {limits.improving:.0%} in the last {limits.improving_span:.0%} of "
        "the epochs, and is not over "
        f"{limits.loss_rise:.0%} above its minimum); underfit ({by.training} "
        f"{by.size(limits.underfit)} below the best treatment's); overfit ({gap} over "
        f"{by.size(limits.gap)} and validation loss over {limits.loss_rise:.0%} above its minimum); gap only; "
        "good fit. The file sets these limits under [diagnosis]."
    )
