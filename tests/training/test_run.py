"""One run's batches and steps: the whole training part in every epoch, in the order of the epoch."""

import numpy as np

from ablate.data.dataset import Dataset
from ablate.data.splits import split
from ablate.training import data as run_data
from ablate.training.run import Run
from tests.conftest import study_of


def run_of(dataset: Dataset, epochs: int = 2) -> Run:
    settings = study_of(training={"epochs": epochs, "batch_size": 32}, data={"train_size": 250}).base
    rows = split(dataset, settings.data, 1)
    tensors, scaling = run_data.tensors(dataset), run_data.scaling(dataset, rows.train)
    return Run("k", settings, 1, dataset, tensors, rows, scaling, lambda epochs: None, None, None, None)


def test_every_epoch_has_all_rows_in_its_own_order(digits: Dataset) -> None:
    run = run_of(digits)
    batches = list(run.batches())
    assert len(batches) == 2 * run.steps
    labels = np.concatenate([labels.numpy() for _, labels in batches])
    orders = [run.order(0), run.order(1)]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(run.rows.train)
    assert (orders[0] != orders[1]).any()
    np.testing.assert_array_equal(labels, digits.y[np.concatenate(orders)])
    np.testing.assert_array_equal(batches[0][0], digits.x[orders[0][:32]] / np.float32(digits.divisor))


def test_the_last_batch_of_an_epoch_may_be_smaller(digits: Dataset) -> None:
    run = run_of(digits, epochs=1)
    rest = len(run.rows.train) % 32
    assert rest
    assert [len(labels) for _, labels in run.batches()][-1] == rest


def test_runs_share_a_program_where_only_values_differ(digits: Dataset) -> None:
    run = run_of(digits)
    assert run.program_key("graph") == run_of(digits).program_key("graph")
    assert run.program_key("graph") != run.program_key("compiled")
