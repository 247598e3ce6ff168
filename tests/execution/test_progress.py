"""How far a study is: what is said when all is over, and while nothing is trained yet."""

from ablate.execution.assignment import Outcome
from ablate.execution.progress import Progress


def test_what_is_told_in_the_end_counts_every_run() -> None:
    outcomes = [Outcome("a", "ok", epochs=3), Outcome("b", "diverged", epochs=1), Outcome("c", "failed")]
    told = Progress.of_all(outcomes, ("no network",))
    assert (told.total, told.finished, told.epochs, told.total_epochs) == (3, 3, 4, 4)
    assert told.done == {"ok": 1, "diverged": 1, "failed": 1}
    assert told.notes == ("no network",)


def test_of_runs_that_were_stopped_nothing_is_counted_twice() -> None:
    assert Progress.of_all([], ("no network",)).total == 0


def test_before_the_first_epoch_and_the_first_end_it_prepares() -> None:
    assert Progress(2, 4).is_preparing
    assert not Progress(2, 4, epochs=1).is_preparing
    assert not Progress(2, 4, {"ok": 0, "diverged": 0, "failed": 1}).is_preparing
