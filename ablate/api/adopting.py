"""Runs that another study's results have already: a study that was renamed, or that shares runs with another."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ablate.api.confirming import distinct_treatments
from ablate.api.plans import Plan
from ablate.errors import Problem, StudyError
from ablate.results import entries, merging
from ablate.results.identity import plan_runs
from ablate.results.merging import Merged
from ablate.results.store import Store


def adopt(plan: Plan, other: str | os.PathLike[str]) -> tuple[Plan, Merged]:
    """Copy what another folder of results has of a study's runs: records, kept networks, and its confirmation.

    Args:
        plan: the study's runs.
        other: name of a study whose results lie beside the plan's, or a folder of results.

    Returns:
        The plan with what is done now, and what was copied.

    Raises:
        StudyError: there are no such results.
        StoreError: they cannot be read, or the plan's folder cannot be written.
    """
    source = Store(_folder(plan, other))
    wanted = {run.key for run in plan.everything}
    confirming = set(_confirming(plan, source))
    found = merging.adopt(source, plan.store, wanted | confirming)
    if confirming:
        entries.copy(source, plan.store)
    of_plan = replace(
        found,
        added=tuple(key for key in found.added if key in wanted),
        there=tuple(key for key in found.there if key in wanted),
    )
    return replace(plan, done=plan.store.load_all({run.key for run in plan.selected})), of_plan


def adoptable(plan: Plan) -> list[str]:
    """A hint for every folder of results beside the plan's that has records of its pending runs; none is read."""
    pending = [run.key for run in plan.pending]
    found = []
    for folder in _beside(plan) if pending else ():
        other = Store(folder)
        count = sum(os.path.lexists(other.record_path(key)) for key in pending)
        if count:
            these = f"{count} of these {len(pending)} runs are" if len(pending) > 1 else "this run is"
            them = "them" if count > 1 else "it"
            found.append(f"{these} in {folder}: 'ablate run --adopt {folder.name}' takes {them} over")
    return found


def _beside(plan: Plan) -> Iterator[Path]:
    """The results of other studies in the same folder."""
    own = plan.store.root
    for kept in sorted(own.parent.glob("*/study.toml")):
        if kept.parent.name != own.name:
            yield kept.parent


def _folder(plan: Plan, other: str | os.PathLike[str]) -> Path:
    asked = repr(os.fspath(other))
    named, own = plan.store.root.parent / other, plan.store.root
    folder = named if (named / "runs").is_dir() else Path(other)
    if not (folder / "runs").is_dir():
        raise StudyError("--adopt", [Problem("", f"{asked} is no study in {own.parent} and no folder of results")])
    if folder.resolve() == own.resolve():
        raise StudyError("--adopt", [Problem("", f"{asked} is this study's own folder of results")])
    return folder


def _confirming(plan: Plan, source: Store) -> Iterator[str]:
    """Keys of the runs that were trained there to confirm a choice among this study's treatments."""
    treatments = distinct_treatments(plan.everything)
    for entry in entries.read(source):
        try:
            runs = plan_runs(treatments, entry.seeds, plan.identity)
        except KeyError:  # what such a run goes on from is not known
            continue
        yield from entry.runs & {run.key for run in runs}
