"""The boundary around one run: whatever it does becomes its outcome. A stand-in trains, without TensorFlow."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import ablate.training
from ablate.data import sources
from ablate.errors import ModelError
from ablate.execution import scheduler, worker
from ablate.execution.assignment import Assignment, Board
from ablate.execution.unchanged import Unchanged
from ablate.results import models
from ablate.results.identity import DataFacts, Identity, data_name, plan_runs
from ablate.results.record import Record, weights_digest
from ablate.results.store import Store
from ablate.studies import design, spec
from ablate.usercode import code, model_files
from tests.results.builders import record

STUDY = {
    "study": {"name": "small", "replicates": 1},
    "data": {"source": "d.npz"},
    "model": {"hidden": [3]},
    "training": {"epochs": 3},
}
Train = Callable[..., Record]


def trained(key: str, *arguments: Any, **options: Any) -> Record:
    """What a trainer answers."""
    return record(key)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study's folder with its data, its code and the folder of its results."""
    monkeypatch.setattr(sys, "path", [*sys.path])  # a worker puts the folder there
    Store(tmp_path / "reports" / "small").prepare()
    x = np.arange(48, dtype=np.float32).reshape(24, 2)
    y = np.arange(24) % 2
    np.savez(tmp_path / "d.npz", x_train=x[:16], y_train=y[:16], x_test=x[16:], y_test=y[16:])
    (tmp_path / "mine.py").write_text("def act(x):\n    return x\n")
    return tmp_path


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Train], Board]:
    """A function that puts another trainer in the place of ours, in a process that was started for two runs."""

    def use(train: Train) -> Board:
        board = Board([0, 0], [0, 0], SimpleNamespace(value=0))
        stand_ins = {
            "trainer": SimpleNamespace(train=train),
            "callbacks": SimpleNamespace(own_callbacks=lambda names, run: [*names, run]),
            "saving": SimpleNamespace(),
        }
        for name, module in stand_ins.items():
            monkeypatch.setitem(sys.modules, f"ablate.training.{name}", module)
            monkeypatch.setattr(ablate.training, name, module, raising=False)
        monkeypatch.setattr(worker, "_process", worker._Process(board, SimpleNamespace(spent=""), Unchanged(), None))
        return board

    return use


def assigned(folder: Path, **sections: Any) -> Assignment:
    """The study's first run as the scheduler sends it, with digests of what is there now."""
    document = {name: {**STUDY.get(name, {}), **section} for name, section in {**STUDY, **sections}.items()}
    if "file" in document["model"]:
        del document["model"]["hidden"]
    study = spec.build(document, folder / "ablations.toml")
    treatments = design.treatments(study)
    settings = treatments[0].settings
    found = sources.load(settings.data, folder)
    facts = DataFacts(found.digest, len(found.x), found.x.shape[1], 2, 0.5, found.shape)
    files = {settings.model.file: model_files.digest(settings.model.file, folder)} if settings.model.file else {}
    own = {name: code.digest(name, folder, key) for name, key in settings.code.items()}
    identity = Identity({"keras": "3.15"}, {data_name(settings.data): facts}, own, files=files)
    run = plan_runs(treatments, study.seeds, identity)[0]
    store = Store(folder / "reports" / "small")
    return scheduler.assignment(1, run, identity, store, folder, "compiled", keep_weights=False, around={"git": "abc"})


def raises(error: BaseException) -> Train:
    def train(*arguments: Any, **options: Any) -> Record:
        raise error

    return train


def test_a_run_is_committed_before_it_is_reported(folder: Path, use: Any) -> None:
    use(trained)
    assignment = assigned(folder)
    found = worker.run(assignment)
    assert (found.key, found.status, found.message, found.elsewhere) == (assignment.key, "ok", "", False)
    assert (found.epochs, found.score, found.compiled, found.slower) == (2, 0.9, False, "")
    kept = Store(assignment.store).load(assignment.key)
    assert kept is not None
    assert kept.environment["git"] == "abc"
    assert kept.environment["keras"] == "3.15.1"
    assert kept.environment["finished"].endswith("+00:00")


