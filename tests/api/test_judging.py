"""The gate for scripts: a night against a stored baseline."""

from dataclasses import replace
from pathlib import Path

import pytest

from ablate.api import check, judging
from ablate.api.judging import Stored
from ablate.api.plans import load, make_plan
from ablate.api.results import Results, open_results, read_results
from ablate.errors import AblateError, NotComparableError
from ablate.results import baseline as baselines
from tests import invented
from tests.report.nightly.test_gate import REFUTED

SAMPLE = Path(__file__).parents[2] / "reports" / "samples" / "digits-remedies.html"
STUDY = """
[study]
name = "small"
replicates = 1
[data]
source = "iris"
[model]
hidden = [4]
[training]
epochs = 2
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with one study in it."""
    folder = tmp_path_factory.mktemp("reports")
    invented.kept(invented.snapshot(), folder)
    return folder


@pytest.fixture(scope="module")
def results(reports: Path) -> Results:
    return open_results(out=reports)


@pytest.fixture(scope="module")
def stored(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored baseline of the very same runs."""
    path = tmp_path_factory.mktemp("stored") / "night" / "baseline.json"
    check(results, save_baseline=path)
    return path


def better(path: Path, target: Path, by: float = 0.05) -> Path:
    """A stored baseline that was better."""
    there = baselines.read(path)
    runs = there.runs.assign(test_accuracy=there.runs["test_accuracy"] + by + there.runs["seed"] / 10_000)
    return judging.write_file(target, replace(there, runs=runs).to_json())


def test_a_green_night_is_stored_and_is_fine_against_itself(results: Results, stored: Path) -> None:
    night = check(results, stored)
    assert night.problems == ()
    assert night.comparison.table["verdict"].tolist() == ["fine"] * 3
    assert baselines.read(stored).to_json() == results.findings.baseline.to_json()


def test_a_night_that_got_worse_is_red_and_is_not_stored(results: Results, stored: Path, tmp_path: Path) -> None:
    before = better(stored, tmp_path / "before.json")
    night = check(results, before, save_baseline=tmp_path / "new.json")
    assert night.kinds == {"red"}
    assert len(night.regressions) == 3
    assert not (tmp_path / "new.json").exists()


def test_a_floor_is_in_points_for_accuracies(results: Results, stored: Path, tmp_path: Path) -> None:
    before = better(stored, tmp_path / "before.json")
    assert check(results, before, floor=4.9).kinds == {"red"}
    assert check(results, before, floor=5.5).problems == ()
    assert check(results, before, floor=4.9).comparison.floor == pytest.approx(0.049)


def test_a_missing_baseline_is_a_problem_of_the_night_and_a_bad_one_an_error(results: Results, tmp_path: Path) -> None:
    absent = tmp_path / "absent.json"
    assert judging.read_baseline(None) == Stored(wanted=False, content=None)
    assert judging.read_baseline(absent) == Stored(wanted=True, content=None)
    assert check(results, absent).kinds == {"not comparable"}
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(AblateError, match=r"bad\.json"):
        judging.read_baseline(tmp_path / "bad.json")


def test_a_file_of_another_kind_is_not_replaced(results: Results, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(AblateError, match=r"notes\.txt"):
        check(results, save_baseline=tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_code_that_changed_since_is_no_green_night(tmp_path: Path) -> None:
    """And where it is not at hand nothing is said of it."""
    (tmp_path / "mine.py").write_text("def act(x):\n    return x\n")
    text = STUDY.replace("[model]", '[model]\nactivation = "mine:act"')
    (tmp_path / "ablations.toml").write_text(text)
    plan = make_plan(load(tmp_path / "ablations.toml"))
    for run in plan.everything:
        plan.store.prepare()
        plan.store.commit(invented.record(run))
    plan.store.write_identity(plan.identity)
    results = read_results(plan)
    assert check(results).problems == ()
    (tmp_path / "mine.py").write_text("def act(x):\n    return 2 * x\n")
    (problem,) = check(results).problems
    assert "the code of mine:act has changed since these runs were trained" in problem.text
    (tmp_path / "mine.py").unlink()
    assert check(results).problems == ()


def test_a_night_or_a_reason_becomes_both_kinds_of_file(results: Results) -> None:
    night = check(results)
    assert judging.junit(night).startswith(b"<?xml")
    assert b"no results" in judging.junit("no results")
    assert judging.summary(night).startswith("# 🟢 invented")
    assert judging.summary("no results").startswith("# 🔴")
    assert len(judging.summary(night, limit=400).encode()) <= 400


def test_a_newer_baseline_asks_for_an_upgrade(stored: Path, tmp_path: Path) -> None:
    newer = stored.read_bytes().replace(b'"ablate_baseline": 1', b'"ablate_baseline": 99')
    assert newer != stored.read_bytes()
    judging.write_file(tmp_path / "newer.json", newer)
    with pytest.raises(NotComparableError, match="newer version"):
        judging.read_baseline(tmp_path / "newer.json")


def test_a_refuted_claim_is_red_without_any_baseline(tmp_path: Path) -> None:
    invented.kept(invented.snapshot(claim=[REFUTED]), tmp_path)
    assert check(open_results(out=tmp_path)).headline == "1 claim refuted"


def test_a_file_is_written_with_the_folders_on_the_way(tmp_path: Path) -> None:
    path = judging.write_file(tmp_path / "a" / "b.txt", b"text")
    assert path.read_bytes() == b"text"
    assert [each.name for each in path.parent.iterdir()] == ["b.txt"]
