"""Networks that runs kept, in a worker: what is damaged or missing is an error in words."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate import api
from ablate.api.plans import Plan
from ablate.errors import StoreError
from ablate.execution import networks, worker
from ablate.results.record import SCALING, Record
from ablate.results.store import Store
from ablate.studies import spec
from tests.conftest import WarmWorkers
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


BUILDER = """
import keras


@keras.saving.register_keras_serializable(package="mine")
class Scale(keras.layers.Layer):
    def call(self, x):
        return x * 2.0


def scaled(input_shape, classes):
    inputs = keras.Input(input_shape)
    x = Scale()(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def looked_up(input_shape, classes):
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(keras.layers.Embedding(256, 2)(inputs))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
"""


def layers_of(path: Path) -> dict[str, Any]:
    """The layers of a saved network by name, those of a model inside it too."""
    with zipfile.ZipFile(path) as archive:
        waiting, found = [json.loads(archive.read("config.json"))], {}
    while waiting:
        layer = waiting.pop()
        found[layer["config"].get("name")] = layer
        waiting += layer["config"].get("layers", [])
    return found


def run(folder: Path, warm_worker: WarmWorkers, builder: str) -> Plan:
    """One run on whole numbers from 0 to 255, whose network is kept."""
    (folder / "kept_models.py").write_text(BUILDER)
    x, y = np.random.default_rng(1).integers(0, 256, (40, 3), dtype=np.uint8), np.arange(40) % 2
    np.savez(folder / "d.npz", x_train=x[:30], y_train=y[:30], x_test=x[30:], y_test=y[30:])
    document = {
        "study": {"name": "kept", "replicates": 1, "save_models": "all"},
        "data": {"source": "d.npz"},
        "model": {"builder": f"kept_models:{builder}"},
        "training": {"epochs": 1},
    }
    plan = api.make_plan(spec.build(document, folder / "ablations.toml"))
    outcomes = api.run_plan(plan, api.Options(1), lanes=warm_worker)
    assert [outcome.status for outcome in outcomes.values()] == ["ok"], outcomes
    return plan


def test_a_class_that_the_user_registered_is_saved_by_its_own_name(tmp_path: Path, warm_worker: WarmWorkers) -> None:
    plan = run(tmp_path, warm_worker, "scaled")
    (path,) = plan.store.root.glob("models/*.keras")
    assert "mine>Scale" in {layer.get("registered_name") for layer in layers_of(path).values()}


def test_a_network_is_made_with_the_scaling_that_its_record_was_measured_with(
    tmp_path: Path, warm_worker: WarmWorkers
) -> None:
    """Older versions divided whatever an embedding looks up by 255, and their records do not speak of scaling."""
    plan = run(tmp_path, warm_worker, "looked_up")
    (planned,) = plan.everything

    def scale() -> Any:
        target = tmp_path / "out.keras"
        networks.export_models({target: planned}, warm_worker, plan.identity, plan.store, tmp_path)
        return layers_of(target)["scaling"]["config"]["scale"]

    assert scale() == [1.0, 1.0, 1.0]
    path = plan.store.record_path(planned.key)
    recorded = Record.from_json(path.read_bytes())
    older = {name: value for name, value in recorded.environment.items() if name != SCALING}
    path.write_bytes(replace(recorded, environment=older).to_json())
    assert scale() == pytest.approx([1 / 255] * 3)
