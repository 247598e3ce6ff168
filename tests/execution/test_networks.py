"""Work on the networks of finished runs: answers in order, one clear error, and an end when somebody wants one."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ablate.errors import ModelError, StoreError
from ablate.execution import networks, worker
from ablate.execution.assignment import Assignment
from ablate.execution.scheduler import StopSignal
from ablate.results.identity import plan_runs
from ablate.results.store import Store
from ablate.studies import design
from tests.conftest import study_of
from tests.results.test_identity import identity_for

STUDY = study_of(study={"replicates": 3})
IDENTITY = identity_for(STUDY.base)
RUNS = plan_runs(design.treatments(STUDY), STUDY.seeds, IDENTITY)


@dataclass
class Lanes:
    """What `networks` knows of `local.Lanes`, with the answers that workers would give."""

    answer: Callable[[Assignment], Any]
    endless: bool = False
    work: list[Any] = field(default_factory=list)
    closed: list[bool] = field(default_factory=list)

    def spread(self, work: Callable[[Assignment], Any], assignments: Sequence[Assignment]) -> list["Future[Any]"]:
        self.work.append(work)
        return [self._future(assignment) for assignment in assignments]

    def _future(self, assignment: Assignment) -> "Future[Any]":
        future: Future[Any] = Future()
        if not self.endless:
            try:
                future.set_result(self.answer(assignment))
            except Exception as error:  # noqa: BLE001 - as a pool hands it over
                future.set_exception(error)
        return future

    def close(self, *, kill: bool = False) -> None:
        self.closed.append(kill)


def place(folder: Path) -> tuple[Any, ...]:
    return IDENTITY, Store(folder), folder


def test_scores_come_in_the_order_of_the_runs(tmp_path: Path) -> None:
    lanes = Lanes(lambda assignment: {"seed": float(assignment.seed)})
    found = networks.evaluate_models(RUNS[::-1], lanes, *place(tmp_path))
    assert found == [{"seed": 3.0}, {"seed": 2.0}, {"seed": 1.0}]
    assert lanes.work == [worker.evaluate_model]


def test_every_file_gets_the_network_of_its_run(tmp_path: Path) -> None:
    sent: list[int] = []
    lanes = Lanes(lambda assignment: sent.append(assignment.seed))
    targets = {tmp_path / f"{run.seed}.h5": run for run in RUNS}
    networks.export_models(targets, lanes, *place(tmp_path))
    assert [(work.func, work.keywords["target"]) for work in lanes.work] == [
        (worker.export_model, target) for target in targets
    ]
    assert sent == [1, 2, 3]


def test_an_error_of_ours_is_handed_on_and_another_is_explained(tmp_path: Path) -> None:
    def fails(error: Exception) -> Lanes:
        def answer(assignment: Assignment) -> None:
            raise error

        return Lanes(answer)

    targets = {tmp_path / "a.h5": RUNS[0]}
    with pytest.raises(ModelError, match=r"^no such layer$"):
        networks.export_models(targets, fails(ModelError("no such layer")), *place(tmp_path))
    with pytest.raises(StoreError, match=r"^a trained network could not be used: ValueError: odd$"):
        networks.export_models(targets, fails(ValueError("odd")), *place(tmp_path))


def test_a_network_that_cannot_be_scored_leaves_the_others_their_scores(tmp_path: Path) -> None:
    def answer(assignment: Assignment) -> dict[str, float]:
        if assignment.seed == 1:
            raise ValueError("odd")
        return {"seed": float(assignment.seed)}

    lost, *others = networks.evaluate_models(RUNS, Lanes(answer), *place(tmp_path))
    assert isinstance(lost, StoreError)
    assert str(lost) == "a trained network could not be used: ValueError: odd"
    assert others == [{"seed": 2.0}, {"seed": 3.0}]


def test_networks_that_cannot_be_saved_are_told_of_once_for_every_reason(tmp_path: Path) -> None:
    def answer(assignment: Assignment) -> None:
        raise ModelError("no such layer") if assignment.seed == 2 else AssertionError

    found = networks.save_models(RUNS, Lanes(answer), *place(tmp_path))
    assert [note.partition(". The records")[0] for note in found] == [
        "the trained networks of 2 runs (baseline, seed 1, and others) could not be saved as .keras: AssertionError",
        "the trained network of baseline, seed 2 could not be saved as .keras: no such layer",
    ]


def test_a_full_disk_is_an_error_all_the_same(tmp_path: Path) -> None:
    def answer(assignment: Assignment) -> None:
        raise StoreError("m.keras cannot be written: no space")

    with pytest.raises(StoreError, match="no space"):
        networks.save_models(RUNS, Lanes(answer), *place(tmp_path))


def test_a_wish_to_stop_ends_the_workers_and_brings_nothing(tmp_path: Path) -> None:
    lanes = Lanes(lambda assignment: None, endless=True)
    networks.save_models(RUNS, lanes, *place(tmp_path), StopSignal(level=1))
    assert lanes.closed == [True]
