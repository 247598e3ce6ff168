"""Real worker processes: equal results with any number of them, and one bad run costs one run."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ablate import api
from ablate.execution.engines import local
from ablate.execution.engines.local import Lanes
from ablate.execution.scheduler import Options
from ablate.results import models
from tests.commands import ablate
from tests.conftest import STUDIES

pytestmark = pytest.mark.usefixtures("warm")


def contents(out: Path) -> dict[str, Any]:
    """Every record of a study but for its seconds and environment, by key."""
    found = {}
    for path in (out / "tiny" / "runs").rglob("*.json"):
        body = json.loads(path.read_bytes())["body"]
        del body["seconds"], body["environment"], body["history"]["seconds"]
        found[path.stem] = body
    return found


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory, warm_worker: Lanes) -> dict[str, api.Results]:
    """Sixteen runs of two structures, trained by the warm worker and by two new ones."""
    overrides = ["study.design='grid'", "underfitting.batch_norm=[false, true]", "overfitting.l2=[0.0, 0.1]"]
    study = api.load(STUDIES / "tiny.toml", overrides)
    found = {}
    with Lanes(2, 16) as two:
        for name, lanes in (("one", warm_worker), ("two", two)):
            plan = api.make_plan(study, out=tmp_path_factory.mktemp(name))
            api.run_plan(plan, Options(2), lanes=lanes)
            found[name] = api.read_results(plan)
    return found


def test_one_worker_and_two_keep_the_same_records(grid: dict[str, api.Results]) -> None:
    """Whatever else the one has trained before."""
    alone, together = (contents(grid[workers].store.root.parent) for workers in ("one", "two"))
    assert len(alone) == 16
    assert alone == together


def test_a_worker_compiles_a_program_once_however_many_runs_share_it(grid: dict[str, api.Results]) -> None:
    """Rates, strengths, initial weights and seeds are variables."""
    compiled = Counter[int]()
    for record in grid["two"].snapshot.records.values():
        compiled[record.environment["process"]] += record.environment["programs_compiled"]
    assert 1 <= len(compiled) <= 2
    assert 1 <= min(compiled.values()) <= max(compiled.values()) <= 2
    assert sum(compiled.values()) >= 2


def test_a_second_run_trains_nothing_and_an_interrupted_one_goes_on(tmp_path: Path) -> None:
    study = api.load(STUDIES / "tiny.toml")
    plan = api.make_plan(study, out=tmp_path)
    first = api.run_plan(plan, Options(jobs=1, budget=1e-9))
    assert first == {}
    lost = plan.everything[2].key
    assert len(api.run(study, jobs=1, out=tmp_path).runs) == 4
    record_file = tmp_path / "tiny" / "runs" / lost[:2] / f"{lost}.json"
    before = contents(tmp_path)
    record_file.unlink()
    again = api.make_plan(study, out=tmp_path)
    assert [run.key for run in again.pending] == [lost]
    assert set(api.run_plan(again, Options(jobs=2))) == {lost}
    assert contents(tmp_path) == before
    assert api.run_plan(api.make_plan(study, out=tmp_path), Options(jobs=2)) == {}


@pytest.mark.slow
def test_a_worker_needs_little_memory_for_all_of_mnist(mnist: Path, tmp_path: Path) -> None:
    """The peak of the largest process that a study starts: its worker, with two programs and the whole of MNIST."""
    command = [sys.executable, "-m", "ablate", "run", "--quiet", "-j1", "-c", "examples/batch_norm_mnist.toml"]
    command += ["-o", tmp_path, "--replicates", "1", "-S", "training.epochs=2", "-S", "training.batch_size=100"]
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, command)],
        env={**os.environ, "ABLATE_DATA": str(mnist), "ABLATE_XLA_CACHE": "off"},
        check=True,
        capture_output=True,
        text=True,
        cwd=STUDIES.parents[1],
    )
    peak = int(measured.stdout)  # in KiB
    assert 300_000 < peak < 1.2e9 / 1024


MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.usefixtures("cold")
def test_a_worker_that_grows_is_replaced(tiny_results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else changes. `model.fit` under XLA keeps some 5 MB of every run."""
    monkeypatch.setattr(local, "GROWTH", -1)  # so that a worker is too large after its first run
    plan = api.make_plan(api.load(STUDIES / "tiny.toml", ["study.replicates=1"]), out=tmp_path)
    api.run_plan(plan, Options(jobs=1))
    records = plan.store.load_all(run.key for run in plan.everything).values()
    assert len({record.environment["process"] for record in records}) == len(records) == 2
    assert contents(tmp_path).items() <= contents(tiny_results).items()


