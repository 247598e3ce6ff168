"""Tables with offsets, categories and gaps, from file to kept network: what was recorded is what the network scores."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ablate import api
from ablate.api.plans import Plan
from ablate.data import sources
from ablate.errors import AblateError, StoreError
from ablate.execution import networks
from ablate.results.store import Store
from ablate.studies import spec
from ablate.tables.mapping import Mapping
from tests.conftest import WarmWorkers

ROWS = 600
WINDOW = 100  # seconds that decide the class


def frame() -> pd.DataFrame:
    """Unix times of which every second one of `WINDOW` is a one; a town that turns that around; an age with gaps."""
    rng = np.random.default_rng(1)
    time = 1.7e9 + rng.integers(0, 2 * WINDOW, ROWS)
    age = rng.integers(18, 80, ROWS).astype(float)
    age[rng.random(ROWS) < 0.2] = np.nan
    town = rng.choice(["Bonn", "Köln", "서울"], ROWS)
    late = (time - 1.7e9 >= WINDOW) != (town == "서울")
    return pd.DataFrame({"time": time, "age": age, "town": town, "late": late.astype(int)})


def run(folder: Path, warm_worker: WarmWorkers, **data: Any) -> Plan:
    """Train one network on the table and keep it."""
    frame().to_csv(folder / "t.csv", index=False)
    document = {
        "study": {"name": "times", "replicates": 1, "save_models": "all"},
        "data": {"source": "t.csv", "label": "late", **data},
        "model": {"hidden": [16]},
        "training": {"epochs": 60, "learning_rate": 0.05},
        "underfitting": {"optimizer": "adam"},
    }
    plan = api.make_plan(spec.build(document, folder / "ablations.toml"))
    outcomes = api.run_plan(plan, api.Options(1), lanes=warm_worker)
    assert [outcome.status for outcome in outcomes.values()] == ["ok"], outcomes
    return plan


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, warm_worker: WarmWorkers) -> Plan:
    return run(tmp_path_factory.mktemp("mixed"), warm_worker, missing="median")


def score(plan: Plan, warm_worker: WarmWorkers) -> float:
    """The test accuracy of a plan's network, loaded again."""
    folder = plan.study.source.parent
    (found,) = networks.evaluate_models(plan.everything, warm_worker, plan.identity, plan.store, folder)
    if isinstance(found, AblateError):
        raise found
    return found["test_accuracy"]


def recorded(plan: Plan) -> float:
    (record,) = plan.store.load_all({run.key for run in plan.everything}).values()
    return record.result["test_accuracy"]


def test_times_decide_as_they_do_for_scikit_learn_in_float64(tmp_path: Path, warm_worker: WarmWorkers) -> None:
    """Cast to float32 first, the times of a study are two or three numbers, and the best accuracy is about 0.7."""
    plan = run(tmp_path, warm_worker, features=["time"])
    dataset = sources.load(plan.study.base.data, tmp_path)
    x, y = frame()[["time"]].to_numpy(), frame()["late"].to_numpy()
    right = make_pipeline(StandardScaler(), LogisticRegression(C=1e6)).fit(x[dataset.train], y[dataset.train])
    best = right.score(x[dataset.test], y[dataset.test])
    # two networks that part the same line at the same place may put the few times between two seconds on another side
    assert recorded(plan) == pytest.approx(best, abs=3 / len(dataset.test))
    assert score(plan, warm_worker) == pytest.approx(recorded(plan), abs=1e-6)


def test_a_kept_network_scores_what_was_recorded(mixed: Plan, warm_worker: WarmWorkers) -> None:
    assert recorded(mixed) > 0.95, "or times, towns and gaps were not all seen"
    assert score(mixed, warm_worker) == pytest.approx(recorded(mixed), abs=1e-6)


def test_a_kept_network_is_plain_keras_and_takes_what_the_file_beside_it_says(mixed: Plan) -> None:
    import keras

    (run,) = mixed.everything
    model = keras.models.load_model(mixed.store.model_path(run.key, "keras"), compile=False)
    columns = json.loads(mixed.store.model_path(run.key, "json").read_text(encoding="utf-8"))["columns"]
    table = frame()
    made = np.zeros((ROWS, len(columns)))
    for place, column in enumerate(columns):
        values = table[column["column"]]
        match column["kind"]:
            case "number":
                made[:, place] = values.fillna(column["fill"])
            case "missing":
                made[:, place] = values.isna()
            case "category":
                made[:, place] = values.isin(column["values"])
    test = sources.load(mixed.study.base.data, mixed.study.source.parent).test
    found = np.argmax(model(made), axis=1)
    assert np.mean(found[test] == table["late"].to_numpy()[test]) == pytest.approx(recorded(mixed), abs=1e-6)


def test_evaluation_goes_by_the_mapping_beside_the_network(mixed: Plan, warm_worker: WarmWorkers) -> None:
    (run,) = mixed.everything
    path = mixed.store.model_path(run.key, "json")
    kept = path.read_bytes()
    document = json.loads(kept)
    towns = [entry for entry in document["columns"] if entry["kind"] == "category"]
    towns[0]["values"], towns[1]["values"], towns[2]["values"] = (
        each["values"] for each in (towns[1], towns[2], towns[0])
    )
    try:
        path.write_text(json.dumps(document), encoding="utf-8")
        assert score(mixed, warm_worker) < recorded(mixed) - 0.2
    finally:
        path.write_bytes(kept)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "json cannot be used: .*; remove it"),
        ('{"columns": []}', "json cannot be used: it is not about the columns of this data"),
        ('{"columns": [{"name": 1}]}', "json cannot be used: columns.0.name: input should be a valid string"),
    ],
)
def test_a_mapping_that_is_none_scores_nothing(mixed: Plan, warm_worker: WarmWorkers, content: str, words: str) -> None:
    (run,) = mixed.everything
    path = mixed.store.model_path(run.key, "json")
    kept = path.read_bytes()
    try:
        path.write_text(content)
        with pytest.raises(StoreError, match=words):
            score(mixed, warm_worker)
        path.unlink()
        assert score(mixed, warm_worker) == pytest.approx(recorded(mixed), abs=1e-6)  # learned again
    finally:
        path.write_bytes(kept)


def test_the_mapping_is_that_of_the_training_rows(mixed: Plan) -> None:
    from ablate.data import splits

    (run,) = mixed.everything
    data = mixed.study.base.data
    dataset = sources.load(data, mixed.study.source.parent)
    own = dataset.mapping(splits.split(dataset, data, run.seed).train)
    assert dataset.recipe is not None
    columns = Store(mixed.store.root).columns(run.key)
    assert Mapping.from_document(columns, dataset.recipe, dataset.wide_pivots) == own
