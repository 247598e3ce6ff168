"""What the analysis says of a study, in one place: the page, `ablate status` and the library read it here."""

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
import pandas as pd

import ablate
from ablate.analysis import (
    claims,
    derived,
    diagnosis,
    durations,
    effects,
    estimates,
    factorial,
    layers,
    pairs,
    selection,
)
from ablate.analysis.estimates import Estimate
from ablate.analysis.factorial import NotEstimableError
from ablate.results import baseline
from ablate.results.baseline import Baseline
from ablate.results.snapshot import Snapshot
from ablate.study import design
from ablate.study.layer_metrics import RUNNING_GAP, layer_metric
from ablate.study.metrics import epochs_to


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
            self._effects[metric] = effects.effects(self.runs(metric), self.levels, metric, coverage_only=only)
        return self._effects[metric]

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
        thresholds, guess = self.snapshot.study.thresholds, self.snapshot.largest_class
        return diagnosis.diagnose(self.snapshot.runs, self.snapshot.histories, guess, thresholds)

    @cached_property
    def diagnosis(self) -> pd.DataFrame:
        """How many runs of each treatment are overfit, underfit, ...; see `analysis.diagnosis.counts`."""
        return diagnosis.counts(self.diagnosed)

    @cached_property
    def moved(self) -> pd.DataFrame:
        """Which level moved which of these symptoms; see `analysis.diagnosis.moved`."""
        return diagnosis.moved(self.snapshot.runs, self.diagnosed, self.levels)

    @cached_property
    def layers(self) -> pd.DataFrame:
        """What stands out inside the networks; see `analysis.layers.findings`."""
        return layers.findings(self.snapshot.layers, self.snapshot.study.thresholds)

    @property
    def interactions(self) -> "pd.DataFrame | str":
        """What levels do together (see `analysis.factorial.interactions`), or why the runs do not tell."""
        return self._told(lambda: factorial.interactions(self._grid))

    @property
    def shapley(self) -> "pd.DataFrame | str":
        """Every remedy's share in what all of them bring (see `analysis.factorial.shapley`), or why not."""
        return self._told(lambda: factorial.shapley(self._grid))

    @property
    def variance_shares(self) -> "pd.DataFrame | str":
        """What the variance between treatments comes from (see `analysis.factorial.variance_shares`), or why not."""
        return self._told(lambda: factorial.variance_shares(self._grid))

    @property
    def order_dependence(self) -> "pd.DataFrame | str":
        """Which remedies do something else alone than beside the others (see `analysis.factorial`), or why not."""
        study = self.snapshot.study
        on = design.everything_on(study)
        full = {factor.name: factor.labels[level] for factor, level in zip(study.factors, on, strict=True)}
        runs = self.runs(study.primary)
        return self._told(lambda: factorial.order_dependence(runs, self.levels, study.primary, full))

    @cached_property
    def claims(self) -> pd.DataFrame:
        """What the runs say of the study's claims; see `analysis.claims.Judged`."""
        study = self.snapshot.study
        judged = []
        for number, claim in enumerate(study.claims):
            sides = [
                None if table is None else self._labels(table, f"claim[{number}].{side}")
                for side, table in (("treatment", claim.treatment), ("against", claim.against))
            ]
            judged.append(claims.judge(claim, self.runs(claim.metric), sides[0] or {}, sides[1], list(self.levels)))
        return claims.table(judged)

    @cached_property
    def baseline(self) -> Baseline:
        """What is kept of the study for later ones to be compared with."""
        return baseline.of(self.snapshot, self.runs(self.snapshot.study.primary), ablate.__version__)

    @cached_property
    def winner(self) -> str | None:
        """The treatment that validation chooses; see `analysis.selection.winner`."""
        return selection.winner(self.snapshot.runs)

    def lead(self, *, confirmed: bool = False) -> tuple[Estimate, int]:
        """By how much the winner is ahead of the baseline on the primary metric, and from how many seeds.

        Args:
            confirmed: on the fresh seeds of `run --confirm` instead of those that chose it.
        """
        content = self.snapshot.confirmation if confirmed else self.snapshot
        primary = self.snapshot.study.primary
        if content is None or self.winner is None:
            return estimates.estimate_mean(np.empty(0)), 0
        runs = durations.with_metric(content.runs, content.histories, primary)
        sides = ({"treatment": [self.winner]}, {"treatment": ["baseline"]})
        own = pairs.pair(pairs.measured(runs, ["treatment"], primary), *sides, ["treatment"]).numbers
        return estimates.estimate_mean(own), len(own)

    @cached_property
    def _grid(self) -> factorial.Grid:
        primary = self.snapshot.study.primary
        if self.snapshot.is_coverage_only:
            raise NotEstimableError("a pairwise design is for coverage only; it takes a complete grid")
        return factorial.grid(self.runs(primary), self.levels, primary)

    def _labels(self, table: Mapping[str, object], key: str) -> dict[str, set[str]]:
        factors = self.snapshot.study.factors
        allowed = self.snapshot.study.select(table, key).allowed
        return {
            factors[place].name: {factors[place].labels[level] for level in kept} for place, kept in allowed.items()
        }

    @staticmethod
    def _told(ask: Callable[[], pd.DataFrame]) -> "pd.DataFrame | str":
        try:
            return ask()
        except NotEstimableError as error:
            return str(error)
