"""The nightly gate: what is wrong with a night, in one place; the command, JUnit and the summary say the same."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from ablate.analysis.estimates import FEWEST_SEEDS
from ablate.report import wording
from ablate.report.findings import Findings
from ablate.report.nightly import comparison
from ablate.report.nightly.comparison import Comparison
from ablate.results.baseline import Baseline

if TYPE_CHECKING:
    from ablate.results.identity import PlannedRun

Kind = Literal["nothing measured", "not comparable", "incomplete", "red"]
MOST_RUNS = 5  # failed runs that a sentence names


@dataclass(frozen=True)
class Problem:
    """A reason why a night is not green.

    Attributes:
        kind: `nothing measured`; `not comparable`, also where there is no stored baseline; `incomplete`, where runs
            failed or are missing; `red`, for a refuted claim or a regression.
        text: what is wrong.
    """

    kind: Kind
    text: str


@dataclass(frozen=True)
class Troubles:
    """The runs of a treatment that are not there.

    Attributes:
        failed: seeds whose last attempt failed.
        missing: seeds that were not tried.
        reason: of the first that failed.
        log: the last that it printed.
    """

    failed: tuple[int, ...]
    missing: tuple[int, ...]
    reason: str
    log: str


class Night:
    """What the gate says of a study.

    Args:
        findings: the study as it is.
        before: the stored baseline that it is compared with.
        wanted: whether a comparison was asked for.
        floor: the smallest change that counts, on the scale of the metric; see `analysis.baseline.default_floor`.
        stored: whether a missing baseline is stored now, and so is nothing wrong.
        outdated: what the runs were trained with that is something else by now, each as a sentence: what is there
            now was not measured.
    """

    def __init__(
        self,
        findings: Findings,
        before: Baseline | None = None,
        *,
        wanted: bool = False,
        floor: float | None = None,
        stored: bool = False,
        outdated: tuple[str, ...] = (),
    ) -> None:
        self.findings = findings
        self._before = before
        self._wanted = wanted
        self._floor = floor
        self._stored = stored
        self._outdated = outdated

    @cached_property
    def comparison(self) -> Comparison | None:
        """The study against the stored baseline; `None` without one, or before anything is measured."""
        if self._before is None or not self.findings.snapshot.records:
            return None
        return comparison.compare(self._before, self.findings.baseline, floor=self._floor)

    @property
    def treatments(self) -> list[str]:
        """The names of all treatments, the baseline first."""
        return list(dict.fromkeys(run.treatment.name for run in self.findings.snapshot.planned))

    @property
    def regressions(self) -> list[dict[Any, Any]]:
        """The rows of the comparison that say so."""
        return self.comparison.of("regression") if self.comparison else []

    @property
    def refuted(self) -> pd.DataFrame:
        """The claims that the runs refute."""
        claims = self.findings.claims
        return claims[claims["verdict"] == "refuted"]

    @cached_property
    def troubles(self) -> Mapping[str, Troubles]:
        """What is not there of which treatment; treatments that are complete are left out."""
        content = self.findings.snapshot
        gone: dict[str, list[PlannedRun]] = {}
        for run in content.planned:
            if run.key not in content.records:
                gone.setdefault(run.treatment.name, []).append(run)
        found = {}
        for name, own in gone.items():
            failures = [content.failures[run.key] for run in own if run.key in content.failures]
            failed = tuple(run.seed for run in own if run.key in content.failures)
            missing = tuple(run.seed for run in own if run.key not in content.failures)
            first = failures[0] if failures else None
            found[name] = Troubles(failed, missing, first.reason if first else "", first.log if first else "")
        return found

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """Why the night is not green, the gravest first; empty if it is."""
        return tuple(self._problems())

    @cached_property
    def obstacles(self) -> tuple[str, ...]:
        """Why nothing can be said of any treatment; empty if something can."""
        kinds = ("nothing measured", "not comparable")
        return tuple(problem.text for problem in self.problems if problem.kind in kinds)

    @property
    def kinds(self) -> set[Kind]:
        """The kinds of problems that there are."""
        return {problem.kind for problem in self.problems}

    @property
    def lines(self) -> tuple[str, ...]:
        """Claims and treatments that are no problem, a line each."""
        claims = self.findings.claims
        said = [f"{row['verdict']}: {row['says']}" for row in claims[claims["verdict"] != "refuted"].to_dict("records")]
        rows = self.comparison.table.to_dict("records") if self.comparison else []
        said += [
            f"{row['verdict']}: {row['treatment']}: {comparison.told(row)}"
            for row in rows
            if row["verdict"] != "regression"
        ]
        return tuple(said)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know although nothing is wrong with it."""
        return tuple(self._notes())

    @property
    def headline(self) -> str:
        """The night in a few words."""
        if "nothing measured" in self.kinds:
            return "nothing was measured"
        if "not comparable" in self.kinds:
            return "not comparable with the stored baseline" if self._before else "there is no stored baseline"
        parts = []
        if self.regressions:
            parts.append(wording.plural(len(self.regressions), "regression"))
        if len(self.refuted):
            parts.append(f"{wording.plural(len(self.refuted), 'claim')} refuted")
        parts += ["the code changed after the runs"] if self._outdated else []
        content = self.findings.snapshot
        failed = len(content.failures)
        lost = ((failed, "failed"), (content.missing - failed, "missing"))
        parts += [f"{wording.plural(count, 'run')} {what}" for count, what in lost if count]
        return ", ".join(parts) or "nothing is wrong"

    def _problems(self) -> Iterator[Problem]:
        content = self.findings.snapshot
        if not content.records:
            failed = wording.plural(len(content.failures), "failed run")
            yield Problem("nothing measured", f"nothing was measured: no finished run, {failed}")
        if self._wanted and self._before is None and not self._stored:
            yield Problem("not comparable", "there is no stored baseline; --save-baseline stores one on a green night")
        for obstacle in self.comparison.obstacles if self.comparison else ():
            yield Problem("not comparable", f"not comparable with the stored baseline: {obstacle}")
        for text in self._outdated:
            yield Problem("incomplete", text)
        for name, each in self.troubles.items():
            yield Problem("incomplete", f"{name}: {trouble(each)}")
        for row in self.regressions:
            yield Problem("red", f"regression: {row['treatment']}: {comparison.told(row)}")
        for row in self.refuted.to_dict("records"):
            yield Problem("red", f"refuted: {row['says']}")

    def _notes(self) -> Iterator[str]:
        found = self.comparison
        if self._wanted and self._before is None and self._stored:
            yield "there was no stored baseline; nothing was compared"
        if found is None:
            if not self._wanted and not len(self.findings.claims):
                yield "no claims and no stored baseline: only failed and missing runs can turn this gate red"
            return
        if found.changed:
            yield f"changed since the stored baseline: {'; '.join(found.changed)}"
        for names, where in ((found.only_before, "the stored baseline"), (found.only_now, "this study")):
            if names:
                yield f"only in {where}: {comparison.named(names)}"
        for seeds, where in ((found.seeds_before, "the stored baseline"), (found.seeds_now, "this study")):
            if seeds:
                yield f"seeds only in {where}: {comparison.named(seeds)}"
        if self.findings.snapshot.study.primary != found.metric:
            yield f"time is never gated: {wording.metric_name(found.metric)} is compared"
        few = [row["reason"] for row in found.of("inconclusive") if row["n"] < FEWEST_SEEDS]
        if few and len(few) == len(found.table):
            yield f"this gate cannot turn red by a regression: {few[0]}"


def trouble(found: Troubles) -> str:
    """What is not there of a treatment, as text."""
    parts = []
    if found.failed:
        parts.append(f"{wording.plural(len(found.failed), 'run')} failed (seed {_seeds(found.failed)}): {found.reason}")
    if found.missing:
        parts.append(f"{wording.plural(len(found.missing), 'run')} missing (seed {_seeds(found.missing)})")
    return "; ".join(parts)


def _seeds(seeds: tuple[int, ...]) -> str:
    more = f" and {len(seeds) - MOST_RUNS} more" if len(seeds) > MOST_RUNS else ""
    return ", ".join(map(str, seeds[:MOST_RUNS])) + more
