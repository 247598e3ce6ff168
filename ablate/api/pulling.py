"""A pull-worker: a process on any host that takes run after run of a study from its folder until none is left.

It plans from what the submitting program left in the folder, so that both have the same runs; it claims, trains and
commits as `ablate run` does, by the same scheduler and the same worker processes.
"""

import json
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ablate.api.plans import Plan, check_trust, keep_networks
from ablate.errors import AblateError, WorkerError
from ablate.execution import scheduler
from ablate.execution.assignment import Outcome
from ablate.execution.engines import slurm
from ablate.execution.engines.local import Lanes
from ablate.execution.job import Job, check_shared, check_versions, digest_of
from ablate.execution.scheduler import Options, StopSignal
from ablate.results import models
from ablate.results.files import replace_file
from ablate.results.identity import Identity, plan_runs
from ablate.results.store import Store, utc_now
from ablate.studies import design, spec

_STUCK = "no run was finished within --time, and another worker would not get further; ask for more time"
END = frozenset({signal.SIGTERM, signal.SIGINT})  # of a job that is cancelled, or has to give its host to another
AGAIN = frozenset({signal.SIGUSR1, signal.SIGUSR2})  # shortly before the time is up, or the host is taken away
_Handler = Callable[[int, Any], Any]


@dataclass(frozen=True)
class Pull:
    """One worker of a job; what submitit calls, and hands over to the cluster again.

    Attributes:
        path: of the job, in the folder of results.
        token: see `Job`.
        number: of the worker, from 0.
    """

    path: Path
    token: str
    number: int

    def __call__(self) -> None:
        """Work until nothing is left, the time is up or somebody stops it; what it has to say is beside the job."""
        began = time.monotonic()
        say = Notes(self.path.with_name(f"{self.number}.json"), socket.gethostname())
        say(state="starting")
        try:
            with _signals() as received:
                pulled = work(self, say.host, began, received.stop)
        except BaseException as error:
            known = isinstance(error, AblateError)
            say(state="failed", message=str(error) if known else f"{type(error).__name__}: {error}")
            raise
        found = Counter(outcome.status for outcome in pulled.outcomes.values())
        stuck = pulled.is_late and not pulled.outcomes
        again = bool(pulled.left) and not stuck and not received.is_final
        state = "again" if again else "over"
        say(
            state=state, message=_STUCK if stuck else "", **{name: found[name] for name in ("ok", "diverged", "failed")}
        )
        if again:
            received.hand_over()

    def checkpoint(self) -> Any:
        """What submitit is to call when the job begins again: the same."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


@dataclass(frozen=True)
class Notes:
    """Where a worker says how it fares, for whoever looks.

    Attributes:
        path: of the file.
        host: where it works.
    """

    path: Path
    host: str

    def __call__(self, **what: object) -> None:
        """Replace what it said before; where that cannot be written, nothing ends for it."""
        document = {"host": self.host, "task": slurm.task(), "time": utc_now(), **what}
        with suppress(AblateError, OSError):
            replace_file(self.path, json.dumps(document).encode())


class Received:
    """Signals that this worker got, and what the cluster's library would do about them.

    Attributes:
        signals: so far.
        stop: the wish that they make.
    """

    def __init__(self) -> None:
        self.signals: set[int] = set()
        self.stop = StopSignal()
        self._before: dict[int, Any] = {}

    @property
    def is_final(self) -> bool:
        """Whether the job was ended for good; on preemption both kinds of signals come."""
        return bool(self.signals & END) and not self.signals & AGAIN

    def note(self, number: int, _: object) -> None:
        """Take note of a signal: the epochs that are being trained are finished."""
        self.signals.add(number)
        self.stop.level = max(self.stop.level, 1)

    def listen(self) -> Self:
        """Take signals from now on."""
        self._before = {number: signal.signal(number, self.note) for number in END | AGAIN}
        return self

    def leave(self) -> None:
        """Have signals do what they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def hand_over(self) -> None:
        """Have the job begin again later, by the handler that submitit has for this."""
        for number in AGAIN:
            handler = self._before.get(number)
            if callable(handler):
                handler(number, None)