def test_the_trainer_is_handed_what_the_assignment_says(folder: Path, use: Any) -> None:
    handed: dict[str, Any] = {}

    def train(key: str, settings: Any, seed: int, dataset: Any, workshop: Any, **options: Any) -> Record:
        handed.update(options, settings=settings, seed=seed, rows=len(dataset.x))
        return record(key)

    use(train)
    assignment = assigned(folder, training={"callbacks": ["mine:act"]})
    worker.run(assignment)
    assert handed["settings"].model_dump(exclude_none=True) == assignment.settings
    assert (handed["seed"], handed["rows"], handed["trainer"], handed["folder"]) == (1, 24, "compiled", folder)
    assert (handed["start"], handed["keep"]) == (None, None)
    name, told = handed["callbacks"]()
    assert (name, told.key, told.seed, told.folder.parent.parent) == ("mine:act", assignment.key, 1, assignment.store)


def test_what_was_compiled_and_a_slower_way_are_told(folder: Path, use: Any) -> None:
    def train(key: str, *arguments: Any, **options: Any) -> Record:
        environment = {"trainer_reason": "XLA has no operation PyFunc"}
        seconds = {"train": 1.0, "compile": 0.5, "total": 2.0}
        return record(key, trainer="graph", status="diverged", environment=environment, seconds=seconds)

    use(train)
    found = worker.run(assigned(folder))
    assert (found.status, found.compiled) == ("diverged", True)
    assert found.slower == "trained by TensorFlow without XLA, because XLA has no operation PyFunc"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("odd"), "ValueError: odd"),
        (MemoryError(), "MemoryError:"),
        (KeyboardInterrupt(), "KeyboardInterrupt:"),
        (ModelError("layer 'a' has no weights"), "layer 'a' has no weights"),
        (SystemExit(3), "its code called sys.exit(3)"),
        (SystemExit(None), "its code called sys.exit(None)"),
        (ValueError("first\r\nsecond \x1b[31mred\x07"), "ValueError: first second red\N{REPLACEMENT CHARACTER}"),
    ],
    ids=repr,
)
def test_whatever_a_run_raises_is_its_failure(folder: Path, use: Any, error: BaseException, message: str) -> None:
    use(raises(error))
    assignment = assigned(folder)
    found = worker.run(assignment)
    assert (found.key, found.status, found.message) == (assignment.key, "failed", message)
    assert "Traceback (most recent call last)" in found.log
    assert type(error).__name__ in found.log
    assert "\x1b" not in found.log
    assert Store(assignment.store).load(assignment.key) is None


def test_the_line_about_a_failure_is_short_and_its_log_is_not(folder: Path, use: Any) -> None:
    use(raises(ValueError("x" * 5_000)))
    found = worker.run(assigned(folder))
    assert len(found.message) == 300
    assert "x" * 5_000 in found.log


def test_a_failure_leaves_the_process_fit_for_the_next_run(folder: Path, use: Any) -> None:
    answers: list[Train] = [raises(ValueError("odd")), trained]

    def train(*arguments: Any, **options: Any) -> Record:
        return answers.pop(0)(*arguments, **options)

    use(train)
    assert [worker.run(assigned(folder)).status for _ in range(2)] == ["failed", "ok"]


def test_a_store_that_cannot_be_written_is_no_fault_of_the_run(folder: Path, use: Any) -> None:
    use(trained)
    assignment = assigned(folder)
    shutil.rmtree(assignment.store)
    found = worker.run(assignment)
    assert found.status == "unwritable"
    assert found.message == f"{assignment.store} is gone: somebody removed the results folder"


def test_epochs_are_told_as_they_end(folder: Path, use: Any) -> None:
    seen: list[tuple[int, int]] = []

    def train(key: str, *arguments: Any, tick: Callable[[int], None], **options: Any) -> Record:
        for epoch in (1, 2, 3):
            tick(epoch)
            seen.append((board.epochs[0], board.epochs[1]))
        return record(key)

    board = use(train)
    worker.run(assigned(folder))
    assert seen == [(0, 1), (0, 2), (0, 3)]
    assert board.processes[0] == 0
    assert board.processes[1] > 0


