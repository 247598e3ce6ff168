"""`ablate plan`: the runs of a study, what is there of them, and what would fit into a time."""

import json
import shutil
from pathlib import Path

import pytest

from ablate.api import load, make_plan
from ablate.cli import plan as command
from tests import invented
from tests.commands import ablate
from tests.conftest import STUDIES

STUDY = """
[study]
name = "small"
replicates = 2
[data]
source = "iris"
[model]
hidden = [4]
[training]
epochs = 2
[underfitting]
batch_norm = [false, true]
[overfitting]
dropout = [0.0, 0.5]
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of six runs, of which three are there."""
    path = tmp_path / "ablations.toml"
    path.write_text(STUDY)
    plan = make_plan(load(path))
    plan.store.prepare()
    for run in plan.everything[:3]:
        plan.store.commit(invented.record(run))
    return path


def test_every_treatment_has_a_line(study: Path) -> None:
    done = ablate("plan", "-c", study)
    assert done.exit_code == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["treatment", "runs", "done", "program"],
        ["baseline", "2", "1", "1"],
        ["batch_norm=true", "2", "1", "2"],
        ["dropout=0.5", "2", "1", "1"],
    ]
    assert "3 treatments x 2 replicates = 6 runs, 3 done, 2 compiled programs; time for the rest: about" in done.stderr


def test_the_document_counts_what_is_there(study: Path) -> None:
    document = json.loads(ablate("plan", "-c", study, "--json").stdout)
    assert document.pop("seconds_estimate") > 0
    read = document.pop("data")["iris"]
    assert read["read"][0] == "150 rows (120 to train and validate on, 30 to test); 4 numbers each"
    assert read["odd"] == []
    assert document == {
        "treatments": 3,
        "runs": 6,
        "cached": 3,
        "programs": 2,
        "groups": [["baseline", "dropout=0.5"], ["batch_norm=true"]],
        "scaling": ['standardized (scale = "auto", float32 features)'],
        "warnings": ["iris: 1 of 30 examples of the test set (3.3%) is in the training part as well"],
    }


def test_nothing_is_written(study: Path) -> None:
    before = sorted(study.parent.rglob("*"))
    ablate("plan", "-c", study, "--only", "dropout=0.5")
    assert sorted(study.parent.rglob("*")) == before


def test_a_design_and_replicates_are_proposed_for_a_time(study: Path) -> None:
    fits = json.loads(ablate("plan", "-c", study, "--fit-in", "1h", "--json").stdout)["fits"]
    assert (fits["design"], fits["replicates"], fits["runs"]) == ("one-at-a-time", 2, 6)
    done = ablate("plan", "-c", study, "--fit-in", "1h")
    assert "Fits into 1 h 0 min: one-at-a-time with 2 replicates, 6 runs in about" in done.stderr
    assert "fewer than 5 replicates give no verdict: -S study.design=one-at-a-time --replicates 2" in done.stderr
    nothing = ablate("plan", "-c", study, "--fit-in", "0.001s")
    assert "Nothing fits into 0 s: not even one replicate of the smallest design." in nothing.stderr


def test_identical_treatments_and_coverage_are_explained(study: Path) -> None:
    twins = "overfitting.early_stopping=[false, {patience=1}, {patience=1, monitor='val_loss'}]"
    done = ablate("plan", "-c", study, "-S", twins)
    assert "(2 more are identical to others)" in done.stderr
    pairwise = ablate("plan", "-c", study, "-S", "study.design=pairwise")
    assert "Note: pairwise is coverage only" in pairwise.stderr


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (61, "1 min 1 s"), (3599, "59 min 59 s"), (7260, "2 h 1 min")],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert command._duration(seconds) == text


def test_a_study_that_is_too_large_is_refused(study: Path) -> None:
    done = ablate("plan", "-c", study, "--max-runs", "5")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "6 runs" in done.stderr


@pytest.mark.usefixtures("warm")
def test_networks_are_shown_side_by_side(tmp_path: Path) -> None:
    """Which layer got which remedy, and what could not be changed and why; nothing is trained."""
    shutil.copy(STUDIES / "user_networks.py", tmp_path)
    path = tmp_path / "ablations.toml"
    path.write_text(STUDY.replace("hidden = [4]", 'builder = "user_networks:build"').replace('"iris"', '"digits"'))
    done = ablate("plan", "-c", path, "--show-model")
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["layer", "baseline", "batch_norm=true", "dropout=0.5"] in lines
    shown = {line[0]: line[1:] for line in lines if line and line[0].startswith("dense")}
    assert shown["dense_batch_norm"] == ["-", "BatchNormalization", "-"]
    assert shown["dense_dropout"] == ["-", "-", "Dropout", "0.5"]
    assert "dropout=0.5: dropout in conv, dense: after its activation; not out: is the output layer" in done.stdout
    networks = json.loads(ablate("plan", "-c", path, "--show-model", "--json").stdout)["networks"]
    assert [network["treatments"] for network in networks] == [["baseline"], ["batch_norm=true"], ["dropout=0.5"]]
    assert {"layer": "out", "is": "Dense softmax GlorotUniform"} in networks[0]["layers"]
    assert not (tmp_path / "reports").exists()


@pytest.mark.usefixtures("warm")
def test_what_cannot_be_put_in_is_said_before_anything_is_trained(tmp_path: Path) -> None:
    shutil.copy(STUDIES / "user_networks.py", tmp_path)
    path = tmp_path / "ablations.toml"
    path.write_text(STUDY.replace("hidden = [4]", 'builder = "user_networks:build"\nremedy_layers = ["convolution*"]'))
    done = ablate("plan", "-c", path, "--check-models", "-S", "data.source=digits")
    assert done.exit_code == 2
    message = "model.remedy_layers: 'convolution*' fits no layer of user_networks:build; it has conv, dense, out"
    assert message in " ".join(done.stderr.split())
    done = ablate("plan", "-c", path, "--show-model", "-S", "data.source=digits", "-S", "model.remedy_layers=['out']")
    assert done.exit_code == 2
    assert (
        "dropout = 0.5 has no place in user_networks:build: conv, dense: is not among model.remedy_layers"
        in done.stderr
    )


def test_images_are_changed_only_where_there_are_images(study: Path) -> None:
    done = ablate("plan", "-c", study, "-S", "overfitting.augmentation=[false, {shift=0.1}]")
    assert done.exit_code == 2
    assert "changes images, with height and width; an example of iris is 4 numbers in a row" in done.stderr
