"""Runs on a cluster: hand a plan to workers on other hosts, and follow them."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ablate.api.plans import Plan, check_trust, open_folder
from ablate.api.pulling import Pull
from ablate.errors import WorkerError
from ablate.execution import scheduler
from ablate.execution.assignment import Outcome
from ablate.execution.engines import slurm
from ablate.execution.engines.slurm import Array, Request
from ablate.execution.job import NAME, Job, digest_of, versions
from ablate.execution.progress import Listener, Progress
from ablate.execution.scheduler import Options, StopSignal
from ablate.execution.watching import Watch
from ablate.reading import parse_json
from ablate.results import entries, files, leases
from ablate.results.store import Store
from ablate.settings import document
from ablate.text import line

LOOK_SECONDS = 2.0  # between two looks into the folder
END_SECONDS = 60.0  # that cancelled workers are waited for
Submit = Callable[..., Array]


@dataclass(frozen=True)
class Submitted:
    """Workers that were handed a plan.

    Attributes:
        array: the workers.
        folder: of their job and what they say.
        watch: the runs that are waited for.
    """

    array: Array
    folder: Path
    watch: Watch


def submit(plan: Plan, request: Request, options: Options, *, confirms: bool = False) -> Submitted | None:
    """Hand what is pending of a plan to workers on a cluster, which need the folder of results on a disk of theirs.

    Args:
        plan: the runs.
        request: what is asked of the cluster.
        options: how to train them.
        confirms: whether it is a plan of `plan_confirmation`.

    Returns:
        The workers; `None` if nothing is pending.

    Raises:
        StudyError: a model comes in a file that is not trusted.
        StoreError: the results folder cannot be written.
        WorkerError: the cluster refuses.
    """
    check_trust(plan.study, plan.pending, trusted=options.trust_model)
    if confirms:
        entries.write(plan.store, plan.everything)
    else:
        open_folder(plan)
    pending = plan.pending
    if not pending:
        return None
    leases.use(plan.store.root)  # that locks reach from one host to another cannot be tried on one
    job = _job(plan, request, options, confirms=confirms)
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{job.token[:6]}"
    path = files.place(plan.store.root.absolute(), files.WORKERS, name, NAME)
    job.write(path)
    workers = min(request.workers, len(pending))
    work = [Pull(path, job.token, number) for number in range(workers)]
    array = slurm.submit(work, path.parent / "submitit", request, f"ablate-{plan.study.name}")
    return Submitted(array, path.parent, Watch(plan.store, pending, job.attempts))


def _job(plan: Plan, request: Request, options: Options, *, confirms: bool) -> Job:
    attempts = {run.key: plan.store.attempts(run.key) for run in plan.pending}
    return Job(
        token=secrets.token_hex(16),
        versions=versions(),
        source=str(plan.study.source.resolve()),
        study=document.write(plan.study.document()),
        identity=json.loads(json.dumps(asdict(plan.identity))),
        treatments=list(dict.fromkeys(run.treatment.name for run in plan.selected)),
        seeds=list(dict.fromkeys(run.seed for run in plan.selected)),
        confirms=confirms,
        runs=digest_of(plan.selected),
        attempts={key: count for key, count in attempts.items() if count},
        jobs=request.cpus,
        trainer=options.trainer,
        timeout=options.timeout,
        budget=request.budget,
        trust_model=options.trust_model,
    )


def follow(
    submitted: Submitted,
    options: Options,
    listener: Listener = lambda progress: None,
    stop: StopSignal | None = None,
) -> Mapping[str, Outcome]:
    """Wait until workers have trained what they were handed, telling of every run; stop them if somebody wants that.

    Returns:
        What became of each run, by key; runs that are still pending are missing.

    Raises:
        StoreError: the results folder cannot be read.
        WorkerError: all workers are gone, and runs are left.
    """
    stop = stop or StopSignal()
    session = _Following(submitted, options, listener, stop)
    with stop.watched():
        session.follow()
    return session.outcomes


class _Following:
    """One call of `follow`."""

    def __init__(self, submitted: Submitted, options: Options, listener: Listener, stop: StopSignal) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._array, self._watch, self._folder = submitted.array, submitted.watch, submitted.folder
        self._options, self._listener, self._stop = options, listener, stop
        epochs = sum(run.treatment.settings.training.epochs for run in self._watch.pending.values())
        self._progress = Progress(len(self._watch.pending), epochs)

    def follow(self) -> None:
        """Until all runs are over, nobody works on them, or somebody wants to stop."""
        while True:
            left = self._array.left()  # asked first: what they finished before they ended is seen below
            self._look()
            if not self._watch.pending:
                self._array.cancel(waiting_only=True)
                self._wait_for_end(lambda: self._stop.level > 0)
                return
            if self._stop.level or self._options.overtime > 0:
                self._end()
                return
            if not left:
                raise WorkerError(self._why_nobody_is_left())
            self._pause()

    def _look(self) -> None:
        for run, outcome in self._watch.news():
            self.outcomes[run.key] = outcome
            self._progress.done[outcome.status] += 1
            self._progress.epochs += run.treatment.settings.training.epochs
            if outcome.status == "failed" and self._options.fail_fast:
                self._stop.level = max(self._stop.level, 1)
            self._progress.last = run, outcome
            self._listener(self._progress)
        self._progress.last = None
        self._listener(self._progress)

    def _end(self) -> None:
        """Have the workers end, and see what they finish."""
        self._array.cancel()
        ended = time.monotonic() + END_SECONDS
        self._wait_for_end(lambda: self._stop.level > 1 or time.monotonic() > ended)
        self._look()

    def _wait_for_end(self, is_enough: Callable[[], bool]) -> None:
        while self._array.left() and not is_enough():
            self._pause()

    def _pause(self) -> None:
        ends = time.monotonic() + LOOK_SECONDS
        level = self._stop.level
        while self._stop.level == level and time.monotonic() < ends:
            time.sleep(min(scheduler.POLL_SECONDS, LOOK_SECONDS))

    def _why_nobody_is_left(self) -> str:
        count = len(self._watch.pending)
        said = messages(self._folder)
        reason = "; ".join(f"{text} ({times} workers)" if times > 1 else text for text, times in said.items())
        logs = self._folder / "submitit"
        why = reason or "they ended without a word, as where a job is killed or the folder is not on their disk"
        return f"no worker is left, and {count} runs are still to be trained: {why}. Their logs are in {logs}"


def messages(folder: Path) -> Counter[str]:
    """What the workers of a job complain of, and how many of each."""
    return Counter(said["message"] for said in notes(folder) if said.get("message"))


def complaints(store: Store) -> set[str]:
    """What the workers of the last job of a study complain of."""
    jobs = sorted((store.root / files.WORKERS).glob("*/" + NAME))
    return set(messages(jobs[-1].parent)) if jobs else set()


def notes(folder: Path) -> list[dict[str, Any]]:
    """What the workers of a job said last, one document for each that has begun."""
    found = []
    for path in sorted(folder.glob("[0-9]*.json")):
        with suppress(OSError, ValueError, files.DamagedError):
            said = parse_json(files.read(path, folders=2))
            if isinstance(said, dict):
                found.append({str(name): line(str(value), 1000) for name, value in said.items()})
    return found