@pytest.mark.parametrize(("epoch", "status"), [(1, "stopped"), (2, "stopped"), (3, "ok")])
def test_a_wish_to_stop_ends_a_run_after_its_epoch_but_keeps_one_that_is_done(
    folder: Path, use: Any, epoch: int, status: str
) -> None:
    def train(key: str, *arguments: Any, tick: Callable[[int], None], **options: Any) -> Record:
        board.stop.value = 1
        tick(epoch)
        return record(key)

    board = use(train)
    assignment = assigned(folder)
    assert worker.run(assignment).status == status
    assert (Store(assignment.store).load(assignment.key) is not None) is (status == "ok")


def test_data_that_changed_since_the_plan_trains_nothing(folder: Path, use: Any) -> None:
    assignment = assigned(folder)
    with np.load(folder / "d.npz") as content:
        changed = {**content, "x_train": content["x_train"] + 1}
    np.savez(folder / "d.npz", **changed)
    use(raises(AssertionError("it should not be trained")))
    found = worker.run(assignment)
    assert (found.status, found.log) == ("unable", "")
    assert found.message.startswith("d.npz changed since the study began; run 'ablate run' again to use the")


def test_code_that_changes_during_a_run_leaves_no_record(folder: Path, use: Any) -> None:
    """It is imported anew for every run, so nobody knows which version this one had."""

    def train(key: str, *arguments: Any, **options: Any) -> Record:
        (folder / "mine.py").write_text("def act(x):\n    return x + 1\n")
        return record(key)

    use(train)
    assignment = assigned(folder, model={"activation": "mine:act"})
    found = worker.run(assignment)
    assert (found.status, found.log) == ("unable", "")
    assert found.message.startswith(
        "the code of mine:act changed since the study began; run 'ablate run' again to use the"
    )
    assert Store(assignment.store).load(assignment.key) is None


def test_weights_to_go_on_from_are_handed_over_or_missed(folder: Path, use: Any) -> None:
    weights = {"dense/0": np.arange(6, dtype=np.float32)}
    first = Store(folder / "reports" / "first")
    first.prepare()
    first.commit(record("cd" * 32, weights=weights_digest(weights)))
    models.keep_weights(first, "cd" * 32, weights)
    handed: list[Any] = []

    def train(key: str, *arguments: Any, start: Any, **options: Any) -> Record:
        handed.append(start)
        return record(key)

    use(train)
    assignment = replace(assigned(folder), origin=(first.root, "cd" * 32))
    assert worker.run(assignment).status == "ok"
    np.testing.assert_array_equal(handed[0]["dense/0"], weights["dense/0"])
    models.drop(first, ["cd" * 32])
    found = worker.run(assignment)
    assert found.status == "unable"
    assert found.message.startswith(f"the weights of run {'cd' * 32} in {first.root} are not there any more")


def test_kept_weights_go_to_the_store_under_the_key_of_the_run(folder: Path, use: Any) -> None:
    weights = {"dense/0": np.ones(3, dtype=np.float32)}

    def train(key: str, *arguments: Any, keep: Callable[[Any], None], **options: Any) -> Record:
        keep(weights)
        return record(key, weights=weights_digest(weights))

    use(train)
    assignment = replace(assigned(folder), keep_weights=True)
    worker.run(assignment)
    store = Store(assignment.store)
    kept = models.read_weights(store, store.load(assignment.key))
    np.testing.assert_array_equal(kept["dense/0"], weights["dense/0"])


def test_a_process_without_tensorflow_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_process", None)
    monkeypatch.setattr(worker, "_start_error", "ImportError: no such instruction set")
    found = worker.run(assigned(folder))
    assert found.status == "unable"
    assert found.message == "TensorFlow cannot be used here: ImportError: no such instruction set"


def test_the_gpus_that_a_process_was_given_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as that can be seen without one: TensorFlow's answers are made up."""
    devices = [SimpleNamespace(name="GPU:0"), SimpleNamespace(name="GPU:1")]
    details = {"GPU:0": {"device_name": "A100"}, "GPU:1": {}}
    experimental = SimpleNamespace(get_device_details=lambda each: details[each.name])
    tf = SimpleNamespace(config=SimpleNamespace(list_physical_devices=lambda kind: devices, experimental=experimental))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert worker._gpus(tf) == "A100, GPU:1"
    for none in ("-1", ""):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        assert worker._gpus(None) == ""
