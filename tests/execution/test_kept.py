"""Networks that runs kept, in a worker: what is damaged or missing is an error in words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.errors import StoreError
from ablate.execution import worker
from ablate.results.store import Store
from tests.execution.test_worker import assigned, trained
from tests.execution.test_worker import folder as folder  # noqa: PLC0414 - a fixture
from tests.execution.test_worker import use as use  # noqa: PLC0414
from tests.results.builders import record


def test_of_damaged_weights_no_model_is_made(folder: Path, use: Any) -> None:
    use(trained)
    assignment = assigned(folder)
    store = Store(assignment.store)
    store.commit(record(assignment.key, weights="ab" * 32))
    store.keep_weights(assignment.key, {"dense/0": np.ones(3, dtype=np.float32)})
    worker.save_model(assignment)
    assert store.models("keras") == store.models("npz") == set()
    assert len(list((store.root / "quarantine").iterdir())) == 1


def test_a_network_that_is_not_there_cannot_be_scored(folder: Path, use: Any) -> None:
    use(trained)
    assignment = assigned(folder)
    with pytest.raises(StoreError, match="are not there any more"):
        worker.evaluate_model(assignment)
    (folder / "d.npz").unlink()
    with pytest.raises(StoreError, match="are not there any more"):
        worker.evaluate_model(assignment)  # the data is read once
