"""Whatever a run does to its process, the others are trained, the study ends, and the log says what happened."""

import json
from pathlib import Path

import pytest

from ablate.execution.output import TAIL
from ablate.results.files import process_exists
from tests.faults.conftest import BOTH_TRAINERS, KILLS, Place

FAULTS = {
    "raises": "ValueError: the message",
    "calls_exit": "its code called sys.exit(0)",
    "exits_at_once": "its process ended itself with exit code 0",
    "crashes": "its process crashed (SIGSEGV)",
    "is_killed": "its process was killed (SIGKILL), by hand or because memory ran out",
    "takes_all_memory": "MemoryError",
    "hangs": "stopped after {timeout} s",
    "never_comes_back_to_python": "stopped after {timeout} s",
    "prints_rubbish_and_raises": "RuntimeError: after the rubbish",
}
HARMLESS = ("loses_its_way", "prints_too_much", "changes_folder")
TIMEOUT = {"stand-in": "8", "keras": "60"}  # seconds, well beyond what a good run takes on a busy machine


def of(*faults: str) -> list[str]:
    levels = ", ".join(f'["faulty:{fault}"]' for fault in faults)
    return ["-S", f'factors."training.callbacks"=[[], {levels}]', "-S", "study.replicates=1"]


@BOTH_TRAINERS
@pytest.mark.parametrize("jobs", ["2"] if KILLS <= 10 else ["1", "2"])
def test_one_bad_run_costs_one_run(place: Place, jobs: str) -> None:
    faults, timeout = of(*FAULTS, *HARMLESS), TIMEOUT[place.trainer]
    done = place.ablate("run", f"-j{jobs}", "--timeout", timeout, "--json", *faults)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    counts = json.loads(done.stdout)
    good = 2 + len(HARMLESS)  # the baseline, and dropout
    assert (counts["trained"], counts["failed"], counts["diverged"]) == (good, len(FAULTS), 1)
    assert place.wait_for_end() == []
    assert not process_exists(int((place.folder / "child").read_text()))
    reasons = {}
    for path in (place.store.root / "attempts").rglob("1.json"):
        failure = place.store.last_failure(path.parent.name)
        assert failure is not None
        assert len(failure.log) <= TAIL
        assert all(each.isprintable() or each in "\n\t" for each in failure.log + failure.reason)
        reasons[failure.reason] = failure.log
    for fault, reason in FAULTS.items():
        assert any(found.startswith(reason.format(timeout=timeout)) for found in reasons), f"{fault}: {sorted(reasons)}"
    (log,) = (log for reason, log in reasons.items() if "SIGSEGV" in reason)
    assert "Segmentation fault" in log
    assert "string_at" in log  # the traceback of the crash
    (log,) = (log for reason, log in reasons.items() if "rubbish" in reason)
    assert "\N{REPLACEMENT CHARACTER}" in log
    assert "red" in log
    assert log.index("the last words") < log.index("Traceback")

    again = json.loads(place.ablate("run", "-j2", "--json", *of(*HARMLESS)).stdout)
    assert (again["trained"], again["cached"]) == (0, good)
    page = Path(place.ablate("report", *faults).stdout.strip()).read_text()
    assert "SIGSEGV" in page


def test_fail_fast_stops_at_the_first_failure(place: Place) -> None:
    done = place.ablate("run", "-j1", "--fail-fast", "--json", *of("raises"), "-S", "study.replicates=10")
    counts = json.loads(done.stdout)
    assert done.returncode == 3
    assert counts["failed"] == 1
    assert counts["trained"] < 20


def test_a_budget_is_kept_even_by_a_run_that_hangs(place: Place) -> None:
    study = of("never_comes_back_to_python")
    for level in ("dropout=0.5", "training.callbacks=[]"):
        assert place.ablate("run", "-j1", "--only", level, *study).returncode == 0
    done = place.ablate("run", "-j2", "--budget", "6s", "--json", *study)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert (counts["trained"], counts["cached"], counts["failed"]) == (0, 2, 0)
    assert "1 pending" in done.stderr
    assert place.wait_for_end() == []
    assert place.ablate("report").returncode == 0


def test_processes_that_cannot_start_end_the_study_with_their_last_words(place: Place) -> None:
    (place.folder / "tensorflow").mkdir()
    (place.folder / "tensorflow" / "__init__.py").write_text("import os\nprint('bad processor')\nos._exit(7)\n")
    with place.start("run", "-j1", python_path=str(place.folder)) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "a worker process ended before it began to train, 3 times in a row" in err
    assert "bad processor" in err
    assert not (place.store.root / "attempts").exists()
