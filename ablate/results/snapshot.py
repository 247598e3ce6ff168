"""Everything known of a study at one moment; tables, analysis and page are made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from ablate.results import table
from ablate.results.identity import Identity, PlannedRun, data_name
from ablate.results.record import Failure, Record
from ablate.results.store import Store
from ablate.studies.spec import Study


@dataclass(frozen=True)
class Snapshot:
    """What a study asks and what is there of it.

    Attributes:
        study: the study.
        planned: all its runs, the baseline's first within each replicate.
        records: finished runs, by key.
        failures: the last failure of every run that has no record but was tried, by key.
        identity: the data and libraries of the runs.
        confirmation: what is there of the baseline and the best treatment with fresh seeds.
    """

    study: Study
    planned: tuple[PlannedRun, ...]
    records: Mapping[str, Record]
    failures: Mapping[str, Failure]
    identity: Identity
    confirmation: "Snapshot | None" = None

    @property
    def factor_names(self) -> list[str]:
        """The study's factors, in the order of the tables' columns; a linked group follows its members."""
        return self.study.columns

    @cached_property
    def levels(self) -> dict[str, list[str]]:
        """The labels of the levels that the design uses of every factor, the baseline first; linked ones are one."""
        used = {(name, level) for run in self.planned for name, level in run.treatment.levels.items()}
        return {
            factor.name: [level for level in factor.labels if level == factor.labels[0] or (factor.name, level) in used]
            for factor in self.study.factors
        }

    @property
    def is_coverage_only(self) -> bool:
        """Whether the design was made to try every pair of levels, and not to compare any."""
        return self.study.design == "pairwise"

    @property
    def missing(self) -> int:
        """Planned runs without a record."""
        return len({run.key for run in self.planned} - set(self.records))

    @property
    def classes(self) -> dict[str, int]:
        """How many classes the data of every planned run has, by key."""
        facts = self.identity.data
        return {run.key: facts[data_name(run.treatment.settings.data)].classes for run in self.planned}

    @property
    def largest_class(self) -> dict[str, float]:
        """What guessing the most frequent label achieves on the data of every finished run, by key."""
        facts = self.identity.data
        finished = [run for run in self.planned if run.key in self.records]
        data = {run.treatment.name: run.treatment.settings.data for run in finished}
        shares = {name: facts[data_name(each)].largest_class for name, each in data.items()}
        return {run.key: shares[run.treatment.name] for run in finished}

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row per finished or failed run; see `table.runs_table`."""
        return table.runs_table(self.factor_names, self.planned, self.records, self.failures, self.study.measured)

    @cached_property
    def histories(self) -> pd.DataFrame:
        """One row per finished run and epoch; see `table.histories_table`."""
        return table.histories_table(self.factor_names, self.planned, self.records, self.study.measured)

    @cached_property
    def layers(self) -> pd.DataFrame:
        """One row per finished run, layer, kind and moment; see `table.layers_table`."""
        return table.layers_table(self.planned, self.records)


def take(study: Study, planned: Sequence[PlannedRun], identity: Identity, store: Store) -> Snapshot:
    """Read what a store holds of a plan.

    Raises:
        StoreError: the store cannot be read.
    """
    keys = {run.key for run in planned}
    records = store.load_all(keys)
    return Snapshot(study, tuple(planned), records, store.last_failures(keys - set(records)), identity)
