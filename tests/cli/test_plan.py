"""`ablate plan`: the runs of a study, what is there of them, and what would fit into a time."""

import json
from pathlib import Path

import pytest

from ablate.api import load, make_plan
from ablate.cli import plan as command
from tests import invented
from tests.commands import ablate

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
