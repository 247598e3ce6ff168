"""Every study of `examples/` is run, at a reduced scale: two epochs, 500 images, one replicate."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate import api
from ablate.execution.engines.local import Lanes
from ablate.settings import document
from ablate.studies import spec

EXAMPLES = Path(__file__).parents[1] / "examples"
CHAPTER = EXAMPLES / "chapter6"  # eleven studies of MNIST
STUDIES = [
    pytest.param(path, marks=pytest.mark.slow) if path.is_relative_to(CHAPTER) else path
    for path in sorted(EXAMPLES.rglob("*.toml"))
]
KEEPING = ("e01-baseline",)  # whose networks another study goes on from
IMAGES = 500


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the generator of the init section writes."""
    path = tmp_path_factory.mktemp("inputs") / "normal_inputs.npz"
    np.savez(path, **runpy.run_path(str(EXAMPLES / "chapter6" / "normal_inputs.py"))["arrays"]())
    return path


def reduced(raw: dict[str, Any], *, keep: bool) -> dict[str, Any]:
    """A study's document with two epochs (one where a factor has fewer of them), 500 images and one replicate."""
    study = {key: value for key, value in raw["study"].items() if key != "seeds"} | {"replicates": 1}
    levels = raw.get("factors", {}).get("training", {}).get("epochs", [raw["training"]["epochs"]])
    epochs = dict(zip(sorted(levels, reverse=True), (2, 1), strict=False))
    size = min(IMAGES, raw["data"].get("train_size", IMAGES))
    changed = _with_epochs(raw, {raw["training"]["epochs"]: 2} | epochs)
    is_table = raw["data"]["source"].endswith(".csv")  # and small
    return changed | {
        "study": study | ({"save_models": "all"} if keep else {}),
        "data": raw["data"] | ({} if is_table else {"train_size": size}),
    }


def _with_epochs(table: Any, epochs: dict[int, int]) -> Any:
    """A document in which every `epochs` and level of `training.epochs` is replaced."""
    if isinstance(table, list):
        return [_with_epochs(entry, epochs) for entry in table]
    if not isinstance(table, dict):
        return table
    return {
        key: [epochs[level] for level in value]
        if key == "epochs" and isinstance(value, list)
        else epochs[value]
        if key == "epochs"
        else _with_epochs(value, epochs)
        for key, value in table.items()
    }


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_runs_and_answers(path: Path, warm_worker: Lanes, out: Path, request: Any, monkeypatch: Any) -> None:
    raw = document.parse(document.text_of(path), path)
    if raw["data"]["source"] == "mnist":
        monkeypatch.setenv("ABLATE_DATA", str(request.getfixturevalue("mnist").resolve()))
    if raw["data"]["source"] == "normal_inputs.npz":
        raw["data"]["source"] = str(request.getfixturevalue("inputs"))
    study = spec.build(reduced(raw, keep=path.stem in KEEPING), path)
    plan = api.make_plan(study, out=out)
    outcomes = api.run_plan(plan, api.Options(1), lanes=warm_worker)
    assert {outcome.status for outcome in outcomes.values()} <= {"ok", "diverged"}, outcomes
    results = api.read_results(plan)
    assert results.snapshot.missing == 0
    assert results.runs["stopped_epoch"].max() == 2
    assert len(results.claims()) == len(study.claims)
    assert (results.claims()["n"] <= 1).all()
    assert results.claims()["verdict"].eq("inconclusive").all()  # of one replicate
    unknown = results.claims()[results.claims()["n"] == 0]
    assert unknown["metric"].str.startswith("epochs_to").all() or not len(unknown)
