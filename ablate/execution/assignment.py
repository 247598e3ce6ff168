"""What the scheduler and its workers send each other: a run to be trained, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ablate.results.record import TrainerName

LONGEST_MESSAGE = 300  # characters of the one line about a failure


@dataclass(frozen=True)
class Assignment:
    """One run, as it is sent to a worker.

    Attributes:
        index: its place in the shared array of finished epochs.
        key: the run's key.
        settings: its resolved settings, as plain values (their classes are made at import and cannot be sent).
        seed: its replicate's seed.
        folder: where relative paths of the study start.
        data_digest: digest of the data that the key was made with.
        code: digests of the user's functions that the key was made with, by reference.
        model_file: digest of the model file that the key was made with; `None` without one.
        store: the study's results folder.
        trainer: `compiled` or `fit`.
        keep_weights: whether to keep what the network has learned.
        origin: folder and run of the study whose weights it starts from.
        treatment: the label of every factor's level, which callbacks of the user's may ask for.
        surroundings: what the record's environment says beyond what the worker knows; see `surroundings.describe`.
        as_recorded: whether the trainer is that of a record, which no measured way replaces; see `ways`.
    """

    index: int
    key: str
    settings: Mapping[str, Any]
    seed: int
    folder: Path
    data_digest: str
    code: Mapping[str, str]
    model_file: str | None
    store: Path
    trainer: TrainerName
    keep_weights: bool
    origin: tuple[Path, str] | None = None
    treatment: Mapping[str, str] = field(default_factory=dict)
    surroundings: Mapping[str, str] = field(default_factory=dict)
    as_recorded: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of an assignment.

    Attributes:
        key: the run's key.
        status: `ok` and `diverged` have a record; `failed` has not; `stopped` was asked to stop. `unwritable`
            (the store) and `unable` (the libraries or the data) say that no other run would fare better. `unborn`:
            its process ended before it began.
        message: one line about a failure.
        log: the last of what it printed, and its traceback.
        epochs: epochs trained.
        compiled: whether a program was compiled for it.
        metric, score: of the kept weights in the test, for progress lines; see `Record.headline`.
        slower: why it was not trained by the trainer asked for; empty if it was.
        seconds: wall time.
        elsewhere: whether another invocation trained it meanwhile.
        memory: bytes that its process holds afterwards; 0 where that is not known.
        spent: why its process should train nothing else; empty if it may.
        refused: whether its model cannot be trained, whatever the seed: no run of its structure would fare better.
    """

    key: str
    status: Literal["ok", "diverged", "failed", "stopped", "unwritable", "unable", "unborn"]
    message: str = ""
    log: str = ""
    epochs: int = 0
    compiled: bool = False
    metric: str = "test_accuracy"
    score: float = float("nan")
    slower: str = ""
    seconds: float = 0.0
    elsewhere: bool = False
    memory: int = 0
    spent: str = ""
    refused: bool = False


@dataclass(frozen=True)
class Network:
    """What the network of a treatment is made of.

    Attributes:
        layers: name and description of every layer, in order.
        remedies: where the remedies went that were put into it, and where not and why, by remedy.
        error: why it cannot be trained; empty if it can.
    """

    layers: tuple[tuple[str, str], ...] = ()
    remedies: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Board:
    """What the scheduler and its workers tell each other while runs are trained, in shared memory.

    Attributes:
        epochs: 32-bit integers, one per assignment: epochs finished so far.
        processes: the same, the process that took the assignment; 0 before.
        stop: not zero when runs should end after their epoch.
    """

    epochs: Any
    processes: Any
    stop: Any
