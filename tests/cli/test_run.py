"""`ablate run`: what it says of what was trained, and how it ends. Nothing is trained here; outcomes are handed in."""

import json
import re
import signal
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ablate import api
from ablate.api import Options, Outcome, Plan, StopSignal, make_plan
from ablate.cli import run as command
from ablate.cli.console import Output
from ablate.results import entries
from ablate.results.identity import PlannedRun
from ablate.results.record import Failure
from tests import invented
from tests.commands import ablate

Train = Callable[[Plan, Options, StopSignal], Mapping[str, Outcome]]
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
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of four runs."""
    path = tmp_path / "ablations.toml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Train], None]:
    """A function that lets pending runs become something without workers."""

    def use(train: Train) -> None:
        def run_plan(plan: Plan, options: Options, hears: Any, stop: StopSignal, lanes: Any) -> Mapping[str, Outcome]:
            with stop.watched():
                return train(plan, options, stop)

        monkeypatch.setattr(api, "run_plan", run_plan)
        monkeypatch.setattr("ablate.api.plans.Lanes", lambda jobs, runs: nullcontext())

    return use


def commit(plan: Plan, options: Options, stop: StopSignal) -> dict[str, Outcome]:
    """Train all pending runs."""
    plan.store.prepare()
    for run in plan.pending:
        plan.store.commit(invented.record(run))
    return {run.key: Outcome(run.key, "ok", epochs=2) for run in plan.pending}


def test_what_was_trained_is_counted(study: Path, use: Any) -> None:
    use(commit)
    done = ablate("run", "-c", study, "--json")
    assert done.exit_code == 0, done.stderr
    out = str(study.parent / "reports" / "small")
    counts = {"runs": 4, "trained": 4, "cached": 0, "failed": 0, "diverged": 0, "out": out}
    assert json.loads(done.stdout) == counts
    assert f"4 runs: 4 trained, 0 were there; results in {out}" in done.stderr
    assert "'ablate run' trains the rest" not in done.stderr
    again = ablate("run", "-c", study, "--json")
    assert json.loads(again.stdout) == {**counts, "trained": 0, "cached": 4}


def test_failed_runs_are_exit_3_and_the_rest_is_pending(study: Path, use: Any) -> None:
    def train(plan: Plan, options: Options, stop: StopSignal) -> dict[str, Outcome]:
        one, two, three, _ = plan.pending
        return {
            one.key: Outcome(one.key, "failed", "odd"),
            two.key: Outcome(two.key, "diverged"),
            three.key: Outcome(three.key, "ok", elsewhere=True),
        }

    use(train)
    done = ablate("run", "-c", study, "--json")
    assert done.exit_code == 3
    counts = json.loads(done.stdout)
    assert (counts["trained"], counts["cached"], counts["failed"], counts["diverged"]) == (1, 1, 1, 1)
    assert "4 runs: 1 trained, 1 were there, 1 failed, 1 diverged, 1 pending; results in" in done.stderr
    assert "'ablate run' trains the rest." in done.stderr


def fail(*places: int) -> Train:
    """Let runs fail, and train the others."""

    def train(plan: Plan, options: Options, stop: StopSignal) -> dict[str, Outcome]:
        outcomes = commit(
            replace(plan, selected=tuple(run for run in plan.selected if run not in bad(plan))), options, stop
        )
        for run in bad(plan):
            plan.store.record_failure(run.key, Failure("out of tea", "the log", "2026-01-01T00:00:00+00:00"))
            outcomes[run.key] = Outcome(run.key, "failed", "out of tea", log="File mine.py, line 3")
        return outcomes

    def bad(plan: Plan) -> list[PlannedRun]:
        return [plan.everything[place] for place in places]

    return train


def test_where_all_runs_failed_the_reason_is_told_and_no_page_is_offered(study: Path, use: Any) -> None:
    use(fail(0, 1, 2, 3))
    done = ablate("run", "-c", study)
    assert done.exit_code == 3
    log = study.parent / "reports" / "small" / "attempts"
    said = r"Failed: 4 of 4 runs, the first of them baseline, seed 1, failed: out of tea \(its log: (\S+/1\.json)\)"
    (path,) = re.findall(said, done.stderr)
    assert Path(path).is_relative_to(log)
    assert Path(path).is_file()
    assert "'ablate run' tries the failed runs again; fix their cause first." in done.stderr
    assert "'ablate report'" not in done.stderr
    assert "so there is no page to write yet" in done.stderr


def test_where_some_runs_failed_the_page_is_offered_as_well(study: Path, use: Any) -> None:
    use(fail(1))
    done = ablate("run", "-c", study)
    assert done.exit_code == 3
    assert "Failed: batch_norm=true, seed 1 failed: out of tea (its log: " in done.stderr
    assert "Next: 'ablate report' writes the page." in done.stderr


def test_a_part_of_a_study_says_how_much_it_left_out(study: Path, use: Any) -> None:
    use(commit)
    done = ablate("run", "-c", study, "--only", "batch_norm=true")
    assert "2 runs: 2 trained" in done.stderr
    assert "--only left out 2 of the study's runs." in done.stderr


def test_options_are_handed_on(study: Path, use: Any) -> None:
    seen: list[Options] = []

    def train(plan: Plan, options: Options, stop: StopSignal) -> dict[str, Outcome]:
        seen.append(options)
        return {}

    use(train)
    arguments = ["--trainer", "fit", "--timeout", "90s", "--budget", "1h", "--fail-fast", "--trust-model", "-j", "3"]
    ablate("run", "-c", study, *arguments)
    ablate("run", "-c", study)
    (one, other) = seen
    assert (one.jobs, one.trainer, one.timeout, one.budget, one.fail_fast, one.trust_model) == (
        3,
        "fit",
        90.0,
        3600.0,
        True,
        True,
    )
    assert (other.jobs, other.timeout, other.budget, other.fail_fast) == (api.default_jobs(), None, None, False)


@pytest.mark.parametrize(
    ("number", "again", "level", "code"),
    [
        (signal.SIGINT, False, 1, 130),
        (signal.SIGINT, True, 2, 130),
        (signal.SIGTERM, False, 2, 143),
        (signal.SIGHUP, False, 2, 129),
    ],
    ids=str,
)
def test_a_signal_is_a_wish_to_stop_and_the_exit_code(
    study: Path, use: Any, number: signal.Signals, again: bool, level: int, code: int
) -> None:
    levels: list[int] = []

    def train(plan: Plan, options: Options, stop: StopSignal) -> dict[str, Outcome]:
        for _ in range(1 + again):
            signal.raise_signal(number)
        levels.append(stop.level)
        return {}

    use(train)
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    done = ablate("run", "-c", study)
    signal.signal(signal.SIGHUP, before[2])
    assert (levels, done.exit_code) == ([level], code)
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_a_signal_before_the_training_gives_up_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    stop, reached = StopSignal(), []

    def begin() -> None:
        with command._signals(stop, Output(quiet=False, verbose=False, as_json=False, color=False)):
            signal.raise_signal(signal.SIGTERM)
            reached.append("the training")

    with pytest.raises(SystemExit) as ended:
        begin()
    assert (ended.value.code, reached) == (143, [])
    assert "Interrupted: what is finished is kept." in capfd.readouterr().err


def test_a_closed_terminal_is_ignored_where_nohup_said_so(study: Path, use: Any) -> None:
    def train(plan: Plan, options: Options, stop: StopSignal) -> dict[str, Outcome]:
        signal.raise_signal(signal.SIGHUP)
        assert stop.level == 0
        return {}

    use(train)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    done = ablate("run", "-c", study)
    signal.signal(signal.SIGHUP, before)
    assert done.exit_code == 0, done.stderr


def test_a_baseline_that_is_best_is_not_confirmed(study: Path, use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use(commit)
    monkeypatch.setattr(api, "plan_confirmation", lambda plan: None)
    done = ablate("run", "-c", study, "--confirm", "--json")
    assert "Nothing to confirm: no treatment is better than the baseline on validation." in done.stderr
    assert json.loads(done.stdout)["confirmation"] == []


def test_a_confirmation_says_what_it_trains_and_what_came_of_it(
    study: Path, use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(commit)

    def confirm(plan: Plan, options: Options, hears: Any, stop: StopSignal) -> dict[str, Outcome]:
        entries.write(plan.store, plan.everything)
        return commit(plan, options, stop)

    monkeypatch.setattr(api, "confirm", confirm)
    done = ablate("run", "-c", study, "--confirm", "--json")
    assert done.exit_code == 0, done.stderr
    assert "Confirming batch_norm=true against the baseline with seeds 3 to 4." in done.stderr
    assert "on fresh seeds: batch_norm=true against the baseline, test_accuracy +" in done.stderr
    (row,) = json.loads(done.stdout)["confirmation"]
    assert (row["treatment"], row["n"]) == ("batch_norm=true", 2)


def test_after_a_wish_to_stop_nothing_is_confirmed(study: Path, use: Any) -> None:
    def train(plan: Plan, options: Options, stop: StopSignal) -> dict[str, Outcome]:
        done = commit(plan, options, stop)
        signal.raise_signal(signal.SIGINT)
        return done

    use(train)
    done = ablate("run", "-c", study, "--confirm")
    assert done.exit_code == 130
    assert "Confirming" not in done.stderr


def test_the_plan_that_is_carried_out_is_that_of_the_library(study: Path, use: Any) -> None:
    seen: list[Plan] = []

    def train(plan: Plan, options: Options, stop: StopSignal) -> dict[str, Outcome]:
        seen.append(plan)
        return {}

    use(train)
    ablate("run", "-c", study, "-S", "training.epochs=3", "-o", study.parent / "elsewhere")
    expected = make_plan(api.load(study, ["training.epochs=3"]), out=study.parent / "elsewhere")
    assert seen[0].everything == expected.everything
    assert seen[0].store.root == expected.store.root
