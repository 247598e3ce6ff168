"""One compiled program, many runs: nothing of one run is left in the next."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from ablate.data.sources import Dataset
from ablate.results.record import Record
from ablate.settings.run import RunSettings
from ablate.training import data as run_data
from ablate.training import trainer
from ablate.training.program import structure
from ablate.training.workshop import Workshop
from tests.conftest import study_of
from tests.training.parity import rounding


def train(settings: RunSettings, digits: Dataset, workshop: Workshop, seed: int = 1) -> Record:
    return trainer.train("k", settings, seed, digits, workshop)


def facts(record: Record) -> Any:
    """Everything but seconds."""
    history = {name: values for name, values in record.history.items() if name != "seconds"}
    return repr((history, record.result, record.probes, record.status))


STUDY = study_of(
    training={"epochs": 3},
    underfitting={
        "init": ["glorot_uniform", "he_normal"],
        "optimizer": [{"name": "sgd", "momentum": 0.9}, {"name": "sgd", "momentum": 0.9, "learning_rate": 0.5}],
    },
    overfitting={"dropout": [0.0, 0.5], "l2": [0.0, 0.1], "early_stopping": [False, {"patience": 1}]},
)
BASELINE = STUDY.base
CHANGES = [
    {"init": {"name": "he_normal"}},
    {"optimizer": {"name": "sgd", "momentum": 0.9, "learning_rate": 0.5}},
    {"dropout": 0.5},
    {"l2": 0.1},
    {"early_stopping": {"patience": 1}},
]


def test_a_run_is_the_same_after_any_other_bit_for_bit(digits: Dataset) -> None:
    workshop = Workshop()
    first = train(BASELINE, digits, workshop)
    for change in CHANGES:
        other = train(STUDY.settings(change), digits, workshop)
        assert facts(other) != facts(first)
    train(BASELINE, digits, workshop, seed=2)
    assert facts(train(BASELINE, digits, workshop)) == facts(first)
    assert facts(train(BASELINE, digits, Workshop())) == facts(first)


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_a_variable_does_not_change_the_structure(change: dict[str, Any]) -> None:
    assert structure(STUDY.settings(change)) == structure(BASELINE)


@pytest.mark.parametrize(
    "sections",
    [
        {"model": {"hidden": [16, 9]}},
        {"model": {"activation": "tanh"}},
        {"underfitting": {"batch_norm": True}},
        {"underfitting": {"optimizer": "adam"}},
        {"training": {"batch_size": 64}},
    ],
)
def test_what_is_compiled_in_does(sections: dict[str, Any]) -> None:
    assert structure(study_of(**sections).base) != structure(study_of().base)


def test_a_grid_compiles_one_program_per_structure(digits: Dataset) -> None:
    workshop = Workshop()
    study = study_of(
        study={"design": "grid"},
        underfitting={"batch_norm": [False, True], "init": ["he_normal", "zeros"]},
        overfitting={"dropout": [0.0, 0.5], "l2": [0.0, 0.1]},
    )
    from ablate.studies import design

    records = [train(each.settings, digits, workshop) for each in design.treatments(study)]
    assert len(records) == 16
    assert sum(record.seconds["compile"] > 0 for record in records) == 2


def test_only_so_many_programs_are_kept(digits: Dataset) -> None:
    workshop = Workshop(capacity=1)
    settings = [study_of(underfitting={"batch_norm": value}, training={"epochs": 1}).base for value in (False, True)]
    compiled = [train(each, digits, workshop).seconds["compile"] > 0 for each in (*settings, settings[1], settings[0])]
    assert compiled == [True, True, False, True]


def test_data_of_another_type_gets_a_program_of_its_own() -> None:
    rng = np.random.default_rng(0)
    images = Dataset(
        x=rng.integers(0, 256, (120, 6), dtype=np.uint8),
        y=np.arange(120, dtype=np.int32) % 3,
        classes=("a", "b", "c"),
        train=np.arange(90, dtype=np.int32),
        test=np.arange(90, 120, dtype=np.int32),
        scale="divide",
        divisor=255.0,
    )
    floats = replace(images, x=images.x.astype(np.float32))
    workshop = Workshop()
    settings = study_of(training={"epochs": 1}).base
    records = [train(settings, dataset, workshop) for dataset in (images, floats, images)]
    assert [record.seconds["compile"] > 0 for record in records] == [True, True, False]
    assert facts(records[0]) == facts(records[2])


def test_the_order_of_runs_does_not_matter(digits: Dataset) -> None:
    """Batch norm, Adam and dropout have state of their own, and a run that diverged leaves NaN everywhere."""
    common = {"underfitting": {"batch_norm": True, "optimizer": "adam"}, "training": {"epochs": 2}}
    wild = {"name": "adam", "learning_rate": 1e30}
    treatments = [
        study_of(**common).base,
        study_of(**common, overfitting={"dropout": 0.3, "l2": 0.01}).base,
        study_of(**{**common, "underfitting": {"batch_norm": True, "optimizer": wild}}).base,
    ]
    forward, backward = Workshop(), Workshop()
    first = [train(each, digits, forward) for each in treatments]
    second = [train(each, digits, backward) for each in reversed(treatments)][::-1]
    assert first[2].status == "diverged"
    assert list(map(facts, first)) == list(map(facts, second))


def test_every_step_of_an_epoch_draws_masks_of_its_own(digits: Dataset, workshop: Workshop) -> None:
    """What the layer's own tests say of its counter holds inside the compiled loop, the last batch included."""
    models: list[Any] = []

    class Grab(keras.callbacks.Callback):
        def on_train_end(self, logs: Any = None) -> None:
            models.append(self.model)

    settings = study_of(training={"epochs": 3}, overfitting={"dropout": 0.5}).base
    record = trainer.train("k", settings, 1, digits, workshop, callbacks=lambda: [Grab()])
    (model,) = models
    steps = -(-record.environment["rows"]["train"] // 32) * 3
    assert [int(model.get_layer(f"dropout_{number}").step) for number in (1, 2)] == [steps, steps]


def test_training_rows_are_used_where_they_are(digits: Dataset) -> None:
    """Features are shared with the data set, not copied; memory that TensorFlow could not use is."""
    tensors = run_data.tensors(digits)
    assert np.shares_memory(np.from_dlpack(tensors.x), digits.x)
    shifted = np.empty(digits.x.nbytes + 4, np.uint8)[4:].view(np.float32).reshape(digits.x.shape)
    shifted[...] = digits.x
    apart = run_data.tensors(replace(digits, x=shifted))
    assert not np.shares_memory(np.from_dlpack(apart.x), shifted)
    np.testing.assert_array_equal(apart.x.numpy(), digits.x)


def test_an_odd_number_of_scored_rows_is_scored_once_each(digits: Dataset) -> None:
    """Rows are filled up to equal batches; what fills them up counts for neither side."""
    settings = study_of(data={"validation": 0.3}, training={"epochs": 1}).base
    compiled = trainer.train("k", settings, 1, digits, Workshop())
    from ablate.training import program

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "EVALUATION_BATCH", 100)
        in_parts = trainer.train("k", settings, 1, digits, Workshop())
    scored = in_parts.environment["rows"]
    assert (min(scored["train"], 10_000) + scored["validation"]) % 100 != 0
    bound = rounding(steps=-(-scored["train"] // 32))  # what fills them up would count a hundredth
    for side in ("train", "val"):
        np.testing.assert_allclose(in_parts.history[f"{side}_loss"], compiled.history[f"{side}_loss"], rtol=bound)
        accuracies = (each.history[f"{side}_accuracy"] for each in (in_parts, compiled))
        np.testing.assert_allclose(*accuracies, atol=1.5 / scored["validation"])  # one may be decided by rounding
