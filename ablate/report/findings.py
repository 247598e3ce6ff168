"""What the analysis says of a study, in one place: the page, `ablate status` and the library read it here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from ablate.analysis import (
    claims,
    derived,
    diagnosis,
    durations,
    effects,
    estimates,
    factorial,
    lag,
    layers,
    pairs,
    selection,
)
from ablate.analysis.estimates import Estimate
from ablate.analysis.factorial import NotEstimableError
from ablate.results import baseline, kept
from ablate.results.baseline import Baseline
from ablate.results.snapshot import Snapshot
from ablate.settings.metrics import epochs_to, lower_is_better, with_unit
from ablate.studies import design
from ablate.studies.layer_metrics import RUNNING_GAP, layer_metric
from ablate.version import __version__

_COVERAGE_ONLY = "a pairwise design is for coverage only; it takes a complete grid"


@dataclass(frozen=True)
class Lead:
    """How far a treatment is ahead of the baseline, and what may be said of it.

    Attributes:
        found: the mean difference, with its own interval and p.
        count: seeds.
        verdict: as of an effect.
        p_holm: p after Holm's adjustment over all treatments; p itself on fresh seeds, which compare one.
        level: the only level in which the treatment differs from the baseline, where the effect of that level is
            undecided, or not for the better as well.
    """

    found: Estimate
    count: int
    verdict: str
    p_holm: float
    level: str = ""


class Findings:
    """The analysis of a snapshot.

    Args:
        snapshot: the study; it may be partial or have no finished run at all.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.levels = snapshot.levels
        self._effects: dict[str, pd.DataFrame] = {}

    @property
    def ok(self) -> pd.DataFrame:
        """The runs with usable numbers."""
        return self.snapshot.runs[self.snapshot.runs["status"] == "ok"]

    def runs(self, metric: str) -> pd.DataFrame:
        """The runs table, with a column for this metric."""
        content = self.snapshot
        if layer_metric(metric) or metric == RUNNING_GAP:
            return derived.with_derived(content.runs, content.layers, metric)
        return durations.with_metric(content.runs, content.histories, metric)

    def effects(self, metric: str | None = None) -> pd.DataFrame:
        """The effect of every level; see `analysis.effects.effects`.

        Args:
            metric: the study's primary one by default.
        """
        metric = metric or self.snapshot.study.primary
        if metric not in self._effects:
            only = self.snapshot.is_coverage_only
            found = effects.effects(self.runs(metric), self.levels, metric, coverage_only=only)
            found["metric"] = with_unit(metric, self.snapshot.study.measured.score)
            if epochs_to(metric):  # where the number of epochs differs, so does the time that there is to get there
                found.loc[found["factor"].isin(self._longer) & ~found["verdict"].eq("coverage only"), "verdict"] = (
                    "undecided"
                )
            self._effects[metric] = found
        return self._effects[metric]

    @property
    def _longer(self) -> list[str]:
        """The factors that change for how many epochs runs are trained."""
        factors = self.snapshot.study.factors
        return [factor.name for factor in factors if any(part.name == "training.epochs" for part in factor.parts)]

    def differences(self, metric: str | None = None) -> pd.DataFrame:
        """What the effects on a metric are means of; see `analysis.effects.seed_differences`.

        Args:
            metric: the study's primary one by default.
        """
        metric = metric or self.snapshot.study.primary
        return effects.seed_differences(self.runs(metric), self.levels, metric)

    @property
    def median_epochs(self) -> dict[str, pd.DataFrame]:
        """The median epochs of every treatment to the thresholds that the study names, by metric."""
        study = self.snapshot.study
        wanted = [metric for metric in (study.primary, *study.secondary) if epochs_to(metric)]
        return {metric: durations.median_epochs(self.runs(metric), metric) for metric in wanted}

    @cached_property
    def diagnosed(self) -> pd.DataFrame:
        """The label of every finished run; see `analysis.diagnosis.diagnose`."""
        thresholds, measured = self.snapshot.study.thresholds, self.snapshot.study.measured
        classes, largest = self.snapshot.classes, self.snapshot.largest_class
        score = "r2" if measured.task == "regression" else measured.score
        guess = {key: diagnosis.guessing(score, share, classes[key]) for key, share in largest.items()}
        return diagnosis.diagnose(self.snapshot.runs, self.snapshot.histories, guess, thresholds, score)

    @cached_property
    def diagnosis(self) -> pd.DataFrame:
        """How many runs of each treatment are overfit, underfit, ...; see `analysis.diagnosis.counts`."""
        return diagnosis.counts(self.diagnosed)

    @cached_property
    def lagging(self) -> pd.DataFrame:
        """Treatments whose batch normalization lags behind; see `analysis.lag.lagging`. Of accuracies alone."""
        if self.snapshot.study.measured.task == "regression":
            return pd.DataFrame(columns=list(lag.COLUMNS))
        known = {
            key: lag.Normalized(momentum, batches)
            for key, record in self.snapshot.records.items()
            if (momentum := kept.momentum(record)) is not None and (batches := kept.batches(record)) is not None
        }
        return lag.lagging(self.snapshot.runs, known, self.snapshot.study.thresholds.gap)

    @cached_property
    def moved(self) -> pd.DataFrame:
        """Which level moved which of these symptoms; see `analysis.diagnosis.moved`."""
        levels = {} if self.snapshot.is_coverage_only else self.levels
        return diagnosis.moved(self.snapshot.runs, self.diagnosed, levels)

    @cached_property
    def layers(self) -> pd.DataFrame:
        """What stands out inside the networks; see `analysis.layers.findings`."""
        return layers.findings(self.snapshot.layers, self.snapshot.study.thresholds)

    @property
    def interactions(self) -> "pd.DataFrame | str":
        """What levels do together (see `analysis.factorial.interactions`), or why the runs do not tell."""
        return self._of_grid(factorial.interactions)

    @property
    def shapley(self) -> "pd.DataFrame | str":
        """Every remedy's share in what all of them bring (see `analysis.factorial.shapley`), or why not."""
        return self._of_grid(factorial.shapley)

    @property
    def variance_shares(self) -> "pd.DataFrame | str":
        """What the variance between treatments comes from (see `analysis.factorial.variance_shares`), or why not."""
        return self._of_grid(factorial.variance_shares)

    @property
    def order_dependence(self) -> "pd.DataFrame | str":
        """Which remedies do something else alone than beside the others (see `analysis.factorial`), or why not."""
        study = self.snapshot.study
        if self.snapshot.is_coverage_only:
            return _COVERAGE_ONLY
        on = design.everything_on(study)
        full = {factor.name: factor.labels[level] for factor, level in zip(study.factors, on, strict=True)}
        runs = self.runs(study.primary)
        return _told(factorial.order_dependence, runs, self.levels, study.primary, full)

    @cached_property
    def claims(self) -> pd.DataFrame:
        """What the runs say of the study's claims; see `analysis.claims.Judged`."""
        study = self.snapshot.study
        metrics, factors = dict.fromkeys(claim.metric for claim in study.claims), list(self.levels)
        runs = {metric: pairs.measured(self.runs(metric), factors, metric) for metric in metrics}
        judged = []
        for number, claim in enumerate(study.claims):
            sides = [
                None if table is None else self._labels(table, f"claim[{number}].{side}")
                for side, table in (("treatment", claim.treatment), ("against", claim.against))
            ]
            found = claims.judge(claim, runs[claim.metric], sides[0] or {}, sides[1], factors)
            judged.append(replace(found, metric=with_unit(claim.metric, study.measured.score)))
        return claims.table(judged)

    @cached_property
    def baseline(self) -> Baseline:
        """What is kept of the study for later ones to be compared with."""
        return baseline.of(self.snapshot, self.runs(self.snapshot.study.primary), __version__)

    @cached_property
    def winner(self) -> str | None:
        """The treatment that validation chooses; see `analysis.selection.winner`."""
        return selection.winner(self.snapshot.runs, self.snapshot.study.measured.score)

    def lead(self, *, confirmed: bool = False) -> "Lead | None":
        """How far the winner is ahead of the baseline on the primary metric; `None` where no pair of runs tells.

        It is judged as effects are, among all treatments that could have been chosen. Of a treatment that differs in
        one level, nothing is said that the effect of this level does not say, too.

        Args:
            confirmed: on the fresh seeds of `run --confirm` instead of those that chose it.
        """
        content = self.snapshot.confirmation if confirmed else self.snapshot
        primary = self.snapshot.study.primary
        if content is None or self.winner in (None, "baseline"):
            return None
        runs = durations.with_metric(content.runs, content.histories, primary)
        sides = ({"treatment": [str(self.winner)]}, {"treatment": ["baseline"]})
        own = pairs.pair(pairs.measured(runs, ["treatment"], primary), *sides, ["treatment"])
        found = estimates.estimate_mean(own.numbers)
        if not len(own.numbers):
            return None
        gain = -found.mean if lower_is_better(primary) else found.mean
        p = found.p if confirmed else float(effects.adjusted_p(runs, primary)[self.winner])
        verdict = effects.verdict(own, gain, p)
        level = "" if confirmed or verdict not in ("helps", "hurts") else self._disagreeing_level(verdict)
        return Lead(found, len(own.numbers), "undecided" if level else verdict, p, level)

    def _disagreeing_level(self, verdict: str) -> str:
        """The only level that the winner differs from the baseline in, if the verdict on its effect is another one."""
        treatment = next(run.treatment for run in self.snapshot.planned if run.treatment.name == self.winner)
        changed = [
            (name, level) for name, (first, *_) in self.levels.items() if (level := treatment.levels[name]) != first
        ]
        if len(changed) != 1:
            return ""
        name, level = changed[0]
        table = self.effects()
        row = table[table["factor"].eq(name) & table["level"].eq(level)]
        return "" if row["verdict"].eq(verdict).all() else f"{name} = {level}"

    @cached_property
    def _grid(self) -> "factorial.Grid | str":
        """The primary metric on the complete grid, or why there is none."""
        primary = self.snapshot.study.primary
        if self.snapshot.is_coverage_only:
            return _COVERAGE_ONLY
        try:
            return factorial.grid(self.runs(primary), self.levels, primary)
        except NotEstimableError as error:
            return str(error)

    def _labels(self, table: Mapping[str, object], key: str) -> dict[str, set[str]]:
        factors = self.snapshot.study.factors
        allowed = self.snapshot.study.select(table, key).allowed
        return {
            factors[place].name: {factors[place].labels[level] for level in kept} for place, kept in allowed.items()
        }

    def _of_grid(self, ask: Callable[[factorial.Grid], pd.DataFrame]) -> "pd.DataFrame | str":
        return self._grid if isinstance(self._grid, str) else _told(ask, self._grid)


def _told(ask: Callable[..., pd.DataFrame], *arguments: object) -> "pd.DataFrame | str":
    """What an analysis says, or why it cannot."""
    try:
        return ask(*arguments)
    except NotEstimableError as error:
        return str(error)
