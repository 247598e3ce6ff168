"""What a process keeps between runs, and for how long."""

from dataclasses import replace

import numpy as np

from ablate.data.dataset import Dataset
from ablate.training.workshop import DATASETS, Workshop


def test_tensors_of_a_data_set_are_made_once_and_kept_for_the_latest() -> None:
    workshop = Workshop()
    x, y, rows = np.zeros((4, 2), np.float32), np.array([0, 1, 0, 1]), np.arange(4, dtype=np.int32)
    sets = [Dataset(x + number, y, ("a", "b"), rows, rows, "none") for number in range(DATASETS + 1)]
    first = workshop.tensors(sets[0])
    assert workshop.tensors(replace(sets[0])) is first
    for each in sets[1:]:
        workshop.tensors(each)
    assert workshop.tensors(sets[-1]) is workshop.tensors(sets[-1])
    assert workshop.tensors(sets[0]) is not first


def test_a_process_without_code_of_the_users_is_never_spent(digits: Dataset) -> None:
    workshop = Workshop()
    workshop.tensors(digits)
    assert workshop.spent == ""
