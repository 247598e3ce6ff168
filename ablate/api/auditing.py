"""Whether records can be trusted: some runs are trained again, and what comes out is compared bit for bit."""

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ablate.api.networks import place
from ablate.api.plans import check_trust
from ablate.api.results import Results
from ablate.errors import EmptyResultsError
from ablate.execution.again import train_again
from ablate.results.identity import PlannedRun
from ablate.results.record import Record
from ablate.results.store import Store

_VERSIONS = ("ablate", "tensorflow", "keras", "numpy", "python", "machine", "processor")
_LONGEST = 3  # differences that are named
Verdict = Literal["equal", "different", "elsewhere", "failed"]


@dataclass(frozen=True)
class Retrained:
    """What came of training a run again.

    Attributes:
        run: its key.
        treatment: its name.
        seed: the replicate's.
        trainer: of its record, and now.
        verdict: `equal`: the same, bit for bit, but for times. `different`: not, on the same machine and versions.
            `elsewhere`: not, but on another machine or with other versions than the record, which may be why.
            `failed`: it could not be trained again.
        differences: what is not the same, in words; why it failed.
        environment: machine and versions that are not those of the record, as "version then, version now" by name.
    """

    run: str
    treatment: str
    seed: int
    trainer: str
    verdict: Verdict
    differences: tuple[str, ...]
    environment: Mapping[str, str]


def retrain(
    results: Results,
    count: int,
    *,
    seed: int | None = None,
    trust_model: bool = False,
    listener: Callable[[Retrained], None] = lambda each: None,
) -> list[Retrained]:
    """Train some finished runs again, each alone in a process of its own, and compare them with their records.

    Args:
        results: of a study; nothing is changed in them.
        count: how many runs, or all that are finished if these are fewer.
        seed: chooses the runs and their order; none for another choice every time.
        trust_model: whether models that come in files may be loaded.
        listener: hears of each as it is done.

    Raises:
        EmptyResultsError: no run is finished.
        StudyError: a model comes in a file that is not trusted.
    """
    parts = [part for part in (results.snapshot, results.snapshot.confirmation) if part]
    planned = {run.key: (run, part.records.get(run.key)) for part in parts for run in part.planned}
    finished = {key: (run, record) for key, (run, record) in planned.items() if record is not None}
    if not finished:
        raise EmptyResultsError(f"no finished runs in {results.store.root}")
    chosen = random.Random(seed).sample(sorted(finished), min(count, len(finished)))  # noqa: S311 - no secret
    check_trust(results.study, (finished[key][0] for key in chosen), trusted=trust_model)
    found = []
    for key in chosen:
        found.append(_retrained(results, *finished[key]))
        listener(found[-1])
    return found


def _retrained(results: Results, run: PlannedRun, record: Record) -> Retrained:
    identity, store, folder = place(results, [run])
    with tempfile.TemporaryDirectory(prefix="ablate-again-") as kept:
        scratch = Store(Path(kept))
        scratch.prepare()
        outcome = train_again(run, record, identity, store, scratch, folder)
        again = scratch.load(run.key)
    what = run.key, run.treatment.name, run.seed, record.trainer
    if again is None:
        return Retrained(*what, "failed", (outcome.message or outcome.status,), {})
    differences = tuple(_differences(record, again))
    environment = _other_environment(record, again)
    verdict: Verdict = "equal" if not differences else "elsewhere" if environment else "different"
    return Retrained(*what, verdict, differences[:_LONGEST], environment)


def _other_environment(record: Record, again: Record) -> dict[str, str]:
    """Versions and machine where they differ; those that an older version did not record are not known to be equal."""
    then, now = record.environment, again.environment
    return {
        name: f"{then.get(name, 'not recorded')} then, {now.get(name, 'unknown')} now"
        for name in _VERSIONS
        if then.get(name) != now.get(name)
    }


def _differences(record: Record, again: Record) -> Iterator[str]:
    """What two records of a run do not agree in; `repr` tells numbers apart bit for bit, and takes NaN for NaN."""
    for name in ("status", "trainer"):
        if getattr(record, name) != getattr(again, name):
            yield f"{name}: {getattr(record, name)} then, {getattr(again, name)} now"
    for column, values in record.history.items():
        if column != "seconds":
            yield from _column(column, values, again.history.get(column, ()))
    for name in {*record.result, *again.result}:
        then, now = record.result.get(name), again.result.get(name)
        if repr(then) != repr(now):
            yield f"{name}: {then} then, {now} now"
    if record.weights and record.weights != again.weights:
        yield "the kept weights"
    if repr(record.probes) != repr(again.probes):
        yield "the distributions of weights and activations"


def _column(name: str, then: Sequence[float], now: Sequence[float]) -> Iterator[str]:
    if len(then) != len(now):
        yield f"{name}: {len(then)} epochs then, {len(now)} now"
        return
    for epoch, (one, other) in enumerate(zip(then, now, strict=True), 1):
        if repr(one) != repr(other):
            yield f"{name} from epoch {epoch} on: {one} then, {other} now"
            return
