"""What the compiled epoch cannot do is trained in a slower way, which the record names; and callbacks of the user's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from ablate import reading
from ablate.data import sources
from ablate.data.sources import Dataset
from ablate.results.record import Record, TrainerName
from ablate.settings.run import Data
from ablate.training import trainer
from ablate.training.workshop import Workshop
from tests.conftest import study_of
from tests.training.parity import rounding

USER_CODE = Path(__file__).parents[1] / "fixtures" / "user_code.py"
Callbacks = Callable[[], list[keras.callbacks.Callback]]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(USER_CODE.parent)


def train(
    digits: Dataset, workshop: Workshop, callbacks: Callbacks = list, name: TrainerName = "compiled", **sections: Any
) -> Record:
    settings = study_of(training={"epochs": 3}, **sections).base
    return trainer.train("k", settings, 1, digits, workshop, trainer=name, callbacks=callbacks)


def steps_of(record: Record) -> int:
    return int(record.result["stopped_epoch"]) * -(-record.environment["rows"]["train"] // 32)


def test_an_activation_of_the_users_is_compiled_like_any_other(digits: Dataset, workshop: Workshop) -> None:
    ours = train(digits, workshop, model={"activation": "user_code:my_silu"})
    theirs = train(digits, workshop, model={"activation": "silu"})
    assert (ours.trainer, "trainer_reason" in ours.environment) == ("compiled", False)
    np.testing.assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=rounding(steps_of(ours)))


def test_an_operation_that_xla_lacks_is_executed_as_a_graph(digits: Dataset) -> None:
    workshop = Workshop()
    through_numpy = {"activation": "user_code:relu_in_numpy"}
    records = [train(digits, workshop, model=through_numpy), train(digits, workshop, model=through_numpy)]
    assert {record.trainer for record in records} == {"graph"}
    assert {record.environment["trainer_reason"] for record in records} == {"XLA has no operation PyFunc"}
    assert [record.seconds["compile"] > 0 for record in records] == [True, False]
    assert records[0].history["loss"] == records[1].history["loss"]
    by_xla = train(digits, workshop, model={"activation": "relu"})
    np.testing.assert_allclose(records[0].history["loss"], by_xla.history["loss"], rtol=rounding(steps_of(by_xla)))


def test_what_no_graph_can_hold_is_left_to_fit(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """No known model is traced by `fit` and not by the program, so this one is told to fail where it is traced."""
    from ablate.training.program import Program

    def fail(*arguments: Any) -> None:
        raise NotImplementedError("not in this loop")

    monkeypatch.setattr(Program, "_run_epoch", fail)
    record = train(digits, Workshop())
    assert record.trainer == "fit"
    assert record.environment["trainer_reason"] == "NotImplementedError: not in this loop"
    assert record.status == "ok"


class Diary(keras.callbacks.Callback):
    """Notes which hooks are called, with which epoch, learning rate and columns."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []
        self.logs: list[dict[str, float]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.calls.append(("train begin", self.params))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(("epoch begin", epoch))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        rate = float(self.model.optimizer.learning_rate)
        self.calls.append(("epoch end", epoch, rate))
        self.logs.append(dict(sorted(logs.items())))

    def on_train_end(self, logs: Any = None) -> None:
        self.calls.append(("train end", sorted(logs), self.model.history.epoch))


def test_epoch_callbacks_are_called_as_fit_calls_them(digits: Dataset, workshop: Workshop) -> None:
    diaries: dict[str, Diary] = {}
    records = {}
    for name in ("compiled", "fit"):
        diaries[name] = Diary()
        schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.05 if epoch == 0 else rate / 2)
        records[name] = train(digits, workshop, lambda name=name, schedule=schedule: [schedule, diaries[name]], name)
    ours, theirs = diaries["compiled"].calls, diaries["fit"].calls
    assert ours[1:-1] == theirs[1:-1]
    assert [call[2] for call in ours if call[0] == "epoch end"] == pytest.approx([0.05, 0.025, 0.0125])
    bound = rounding(steps_of(records["fit"]))
    for logs, expected in zip(diaries["compiled"].logs, diaries["fit"].logs, strict=True):
        assert logs.keys() == expected.keys() >= {"loss", "accuracy", "val_loss", "val_accuracy", "gap"}
        assert logs["val_loss"] == pytest.approx(expected["val_loss"], rel=bound)
    assert ours[0] == theirs[0]
    assert (ours[-1][0], ours[-1][2]) == (theirs[-1][0], theirs[-1][2]) == ("train end", [0, 1, 2])
    assert set(ours[-1][1]) >= set(theirs[-1][1])
    np.testing.assert_allclose(records["compiled"].history["loss"], records["fit"].history["loss"], rtol=bound)
    plain = train(digits, workshop)
    assert plain.history["loss"] != records["compiled"].history["loss"]
    assert train(digits, workshop).history["loss"] == plain.history["loss"]  # the schedule left nothing behind


def test_a_callback_may_stop_a_run(digits: Dataset, workshop: Workshop) -> None:
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = epoch == 1

    assert train(digits, workshop, lambda: [Stop()]).result["stopped_epoch"] == 2
    assert train(digits, workshop).result["stopped_epoch"] == 3


class Counter(keras.callbacks.Callback):
    batches = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches += 1


def test_a_callback_for_batches_is_left_to_fit(digits: Dataset, workshop: Workshop) -> None:
    made: list[Counter] = []

    def callbacks() -> list[keras.callbacks.Callback]:
        made.append(Counter())
        return [made[-1]]

    record = train(digits, workshop, callbacks)
    assert record.trainer == "fit"
    assert record.environment["trainer_reason"] == "Counter has hooks for every batch"
    assert made[-1].batches == 3 * -(-record.environment["rows"]["train"] // 32)


def test_data_beyond_memory_is_read_batch_by_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The very file, once in memory and once left on disk: what is trained is the same."""
    bundled = sources.load(Data(source="digits"), Path())
    x = bundled.x.astype(np.float32)
    np.savez(tmp_path / "d.npz", x_train=x[:1500], y_train=bundled.y[:1500], x_test=x[1500:], y_test=bundled.y[1500:])
    data = Data(source="d.npz", scale="standard")
    settings = study_of(data=data.model_dump(exclude_none=True), training={"epochs": 2}).base
    inside = trainer.train("k", settings, 1, sources.load(data, tmp_path), Workshop())
    monkeypatch.setattr(reading, "memory_limit", lambda: 100_000)
    outside = trainer.train("k", settings, 1, sources.load(data, tmp_path), Workshop())
    assert (inside.trainer, outside.trainer) == ("compiled", "fit")
    assert outside.environment["trainer_reason"] == "its data, 0.00046 GB, does not fit into memory"
    for column in ("loss", "train_loss", "val_loss"):
        np.testing.assert_allclose(outside.history[column], inside.history[column], rtol=rounding(steps_of(inside)))