@contextmanager
def _signals() -> Iterator[Received]:
    received = Received().listen()
    try:
        yield received
    finally:
        received.leave()


@dataclass(frozen=True)
class Pulled:
    """What a worker has done.

    Attributes:
        outcomes: what became of the runs that it trained itself, by key.
        left: runs that nobody has finished, or failed at, so far as it knows.
        is_late: whether most of its time is over.
    """

    outcomes: Mapping[str, Outcome]
    left: int
    is_late: bool


def work(pull: Pull, host: str, began: float, stop: StopSignal) -> Pulled:
    """Train what there is to train.

    Args:
        pull: the worker.
        host: what this host is called.
        began: monotonic time from which its time counts.
        stop: watched for a wish to stop.

    Raises:
        WorkerError: this host does not have what the submitting one has.
        StoreError: the folder cannot be read or written.
    """
    job = Job.read(pull.path)
    check_shared(pull.path, pull.token, job, host)
    check_versions(job.versions, host)
    plan = plan_of(job, Store(pull.path.parents[2]), pull.number)
    options = Options(
        job.jobs, job.trainer, job.timeout, job.budget, trust_model=job.trust_model, whole=True, began=began
    )
    check_trust(plan.study, plan.pending, trusted=job.trust_model)
    outcomes = _train(plan, job, options, stop)
    own = {key: outcome for key, outcome in outcomes.items() if not outcome.elsewhere}
    left = len({run.key for run in plan.pending} - outcomes.keys())
    return Pulled(own, left, options.overtime > -job.budget / 2)


def _train(plan: Plan, job: Job, options: Options, stop: StopSignal) -> Mapping[str, Outcome]:
    pending, keeps = plan.pending, not job.confirms and plan.study.save_models != "none"
    left = len(pending) + (len(models.keys(plan.store, "npz")) if keeps else 0)
    if not left:
        return {}
    folder = plan.study.source.parent
    with Lanes(min(job.jobs, left), left, deaf=END | AGAIN) as lanes, stop.watched():
        outcomes = scheduler.execute(
            pending, lanes, plan.identity, plan.store, folder, options, stop=stop, keep_weights=keeps,
            attempts=job.attempts,
        )  # fmt: skip
        if keeps and not stop.level and options.overtime <= 0:
            keep_networks(plan, lanes, options, stop)
    return outcomes


def plan_of(job: Job, store: Store, number: int = 0) -> Plan:
    """The runs of a job, as the submitting program planned them.

    Args:
        job: what it says of them.
        store: the folder of results.
        number: of the worker; each begins with another treatment, so that they compile different programs at first.

    Raises:
        WorkerError: other runs come out here than there.
    """
    study = spec.read(job.study, Path(job.source))
    identity = Identity.from_document(job.identity)
    treatments = design.treatments(study, design.MOST_RUNS_SHOWN)
    wanted = set(job.treatments)
    chosen = [each for each in treatments if each.name in wanted]
    selected = plan_runs(chosen, job.seeds, identity)
    if digest_of(selected) != job.runs:
        raise WorkerError(
            "the runs that come out of this study here are not those that were submitted; is it the same ablate?"
        )
    turned = _turned(chosen, number)
    selected = plan_runs(turned, job.seeds, identity)
    everything = selected if job.confirms else plan_runs(treatments, study.seeds, identity)
    done = store.load_all({run.key for run in selected})
    return Plan(study, identity, store, tuple(everything), tuple(selected), done, ())


def _turned(treatments: Sequence[design.Treatment], number: int) -> list[design.Treatment]:
    start = number % len(treatments) if treatments else 0
    return [*treatments[start:], *treatments[:start]]
