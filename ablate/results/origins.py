"""Which finished run of another study each run goes on from (`[training] continue_from`)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ablate.errors import Problem, StudyError
from ablate.results import models
from ablate.results.identity import Identity, PlannedRun, data_name, origin_name, plan_runs
from ablate.results.store import Store
from ablate.studies import design
from ablate.studies.design import Treatment
from ablate.studies.spec import Study

_KEY = "training.continue_from"


def find(study: Study, treatments: Iterable[Treatment], identity: Identity, reports: Path) -> dict[str, str]:
    """Keys of the records that the runs of a study go on from, by `origin_name`.

    Args:
        study: the study that goes on.
        treatments: its treatments.
        identity: its data.
        reports: the folder that holds the results of both studies.

    Raises:
        StudyError: the other study was not run, saw other data, or lacks one of the runs or its weights.
        StoreError: its results cannot be read.
    """
    return {
        origin_name(treatment.settings, seed): other.key(treatment, seed, identity)
        for treatment, other in _going_on(study, treatments, reports)
        for seed in study.seeds
    }


def find_known(study: Study, treatments: Iterable[Treatment], identity: Identity, reports: Path) -> dict[str, str]:
    """The same without the runs that the other study lacks, and none where it cannot be used at all."""
    found: dict[str, str] = {}
    with suppress(StudyError):
        for treatment, other in _going_on(study, treatments, reports):
            for seed in study.seeds:
                with suppress(StudyError):
                    found[origin_name(treatment.settings, seed)] = other.key(treatment, seed, identity)
    return found


def _going_on(study: Study, treatments: Iterable[Treatment], reports: Path) -> Iterator[tuple[Treatment, "_Other"]]:
    """The treatments that go on from another study, each with that one, which is read once."""
    others: dict[str, _Other] = {}
    for treatment in treatments:
        name = treatment.settings.training.continue_from
        if name is not None:
            if name not in others:
                others[name] = _Other(study, name, reports / name)
            yield treatment, others[name]


class _Other:
    """A study that another one goes on from, as it was run last."""

    def __init__(self, asking: Study, name: str, folder: Path) -> None:
        self._asking = asking
        self._name = name
        self._store = Store(folder)
        identity = self._store.read_identity()
        study = self._store.read_study()
        if identity is None or study is None:
            raise self._error(f"no results of that study in {folder.parent}; run it first, with save_models = 'all'")
        self._identity = identity
        treatments = design.treatments(study, design.MOST_RUNS_SHOWN)
        if not all(identity.covers(each.settings, study.seeds) for each in treatments):
            raise self._error("has results that do not go with its study.toml; run it again")
        runs = plan_runs(treatments, study.seeds, identity)
        self._runs: Mapping[str, Sequence[PlannedRun]] = _grouped(runs)

    def key(self, treatment: Treatment, seed: int, identity: Identity) -> str:
        """The key of the run with the same data, network, remedies and seed."""
        what = f"{treatment.name} with seed {seed}"
        runs = self._runs.get(origin_name(treatment.settings, seed), ())
        keys = {run.key for run in runs}
        if not keys:
            raise self._error(f"has no run with the data, model and remedies of {what}")
        if len(keys) > 1:
            raise self._error(f"has {len(keys)} runs with the data, model and remedies of {what}; which one is open")
        (key,), own = keys, runs[0].treatment.settings.data
        if self._identity.data[data_name(own)].digest != identity.data[data_name(treatment.settings.data)].digest:
            raise self._error("was trained on other data than is there now")
        if self._store.load(key) is None:
            raise self._error(f"has not finished its run of {what}; 'ablate run' finishes it")
        if not any(self._store.has(models.model_path(self._store, key, kind)) for kind in ("npz", "keras")):
            raise self._error(f"did not keep the network of {what}; run it with save_models = 'all'")
        return key

    def _error(self, message: str) -> StudyError:
        return self._asking.error([Problem(_KEY, message, f'"{self._name}"')])


def _grouped(runs: Iterable[PlannedRun]) -> dict[str, list[PlannedRun]]:
    groups: dict[str, list[PlannedRun]] = {}
    for run in runs:
        groups.setdefault(origin_name(run.treatment.settings, run.seed), []).append(run)
    return groups