def test_a_model_of_the_users_is_trained_by_any_number_of_workers(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A builder beside the study, its arguments varied; the models of the best are kept and gone on from."""
    (tmp_path / "user_models.py").write_bytes((STUDIES / "user_models.py").read_bytes())
    text = (STUDIES / "tiny.toml").read_text(encoding="utf-8").replace("hidden = ", "# hidden = ")
    model = "model={builder='user_models:make_cnn', arguments={filters=3}}"
    varied = ["factors={'model.arguments.filters'=[3, 5]}", "underfitting.optimizer=['adam']"]
    (tmp_path / "ablations.toml").write_text(text)
    overrides = [model, *varied, "study.save_models='all'", "training.epochs=3"]
    study = api.load(tmp_path / "ablations.toml", overrides)
    assert api.run(study, jobs=1, out=tmp_path / "1").snapshot.missing == 0
    request.getfixturevalue("cold")
    results = api.run(study, jobs=2, out=tmp_path / "2")
    assert results.snapshot.missing == 0
    alone, together = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert alone == together
    assert len({body["weights"] for body in alone.values()}) == len(alone) == 6
    assert set(results.runs["trainer"]) == {"graph"}
    second = ["study.name='second'", "training.continue_from='tiny'"]
    on = api.run(api.load(tmp_path / "ablations.toml", [*overrides, *second]), jobs=1, out=tmp_path / "2")
    assert on.snapshot.missing == 0
    assert on.runs["loss"].mean() < results.runs["loss"].mean()


STATEFUL = """
import keras
from keras import layers

def plain(input_shape, classes):
    built.append(1)
    flat = [keras.Input(input_shape), layers.Flatten()]
    return keras.Sequential([*flat, layers.Dense(4 + len(built) // 3), layers.Dense(classes, activation="softmax")])

def half_precision(input_shape, classes):
    keras.mixed_precision.set_global_policy("mixed_float16")
    return plain(input_shape, classes)

def waiting(input_shape, classes):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    return plain(input_shape, classes)

import threading, time
built = []
"""


@pytest.mark.slow
@pytest.mark.usefixtures("cold")
def test_what_a_builder_does_to_its_process_reaches_no_other_run(tmp_path: Path) -> None:
    """A policy for all layers, a counter in its module, and a thread that goes on; saved networks meet the policy."""
    (tmp_path / "stateful.py").write_text(STATEFUL)
    (tmp_path / "ablations.toml").write_bytes((STUDIES / "tiny.toml").read_bytes())
    builders = ["stateful:half_precision", "stateful:plain", "stateful:waiting"]
    model = [f"model={{builder='{builders[0]}'}}", f"factors={{'model.builder'={builders}}}", "overfitting={}"]
    study = api.load(tmp_path / "ablations.toml", model)
    for jobs in (1, 2):
        results = api.run(study, jobs=jobs, out=tmp_path / str(jobs))
        assert results.snapshot.missing == 0
    alone = api.load(tmp_path / "ablations.toml", ["model={builder='stateful:plain'}", "overfitting={}"])
    api.run(alone, jobs=1, out=tmp_path / "alone")
    one, two, of_plain = (contents(tmp_path / name) for name in ("1", "2", "alone"))
    assert one == two
    assert len(one) == 6
    assert len(of_plain) == 2
    assert of_plain.items() <= one.items()
    for each in api.evaluate_networks(results, api.find_runs(results, seeds=[1])):
        assert each.test_score == pytest.approx(each.recorded_score, abs=1e-6)
    waiting = [record for record in results.snapshot.records.values() if "waiting" in str(record.settings["model"])]
    assert len({record.environment["process"] for record in waiting}) == len(waiting) == 2  # each was given up


def test_a_study_names_the_slower_trainer_once(tmp_path: Path) -> None:
    """From the study file to the lines of progress: code beside the study, found by worker processes."""
    (tmp_path / "user_code.py").write_bytes((STUDIES / "user_code.py").read_bytes())
    (tmp_path / "ablations.toml").write_bytes((STUDIES / "tiny.toml").read_bytes())
    activation = 'factors."model.activation"=["relu", "user_code:relu_in_numpy"]'
    callbacks = 'factors."training.callbacks"=[[], ["user_code:PerBatch"]]'
    study = ("-c", tmp_path / "ablations.toml", "-S", activation, "-S", callbacks)
    finished = ablate("run", *study)
    assert finished.exit_code == 0, finished.stderr
    assert finished.stderr.count("XLA has no operation PyFunc") == 1
    assert finished.stderr.count("PerBatch has hooks for every batch") == 1
    results = api.open_results(tmp_path / "ablations.toml", [activation, callbacks])
    by_treatment = results.runs.groupby("treatment")["trainer"].unique().str.join(" ").to_dict()
    assert by_treatment == {
        "baseline": "compiled",
        "dropout=0.5": "compiled",
        "model.activation=user_code:relu_in_numpy": "graph",
        "training.callbacks=[user_code:PerBatch]": "fit",
    }


def test_the_networks_of_the_baseline_and_of_the_best_are_kept(tmp_path: Path) -> None:
    """Candidates are kept until the study is complete; the others go then."""
    better = "underfitting.optimizer=['sgd', {name='adam', learning_rate=0.02}]"
    overrides = ["overfitting.dropout=[0.0, 0.9]", better, "training.epochs=10"]
    study = api.load(STUDIES / "tiny.toml", overrides)
    part = api.run(study, jobs=1, out=tmp_path, only=["dropout=0.9"])
    assert models.keys(part.store, "npz") == set(part.runs["run"])
    results = api.run(study, jobs=1, out=tmp_path, confirm=True)
    best = results.runs.groupby("treatment")["val_accuracy"].mean().idxmax()
    assert best == "optimizer=adam(learning_rate=0.02)"
    assert results.confirmation()[["treatment", "n"]].to_numpy().tolist() == [[best, 2]]
    wanted = results.runs[results.runs["treatment"].isin(["baseline", best])]
    assert models.keys(results.store, "keras") == set(wanted["run"])
    assert len(wanted) == 4
    assert {path.suffix for path in (results.store.root / "models").iterdir()} == {".keras"}


@pytest.mark.parametrize(("choice", "kept"), [("all", 4), ("none", 0)])
def test_all_networks_are_kept_or_none(tmp_path: Path, choice: str, kept: int) -> None:
    results = api.run(api.load(STUDIES / "tiny.toml", [f'study.save_models="{choice}"']), jobs=1, out=tmp_path)
    assert results.snapshot.missing == 0
    assert len(models.keys(results.store, "keras")) == kept
    assert models.keys(results.store, "npz") == set()


OF_THEIR_OWN = """
[study]
name = "own"
replicates = 1
[data]
source = "digits"
[model]
builder = "user_architectures:compiled"
[training]
epochs = 1
[factors]
"model.builder" = ["user_architectures:compiled", "user_architectures:unsaveable"]
"""


def test_a_network_that_cannot_be_saved_costs_a_warning_and_a_compiled_one_is_saved(tmp_path: Path) -> None:
    (tmp_path / "user_architectures.py").write_bytes((STUDIES / "user_architectures.py").read_bytes())
    (tmp_path / "ablations.toml").write_text(OF_THEIR_OWN)
    study = api.load(tmp_path / "ablations.toml", ['study.save_models="all"'])
    notes: list[str] = []
    results = api.run(study, jobs=1, listener=lambda progress: notes.extend(progress.notes))
    assert list(results.runs["status"]) == ["ok", "ok"]
    assert models.keys(results.store, "keras") == {results.runs["run"][0]}
    (note,) = notes
    assert "model.builder=user_architectures:unsaveable, seed 1 could not be saved as .keras: " in note
    assert "ValueError: these weights are a secret" in note
    assert "The records are complete" in note


@pytest.fixture
def unfit(tmp_path: Path) -> Path:
    """A study of three models, two of which cannot be trained, with two replicates."""
    (tmp_path / "user_models.py").write_bytes((STUDIES / "user_models.py").read_bytes())
    path = tmp_path / "ablations.toml"
    text = OF_THEIR_OWN.replace("user_architectures:compiled", "user_models:make_dense").replace(
        "= 1\n[data", "= 2\n[data"
    )
    path.write_text(text.replace('"user_architectures:unsaveable"', '"user_models:logits", "user_models:one_class"'))
    return path


def test_a_plan_says_which_models_cannot_be_trained_before_anything_is(unfit: Path) -> None:
    done = ablate("plan", "-c", unfit, "--check-models")
    assert done.exit_code == 2
    assert "ablations.toml: 2 problems" in done.stderr
    assert 'model.builder = "user_models:logits": model.builder=user_models:logits: ' in done.stderr
    assert "does not end in probabilities" in done.stderr
    assert (
        "ends in shape (1,); for 10 classes it should end in Dense(10, activation='softmax'), with one unit"
        in done.stderr
    )
    fine = ablate("plan", "-c", unfit, "--check-models", "--only", "model.builder=user_models:make_dense")
    assert fine.exit_code == 0, fine.stderr
    assert "Every model can be trained on its data." in fine.stderr
    assert not (unfit.parent / "reports").exists()


def test_a_model_that_cannot_be_trained_costs_its_own_runs_at_once(unfit: Path) -> None:
    done = ablate("run", "-c", unfit)
    assert done.exit_code == 3
    assert "6 runs: 2 trained, 0 were there, 4 failed" in done.stderr
    assert (
        len(re.findall(r"Failed: 2 of 6 runs, the first of them model\.builder=\S+, seed 1, failed: ", done.stderr))
        == 2
    )


@pytest.mark.slow  # processes of its own import TensorFlow
def test_another_backend_of_keras_does_not_reach_the_workers(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ablate", "run", "-c", str(STUDIES / "tiny.toml"), "-o", str(tmp_path / "out")]
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_a_broken_installation_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("raise ImportError('no such instruction set')")
    command = [sys.executable, "-m", "ablate", "run", "-c", str(STUDIES / "tiny.toml"), "-o", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 2
    assert "TensorFlow cannot be used here: ImportError: no such instruction set" in done.stderr
    assert "Traceback" not in done.stderr
