"""`ablate status --watch`: lines until every run is over, then what `status` says."""

import json
from pathlib import Path
from typing import Any

import pytest

from ablate.api import open_results
from ablate.cli import watch
from ablate.cli.console import Output
from ablate.results import files
from ablate.results.record import Failure
from tests import invented
from tests.commands import ablate

OUTPUT = Output(quiet=False, verbose=False, as_json=False, color=False)


@pytest.fixture(autouse=True)
def every_look_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TELL_SECONDS", 0.0)


def test_it_ends_when_every_run_is_finished_or_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = invented.snapshot()
    invented.kept(invented.snapshot(finished=3), tmp_path)
    results = open_results(out=tmp_path)
    missing = [run for run in whole.planned if run.key not in results.snapshot.records]
    assert len(missing) > 2

    def sleep(seconds: float) -> None:
        """A run is over with every look; the last one fails."""
        run = missing.pop()
        if missing:
            results.store.commit(invented.record(run))
        else:
            results.store.record_failure(run.key, Failure("out of tea", "", "2026-01-01"))

    watch.until_over(results, OUTPUT, sleep)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 + len(whole.planned) - 3
    assert lines[0].endswith(" 3 of 18 runs finished")
    assert lines[-1].endswith("17 of 18 runs finished, 1 failed")


def test_what_workers_complain_of_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    invented.kept(invented.snapshot(finished=17), tmp_path)
    results = open_results(out=tmp_path)
    (missing,) = [run for run in results.snapshot.planned if run.key not in results.snapshot.records]
    folder = files.place(results.store.root, files.WORKERS, "20260101-120000-abcdef", "job.json").parent
    (folder / "job.json").write_text("{}")
    (folder / "1.json").write_text(json.dumps({"message": "node7 has \x1b[2Jkeras 9"}))
    (folder / "2.json").write_text("[")
    looks: list[Any] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            results.store.commit(invented.record(missing))

    watch.until_over(results, OUTPUT, sleep)
    said = capsys.readouterr().err
    assert said.count("Warning: node7 has") == 1
    assert "\x1b" not in said


def test_a_study_that_is_over_is_shown_at_once(tmp_path: Path) -> None:
    invented.kept(invented.snapshot(), tmp_path)
    done = ablate("status", "-o", tmp_path, "--watch")
    assert done.exit_code == 0, done.output
    assert "of 18 runs finished" in done.stderr
    assert done.stdout == ablate("status", "-o", tmp_path).stdout


def test_the_time_that_is_left_is_by_the_pace_since_the_first_look() -> None:
    found: Any = {"failed": 0}
    assert watch._line(100, 60, found, 60.0, first=50).endswith(" 60 of 100 runs finished; about 4 min left")
    assert watch._line(100, 60, found, 3600.0, first=50).endswith("about 4.0 h left")
    assert watch._line(100, 50, found, 3600.0, first=50).endswith("50 of 100 runs finished")
