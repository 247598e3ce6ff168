"""Results: what is there of a study, found in its folder, as tables, effects and a page."""

import math
from pathlib import Path

import pandas as pd
import pytest

from ablate.api.results import Results, open_results, read_folder
from ablate.errors import AblateError, EmptyResultsError, StudyError
from ablate.settings import document
from tests import invented

CLAIM = {"says": "Batch norm helps", "metric": "test_accuracy", "treatment": {"batch_norm": True}}
CLAIM |= {"against": {"batch_norm": False}, "expect": "higher"}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with one study in it."""
    folder = tmp_path_factory.mktemp("reports")
    invented.kept(invented.snapshot(failed=(2,), claim=[CLAIM]), folder)
    return folder


@pytest.fixture(scope="module")
def found(reports: Path) -> Results:
    return open_results(out=reports)


def test_what_was_kept_is_found(found: Results) -> None:
    made = invented.snapshot(failed=(2,), claim=[CLAIM])
    assert found.study.name == "invented"
    assert (found.note, found.snapshot.missing, len(found.snapshot.failures)) == ("", 1, 1)
    pd.testing.assert_frame_equal(found.runs, made.runs)
    pd.testing.assert_frame_equal(found.histories, made.histories)


def test_effects_are_those_of_the_primary_metric_or_of_another(found: Results) -> None:
    assert set(found.effects()["metric"]) == {"test_accuracy"}
    assert set(found.effects("gap")["metric"]) == {"gap"}
    assert set(found.effects("epochs_to_val_accuracy_0.9")["metric"]) == {"epochs_to_val_accuracy_0.9"}
    with pytest.raises(ValueError, match="no metric 'accuracy_of_test'"):
        found.effects("accuracy_of_test")


def test_claims_and_diagnoses_are_tables(found: Results) -> None:
    assert found.claims()["verdict"].tolist() == ["supported"]
    assert {"treatment", "diagnosis", "runs", "of"} <= set(found.diagnosis().columns)


def test_a_page_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    once = {"study": {"name": "once", "replicates": 1}, "overfitting": {}, "underfitting": {}}
    invented.kept(invented.snapshot(**once), tmp_path)
    found, wanted = open_results(out=tmp_path), tmp_path / "a" / "b.html"
    assert found.report(wanted) == wanted
    assert found.report() == tmp_path / "once" / "report.html"
    assert wanted.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert wanted.read_bytes() == (tmp_path / "once" / "report.html").read_bytes()


def test_a_study_without_a_finished_run_has_no_page(tmp_path: Path) -> None:
    invented.kept(invented.snapshot(finished=0), tmp_path)
    with pytest.raises(EmptyResultsError, match=r"none of 18 runs is finished; .ablate run. trains them"):
        open_results(out=tmp_path).report()
    assert not (tmp_path / "invented" / "report.html").exists()


def test_a_notebook_shows_how_far_the_study_is(found: Results, tmp_path: Path) -> None:
    html = found._repr_html_()
    assert html.startswith("<p><b>invented</b>: 17 of 18 runs finished</p>")
    assert "<table" in html
    invented.kept(invented.snapshot(finished=0), tmp_path)
    assert open_results(out=tmp_path)._repr_html_() == "<p><b>invented</b>: 0 of 18 runs finished</p>"


def test_a_confirmation_is_no_row_before_and_one_row_after(found: Results, tmp_path: Path) -> None:
    none = found.confirmation()
    assert len(none) == 0
    made = invented.snapshot()
    store = invented.kept(made, tmp_path)
    fresh = invented.confirmed(made, store, "batch_norm=true")
    (row,) = open_results(out=tmp_path).confirmation().to_dict("records")
    assert list(row) == list(none.columns)
    assert (row["treatment"], row["metric"], row["n"]) == ("batch_norm=true", "test_accuracy", 6)
    both = pd.DataFrame(
        [(run.seed, run.treatment.name, store.load(run.key).result["test_accuracy"]) for run in fresh]
    ).pivot_table(index=0, columns=1, values=2)
    assert row["mean"] == pytest.approx((both["batch_norm=true"] - both["baseline"]).mean())
    assert row["low"] < row["mean"] < row["high"]
    assert not math.isnan(row["p"])


def test_a_confirmation_that_is_there_changes_no_effect(found: Results, tmp_path: Path) -> None:
    store = invented.kept(invented.snapshot(failed=(2,), claim=[CLAIM]), tmp_path)
    invented.confirmed(found.snapshot, store, "batch_norm=true")
    again = open_results(out=tmp_path)
    assert again.snapshot.confirmation is not None
    pd.testing.assert_frame_equal(again.effects(), found.effects())


def test_a_folder_may_be_called_anything(reports: Path, tmp_path: Path) -> None:
    moved = tmp_path / "of-monday"
    (reports / "invented").rename(moved)
    try:
        assert read_folder(moved).snapshot.missing == 1
    finally:
        moved.rename(reports / "invented")


def test_a_study_that_was_never_run_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "ablations.toml").write_text(document.write(invented.snapshot().study.document()))
    for given in ({"config": tmp_path / "ablations.toml"}, {"config": tmp_path / "ablations.toml", "out": tmp_path}):
        with pytest.raises(EmptyResultsError, match=r"no results in .*invented; 'ablate run' makes them"):
            open_results(**given)


def test_of_several_studies_one_is_to_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        invented.kept(invented.snapshot(finished=1, study={"name": name, "replicates": 1}), tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match=r"holds several studies \(one, two\); name one with --config"):
        open_results(out=tmp_path)
    assert open_results(tmp_path / "two" / "study.toml", out=tmp_path).study.name == "two"


def test_without_a_name_the_study_is_the_one_that_was_run_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is noted where the file at hand says something else by now."""
    made = invented.snapshot()
    invented.kept(made, tmp_path / "reports")
    text = document.write(made.study.document())
    (tmp_path / "ablations.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert open_results().note == ""
    (tmp_path / "ablations.toml").write_text(text.replace("replicates = 6", "replicates = 7"))
    found = open_results()
    assert len(found.study.seeds) == 6
    assert found.note.startswith("this is the study as it was run last; ")
    assert "now says something else (-c ablations.toml shows that)" in found.note
    (tmp_path / "ablations.toml").write_text(text.replace('"invented"', '"another"'))
    with pytest.raises(EmptyResultsError):
        open_results()


def test_what_a_check_says_is_what_the_gate_says(found: Results) -> None:
    assert found.check().headline == "1 run failed"


def test_a_template_folder_that_is_not_there_is_an_error_in_words(found: Results, tmp_path: Path) -> None:
    with pytest.raises(AblateError, match="is no folder"):
        found.report(tmp_path / "page.html", template_dir=tmp_path / "absent")
    assert not (tmp_path / "page.html").exists()


def test_a_study_that_was_renamed_is_told_where_its_runs_may_be(tmp_path: Path) -> None:
    invented.kept(invented.snapshot(), tmp_path / "reports")
    made = invented.snapshot(study={"name": "renamed"})
    (tmp_path / "ablations.toml").write_text(document.write(made.study.document()))
    with pytest.raises(EmptyResultsError, match=r"no results in .*renamed.*'ablate run --adopt invented' takes over"):
        open_results(tmp_path / "ablations.toml")
