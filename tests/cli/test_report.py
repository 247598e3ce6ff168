"""`ablate report`: one page in the study's folder, and where it is."""

import json
from pathlib import Path

from tests import invented
from tests.commands import ablate


def test_the_page_is_written_and_its_path_is_the_result(tmp_path: Path) -> None:
    once = {"study": {"name": "once", "replicates": 2}, "overfitting": {}, "underfitting": {}}
    store = invented.kept(invented.snapshot(finished=1, **once), tmp_path)
    done = ablate("report", "-o", tmp_path, "--json")
    assert done.exit_code == 0, done.stderr
    path = store.root / "report.html"
    assert json.loads(done.stdout) == {"path": str(path), "bytes": path.stat().st_size, "missing": 1}
    assert done.stderr == f"{path.stat().st_size / 1e6:.1f} MB\n"


def test_a_study_without_a_finished_run_has_no_page(tmp_path: Path) -> None:
    store = invented.kept(invented.snapshot(finished=0), tmp_path)
    done = ablate("report", "-o", tmp_path)
    assert (done.exit_code, done.stdout) == (5, "")
    assert not (store.root / "report.html").exists()


def test_a_folder_of_templates_that_holds_none_is_bad_usage(invented_results: Path, tmp_path: Path) -> None:
    done = ablate("report", "-o", invented_results, "--template-dir", tmp_path)
    assert done.exit_code == 2
    assert "holds no template" in done.stderr


def test_without_a_finished_run_the_reason_of_a_failure_is_told(tmp_path: Path) -> None:
    invented.kept(invented.snapshot(failed=(0, 1), finished=0), tmp_path)
    done = ablate("report", "-o", tmp_path)
    assert done.exit_code == 5
    assert "no page without a finished run: none of 18 runs is finished, 2 failed; " in done.stderr
    assert "failed: out of memory <b> (its log: " in done.stderr
