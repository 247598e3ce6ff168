"""Which lane gets which run: programs are shared, large groups go first, nobody compiles for a trifle."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ablate.execution.assignment import Outcome
from ablate.execution.queue import COMPILATION_SECONDS, RunQueue, guess_epoch_seconds
from ablate.execution.scheduler import assignment
from ablate.results.identity import DataFacts, plan_runs
from ablate.results.store import Store
from ablate.settings.structure import structure_name
from ablate.studies import design
from ablate.studies.spec import Study
from tests.conftest import study_of
from tests.results.test_identity import identity_for


def queue_of(study: Study, epoch_seconds: float = 0.0) -> RunQueue:
    identity = identity_for(study.base)
    runs = plan_runs(design.treatments(study), study.seeds, identity)
    tasks = [
        (run, assignment(number, run, identity, Store(Path()), Path(), "compiled", keep_weights=False))
        for number, run in enumerate(runs)
    ]
    return RunQueue(tasks, epoch_seconds)


def drain(queue: RunQueue, lane: int) -> list[str]:
    names = []
    while (taken := queue.take(lane)) is not None:
        names.append(taken[0].treatment.name)
    return names


TWO_STRUCTURES: dict[str, Any] = {
    "study": {"replicates": 3},
    "underfitting": {"batch_norm": [False, True]},
    "overfitting": {"dropout": [0.0, 0.5]},
}


def test_the_largest_group_goes_first_and_the_other_lane_takes_another() -> None:
    queue = queue_of(study_of(**TWO_STRUCTURES))
    first, second = queue.take(0), queue.take(1)
    assert first is not None
    assert second is not None
    assert structure_name(first[0].treatment.settings) != structure_name(second[0].treatment.settings)
    assert second[0].treatment.name == "batch_norm=true"


def test_a_lane_stays_with_what_it_has_compiled_and_then_takes_what_is_untouched() -> None:
    assert drain(queue_of(study_of(**TWO_STRUCTURES)), 0) == ["baseline", "dropout=0.5"] * 3 + ["batch_norm=true"] * 3


def test_a_second_lane_helps_only_where_it_is_worth_a_compilation() -> None:
    study = study_of(study={"replicates": 100}, training={"epochs": 10})
    worth_it = 2 * COMPILATION_SECONDS / (99 * 10)  # seconds per epoch
    for guess, helps in ((0.0, False), (worth_it, True)):
        queue = queue_of(study, guess)
        queue.take(0)
        assert (queue.take(1) is not None) is helps
    queue = queue_of(study, 0.0)
    queue.take(0)
    queue.learn(Outcome("k", "ok", epochs=10, seconds=100 * worth_it, compiled=True))
    assert queue.take(1) is None
    queue.learn(Outcome("k", "ok", epochs=10, seconds=10 * worth_it))
    assert queue.take(1) is not None


def test_the_first_guess_grows_with_the_network_and_the_data() -> None:
    small, large = (study_of(model={"hidden": [units]}).base for units in (8, 800))
    facts = DataFacts("d", 1000, 64, 10, 0.1)
    assert guess_epoch_seconds(large, facts) == 100 * guess_epoch_seconds(small, facts)
    assert guess_epoch_seconds(small, replace(facts, rows=2000)) == 2 * guess_epoch_seconds(small, facts)


def test_every_run_is_handed_out_once() -> None:
    queue = queue_of(study_of(**TWO_STRUCTURES))
    taken = [queue.take(number % 2) for number in range(20)]
    keys = [pair[0].key for pair in taken if pair is not None]
    assert len(keys) == len(set(keys)) == 9
