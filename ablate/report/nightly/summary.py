"""The summary of a night in Markdown, for the page of a CI job."""

from collections.abc import Iterator, Mapping
from typing import Any

from ablate.report import answers, verdict, wording
from ablate.report.nightly import comparison, gate
from ablate.report.nightly.comparison import Comparison
from ablate.report.nightly.gate import Night
from ablate.report.nightly.markdown import code, cut, table, text
from ablate.report.page import tables

COLORS = {True: "🟢", False: "🔴"}
VERDICT_ORDER = ("regression", "inconclusive", "improvement", "fine")
MOST_LISTED = 20  # problems, and failed runs


def render(night: Night, *, page: str = "", link: str = "", limit: int) -> str:
    """The summary as Markdown, at most so many bytes long.

    Args:
        night: what the gate says.
        page: name or path of the HTML page, if there is one.
        link: address where the page can be had, if one is known.
        limit: bytes.
    """
    return wording.redact(cut(list(_lines(night, page, link)), limit, "the page"))


def nothing(reason: str) -> str:
    """The summary where there is no study to speak of."""
    return wording.redact(f"# {COLORS[False]} nothing was measured\n\n- {text(_first_upper(reason))}\n")


def _lines(night: Night, page: str, link: str) -> Iterator[str]:
    study = night.findings.snapshot.study
    good = not night.problems
    yield f"# {COLORS[good]} {text(study.name)}: {text(night.headline)}"
    yield ""
    for problem in night.problems[:MOST_LISTED]:
        yield f"- {text(_first_upper(problem.text))}"
    if len(night.problems) > MOST_LISTED:
        yield f"- and {len(night.problems) - MOST_LISTED} more"
    for note in night.notes:
        yield f"- Note: {text(note)}"
    if night.problems or night.notes:
        yield ""
    yield text(_extent(night))
    yield from _page(page, link)
    if not night.findings.snapshot.records:
        yield from _failures(night)
        return
    yield from _claims(night)
    if night.comparison and len(night.comparison.table):
        yield from compared(night.comparison)
    yield from _effects(night)
    yield from _failures(night)


def _first_upper(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:]}"


def _extent(night: Night) -> str:
    """How much of the study is there, and what is best."""
    content = night.findings.snapshot
    total = len({run.key for run in content.planned})
    diverged = sum(record.status == "diverged" for record in content.records.values())
    counts = [f"{len(content.records):,} of {wording.plural(total, 'run')} finished"]
    counts += [f"{wording.plural(diverged, 'run')} diverged"] if diverged else []
    best = verdict.verdict(night.findings)
    said = " ".join(filter(None, (best.best, best.headline, best.sure)))
    return f"{', '.join(counts)}. {said}"


def _page(page: str, link: str) -> Iterator[str]:
    if page:
        yield ""
        yield f"The page: {f'[{text(page)}]({link})' if link else text(page)}"


def _claims(night: Night) -> Iterator[str]:
    rows = answers.claim_rows(night.findings.claims)
    if rows:
        yield from ("", "## Claims", "")
        yield from table(
            ("", "Claim", "Verdict", "Expected", "Found"),
            [
                (
                    row.symbol,
                    text(row.says),
                    row.verdict,
                    text(row.expected),
                    text("; ".join(filter(None, (row.found, row.more)))),
                )
                for row in rows
            ],
        )


def compared(found: Comparison, before: str = "the stored baseline") -> Iterator[str]:
    """The lines of a comparison: a heading and a table, regressions first."""
    yield from ("", f"## Against {before}", "")
    metric = wording.metric_name(found.metric)
    yield text(
        f"Change in {metric}, paired by seed. A regression is a change for the worse by more than "
        f"{comparison.floor_text(found.metric, found.floor)} whose p, adjusted over the treatments, is below 5%."
    )
    yield ""
    rows = sorted(found.table.to_dict("records"), key=lambda row: VERDICT_ORDER.index(row["verdict"]))
    yield from table(
        ("Treatment", "Verdict", "Before", "Now", "Change (95% interval)", "p, adjusted", "Why"),
        [_compared(row) for row in rows],
    )


def _compared(row: Mapping[Any, Any]) -> tuple[str, ...]:
    metric = row["metric"]
    verdict = f"**{row['verdict']}**" if row["verdict"] == "regression" else str(row["verdict"])
    sides = (wording.value(row[side], metric) for side in ("before", "now"))
    change = comparison.change(row) if row["n"] else "–"
    return (code(row["treatment"]), verdict, *sides, text(change), wording.p_value(row["p_holm"]), text(row["reason"]))


def _effects(night: Night) -> Iterator[str]:
    rows = tables.effect_rows(night.findings.effects())
    if rows:
        primary = night.findings.snapshot.study.primary
        unit = wording.unit(primary)
        yield from ("", f"## Effects on {text(wording.metric_name(primary))}", "")
        size = f"Mean{f', {unit}' if unit else ''}"
        yield from table(
            ("Level", "Baseline", "Replicates", size, "95% interval", "p, adjusted", "Verdict"),
            [
                (
                    code(f"{row.factor} = {row.level}"),
                    code(row.baseline),
                    row.replicates,
                    row.mean,
                    row.interval,
                    row.p_holm,
                    row.verdict,
                )
                for row in rows
            ],
        )


def _failures(night: Night) -> Iterator[str]:
    if not night.troubles:
        return
    yield from ("", "## Failed and missing runs", "")
    listed = list(night.troubles.items())
    rows = [(code(name), text(gate.trouble(each))) for name, each in listed[:MOST_LISTED]]
    yield from table(("Treatment", "What"), rows)
    if len(listed) > MOST_LISTED:
        yield ""
        yield f"and {len(listed) - MOST_LISTED} more treatments"
