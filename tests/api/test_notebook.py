"""What a notebook shows while runs are trained."""

from ablate.api.notebook import Bar, is_running
from ablate.execution.assignment import Outcome
from ablate.execution.progress import Progress
from tests import invented


class Handle:
    """Keeps what a notebook would show."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, content: object) -> None:
        self.shown.append(content._repr_html_())


def test_without_a_kernel_there_is_no_notebook() -> None:
    assert not is_running()


def test_the_bar_says_how_far_the_runs_are_and_escapes_what_it_is_told() -> None:
    run = next(iter(invented.snapshot().planned))
    handle = Handle()
    bar = Bar(handle)
    progress = Progress(2, 40)
    bar(progress)
    assert "loading TensorFlow and compiling" in handle.shown[-1]
    progress.epochs, progress.done["failed"] = 40, 2
    progress.last = run, Outcome(run.key, "failed", "<b>broken</b>")
    progress.notes = ("a <note>",)
    bar(progress)
    assert '<progress value="40" max="40">' in handle.shown[-1]
    assert "2 of 2 runs, 40 of at most 40 epochs" in handle.shown[-1]
    assert "failed: &lt;b&gt;broken&lt;/b&gt;" in handle.shown[-1]
    assert "Warning: a &lt;note&gt;" in handle.shown[-1]


def test_it_is_not_shown_more_often_than_anybody_can_see() -> None:
    handle = Handle()
    bar = Bar(handle)
    for epochs in range(1000):
        bar(Progress(2, 1000, epochs=epochs))
    assert len(handle.shown) < 1000
