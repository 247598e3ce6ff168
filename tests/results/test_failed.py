"""Why runs failed, in words."""

from pathlib import Path

from ablate.results import failed
from ablate.results.record import Failure
from tests import invented


def test_runs_that_failed_alike_are_told_of_together(tmp_path: Path) -> None:
    made = invented.snapshot(failed=(0, 1, 2), finished=0)
    store = invented.kept(made, tmp_path)
    runs = [(run, "odd" if run.seed == 1 else "other") for run in made.planned[:4]]
    first, second = failed.sentences(runs, 18, store)
    attempts = store.root / "attempts" / made.planned[0].key / "1.json"
    assert first == f"3 of 18 runs, the first of them baseline, seed 1, failed: odd (its log: {attempts})"
    assert second == "baseline, seed 2 failed: other"


def test_of_many_reasons_a_few_are_told(tmp_path: Path) -> None:
    made = invented.snapshot(finished=0)
    found = failed.sentences([(run, run.key) for run in made.planned[:5]], 18, invented.kept(made, tmp_path))
    assert len(found) == failed.MOST_REASONS + 1
    assert found[-1] == f"2 more reasons are in {tmp_path / 'invented' / 'attempts'}"


def test_the_latest_attempt_is_the_one_that_is_named(tmp_path: Path) -> None:
    made = invented.snapshot(failed=(0,), finished=0)
    store = invented.kept(made, tmp_path)
    key = made.planned[0].key
    store.record_failure(key, Failure("again", "", ""))
    assert store.last_attempt(key) == store.root / "attempts" / key / "2.json"
    assert store.last_attempt(made.planned[1].key) is None
    assert failed.why_nothing(invented.snapshot(finished=0), store) == (
        "none of 18 runs is finished; 'ablate run' trains them"
    )
