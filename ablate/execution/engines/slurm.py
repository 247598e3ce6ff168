"""Workers on the hosts of a SLURM cluster: an array of jobs, each of which takes run after run from the shared folder.

Submission and requeueing are submitit's. Whether jobs are still there is asked of `squeue`, which every cluster has;
the accounting that submitit asks is switched off on many.
"""

import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from ablate.errors import WorkerError
from ablate.execution.engines.local import modules_of_no_folder
from ablate.text import line

Cluster = Literal["slurm", "local"]
REQUEUES = 10_000  # a worker that finished nothing in its time is not requeued in the first place
SIGNAL_SECONDS = 90  # before its time is up, a worker is told
COMMAND_SECONDS = 60.0  # that squeue and scancel may take
_OURS = {"array", "output", "error", "open-mode", "signal", "time", "partition", "nodes", "ntasks", "wait", "parsable"}
_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_TIME = re.compile(r"(?:(?P<days>\d{1,3})-)?(?P<first>\d{1,5})(?::(?P<second>\d{1,2}))?(?::(?P<third>\d{1,2}))?")


@dataclass(frozen=True)
class Request:
    """What is asked of the cluster.

    Attributes:
        workers: jobs of the array.
        minutes: that each may take.
        partition: where; the cluster's default by default.
        cpus: cores of each worker, which trains as many runs at once.
        gpus: of each worker.
        sbatch: further options of sbatch, by name; `True` for one without a value.
        cluster: `slurm`, or `local` for processes of this machine.
    """

    workers: int = 1
    minutes: int = 60
    partition: str | None = None
    cpus: int = 1
    gpus: int = 0
    sbatch: Mapping[str, str | bool] = field(default_factory=dict)
    cluster: Cluster = "slurm"

    @property
    def budget(self) -> float:
        """Seconds that a worker trains, so that it ends in order before it is ended."""
        return max(60.0 * self.minutes - SIGNAL_SECONDS, 30.0 * self.minutes)


class Handle(Protocol):
    """As much of a submitit job as is used."""

    @property
    def job_id(self) -> str:
        """What the cluster calls it."""

    def done(self) -> bool:
        """Whether it has ended."""


@dataclass(frozen=True)
class Array:
    """Workers that were submitted.

    Attributes:
        jobs: one for each, as submitit hands them back.
        cluster: where they are.
    """

    jobs: Sequence[Handle]
    cluster: Cluster

    @property
    def name(self) -> str:
        """What the cluster calls them, in one word."""
        first = self.jobs[0].job_id
        if self.cluster == "slurm":
            return first.partition("_")[0]
        return first if len(self.jobs) == 1 else f"{first} and {len(self.jobs) - 1} more"

    def left(self) -> int:
        """How many are waiting or at work; all of them where the cluster does not answer."""
        if self.cluster == "local":
            return sum(not job.done() for job in self.jobs)
        said = _ask("squeue", "--noheader", "--array", "--jobs", self.name, "--format", "%T")
        if said is None:
            return len(self.jobs)
        if said.returncode:  # a cluster forgets jobs some minutes after their end
            return 0 if "invalid job id" in said.stderr.lower() else len(self.jobs)
        return len(said.stdout.split())

    def cancel(self, *, waiting_only: bool = False) -> None:
        """Have them end their runs after the epoch; what they were training stays pending.

        Args:
            waiting_only: only those that have not begun.
        """
        if self.cluster == "local":
            for job in self.jobs:
                if not waiting_only and not job.done():
                    with suppress(OSError):
                        os.kill(int(job.job_id), signal.SIGTERM)  # submitit's own way gives a worker a second
            return
        _ask("scancel", *(["--state=PENDING"] if waiting_only else []), self.name)


def _ask(*command: str) -> "subprocess.CompletedProcess[str] | None":
    """What a command of the cluster says; `None` if it does not."""
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)  # noqa: S603 - fixed arguments and a number
    return None


