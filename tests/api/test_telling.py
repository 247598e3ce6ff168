"""Progress in words, for whoever shows lines."""

import re

from ablate.api import Outcome, Progress, telling
from tests import invented

RUN = invented.snapshot().planned[0]


def test_a_line_for_every_run_and_nothing_in_between() -> None:
    said: list[str] = []
    lines = telling.Lines(said.append)
    lines(Progress(2, 4))
    lines(Progress(2, 4, {"ok": 1}, last=(RUN, Outcome(RUN.key, "ok", epochs=2, score=0.5, seconds=1.25))))
    (line,) = said
    assert re.fullmatch(r"\S+ 1/2 baseline seed 1: test accuracy 0\.5000 after 2 epochs, 1\.2 s", line)


def test_before_the_first_epoch_it_is_compiling() -> None:
    said: list[str] = []
    lines = telling.Lines(said.append, heartbeat=0.0)
    lines(Progress(2, 4))
    lines(Progress(2, 4, epochs=1))
    assert [line.partition(" 0/2 ")[2] for line in said] == [
        "compiling: no epoch is trained yet",
        "training: 1 of at most 4 epochs",
    ]


def test_notes_are_said_once() -> None:
    said: list[str] = []
    lines = telling.Lines(said.append)
    for _ in range(2):
        lines(Progress(2, 4, notes=("no network",)))
    assert said == ["Warning: no network"]


def test_runs_may_be_told_of_as_they_finish_elsewhere_or_fail() -> None:
    elsewhere = Outcome(RUN.key, "diverged", epochs=2, score=0.5, elsewhere=True)
    assert telling.last(Progress(1, 1, last=(RUN, elsewhere))).endswith("2 epochs, trained elsewhere (diverged)")
    assert (
        telling.last(Progress(1, 1, last=(RUN, Outcome(RUN.key, "failed", "odd\n")))) == "baseline seed 1: failed: odd"
    )
    assert telling.last(Progress(1, 1)) == ""
