"""Two results side by side, for scripts."""

from dataclasses import replace
from pathlib import Path

import pytest

from ablate.api import check, comparing, judging
from ablate.api.results import Results, open_results
from ablate.errors import AblateError, EmptyResultsError
from ablate.results import baseline as baselines
from tests import invented

SAMPLE = Path(__file__).parents[2] / "reports" / "samples" / "digits-remedies.html"


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


def test_two_results_are_compared_wherever_they_lie(reports: Path, stored: Path) -> None:
    for one in (reports, reports / "invented", stored):
        found = comparing.compare(one, stored)
        assert found.obstacles == ()
        assert found.table["verdict"].tolist() == ["fine"] * 3
        assert found.table["n"].tolist() == [6] * 3


def test_a_page_is_a_side_as_well() -> None:
    found = comparing.open_side(SAMPLE)
    assert found.study == "digits-remedies"
    assert len(found.runs) == 10 * len(found.treatments) > 0


def test_what_is_compared_is_the_primary_metric_of_the_second(stored: Path, tmp_path: Path) -> None:
    other = judging.write_file(tmp_path / "a.json", replace(baselines.read(stored), primary="gap").to_json())
    assert comparing.compare(stored, other).metric == "gap"
    assert comparing.compare(other, stored).metric == "test_accuracy"
    assert comparing.compare(stored, other, metric="test_loss", floor=0.5).floor == 0.5
    lacks = replace(baselines.read(stored), runs=baselines.read(stored).runs.drop(columns="gap"))
    without = judging.write_file(tmp_path / "b.json", lacks.to_json())
    assert comparing.compare(without, other).metric == "test_accuracy"


def test_what_cannot_be_compared_is_told_what_would_do(tmp_path: Path, reports: Path) -> None:
    with pytest.raises(
        AblateError, match="there is no such file or folder; takes results, a stored baseline or a page"
    ):
        comparing.open_side(tmp_path / "absent")
    with pytest.raises(EmptyResultsError, match="should be the folder of a study's results; it holds none"):
        comparing.open_side(tmp_path)
    for name in ("one", "two"):
        invented.kept(invented.snapshot(finished=0, study={"name": name, "replicates": 1}), tmp_path)
    with pytest.raises(EmptyResultsError, match=r"it holds several studies \(one, two\); name the folder of one"):
        comparing.open_side(tmp_path)
    with pytest.raises(EmptyResultsError, match=r"no finished runs in .*one; 'ablate run' trains them"):
        comparing.open_side(tmp_path / "one")


def test_a_comparison_in_markdown_is_named_by_its_sides(stored: Path) -> None:
    assert comparing.comparison_markdown(comparing.compare(stored, stored), "then", "now").startswith(
        "# now against then: 3 fine"
    )