def submit(work: Sequence[Callable[[], object]], folder: Path, request: Request, name: str) -> Array:
    """Submit workers.

    Args:
        work: what each of them calls; if it has a method `checkpoint`, submitit may requeue it.
        folder: of the shared disk, for scripts and logs.
        request: what is asked of the cluster.
        name: of the jobs, for `squeue`.

    Raises:
        WorkerError: submitit is not installed, there is no cluster, or it refuses.
    """
    submitit = _submitit()
    if request.cluster == "slurm":
        _check_commands()
    logging.getLogger("submitit").setLevel(logging.ERROR)  # of its own, it writes about every failing `sacct`
    try:
        executor = _executor(submitit, folder, request, name)
        with modules_of_no_folder(), _terminal_unheard():
            jobs = executor.submit_array(list(work))
    except (submitit.core.utils.FailedJobError, submitit.core.utils.FailedSubmissionError) as error:
        raise WorkerError(f"sbatch refused: {line(str(error), 500)}") from None
    except (RuntimeError, ValueError, OSError) as error:
        raise WorkerError(f"no job could be submitted: {line(str(error), 500)}") from None
    return Array(jobs, request.cluster)


@contextmanager
def _terminal_unheard() -> Iterator[None]:
    """Let processes that start here, as those of the local cluster, outlive Ctrl-C and their terminal."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _submitit() -> Any:
    try:
        import submitit  # noqa: PLC0415 - of an extra
        import submitit.core.utils  # noqa: PLC0415
    except ImportError:
        raise WorkerError("--engine slurm needs submitit: pip install 'keras-ablate[slurm]'") from None
    return submitit


def _check_commands() -> None:
    missing = [name for name in ("sbatch", "srun", "squeue", "scancel") if shutil.which(name) is None]
    if missing:
        raise WorkerError(
            f"--engine slurm: no {' and no '.join(missing)} on this machine; run it on a login node of the cluster, or "
            "try it with --cluster local"
        )


def _executor(submitit: Any, folder: Path, request: Request, name: str) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    if request.cluster == "local":
        found = submitit.LocalExecutor(folder, max_num_timeout=REQUEUES)
        found.update_parameters(timeout_min=request.minutes, signal_delay_s=_delay(request), gpus_per_node=request.gpus)
        return found
    safe = f"{shlex.quote(sys.executable)} -P"  # finds no module in the folder where the command was typed
    found = submitit.SlurmExecutor(folder, max_num_timeout=REQUEUES, python=safe)
    found.update_parameters(
        job_name=name,
        time=request.minutes,
        cpus_per_task=request.cpus,
        signal_delay_s=_delay(request),
        array_parallelism=request.workers,
        additional_parameters={"requeue": True, **request.sbatch},
        **({"partition": request.partition} if request.partition else {}),
        **({"gpus_per_node": request.gpus} if request.gpus else {}),
    )
    return found


def _delay(request: Request) -> int:
    return int(60.0 * request.minutes - request.budget)


def minutes(text: str) -> int:
    """Whole minutes of a time as SLURM writes it: `90`, `90:00`, `01:30:00`, `1-12`, `1-12:00` or `1-12:00:00`.

    Raises:
        ValueError: it is none.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time")
    first, second, third = (int(match[name] or 0) for name in ("first", "second", "third"))
    if match["days"] is not None:
        seconds = 86400 * int(match["days"]) + 3600 * first + 60 * second + third
    elif match["third"] is not None:
        seconds = 3600 * first + 60 * second + third
    else:
        seconds = 60 * first + second
    if seconds <= 0:
        raise ValueError(f"{text!r} is no time")
    return -(-seconds // 60)


def option(text: str) -> tuple[str, str | bool]:
    """Name and value of an option of sbatch: `account=physics`, or `exclusive` alone.

    Raises:
        ValueError: it is none, or one that is set here; says what is wrong.
    """
    name, sign, value = text.removeprefix("--").partition("=")
    if not _OPTION.fullmatch(name) or (sign and not value) or "\n" in value:
        raise ValueError(f"{text!r} should be an option of sbatch, as account=physics or exclusive")
    if name in _OURS:
        raise ValueError(f"--{name} is set by ablate; see --workers, --time, --partition, --cpus and --gpus")
    return name, value if sign else True


def task() -> str:
    """What the cluster calls the job that this process is; empty outside of one."""
    array, number = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    if array and number:
        return f"{array}_{number}"
    return os.environ.get("SLURM_JOB_ID") or os.environ.get("SUBMITIT_LOCAL_JOB_ID") or ""
