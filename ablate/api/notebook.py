"""What a notebook shows: a progress bar while runs are trained."""

import html
import sys
import time
from typing import Any

from ablate.api import telling
from ablate.execution.progress import Progress

INTERVAL = 0.25  # seconds between two updates


def is_running() -> bool:
    """Whether this process is the kernel of a notebook, which shows HTML."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return getattr(shell, "kernel", None) is not None


class Bar:
    """A listener that shows a bar, the last finished run and what went wrong, in one place of a notebook.

    Args:
        handle: shows HTML in place of what it showed before; made by `IPython.display` by default.
    """

    def __init__(self, handle: Any = None) -> None:
        self._handle = handle
        self._last = ""
        self._notes: list[str] = []
        self._told: set[str] = set()
        self._shown = -INTERVAL

    def __call__(self, progress: Progress) -> None:
        """Show how far the runs are."""
        self._notes += telling.news(progress, self._told)
        if progress.last is not None:
            self._last = telling.last(progress)
        is_over = progress.finished >= progress.total
        if is_over or time.monotonic() - self._shown >= INTERVAL:
            self._shown = time.monotonic()
            self._show(self.html(progress))

    def html(self, progress: Progress) -> str:
        """The bar as HTML; nothing that it was given is markup."""
        if progress.is_preparing:
            text = "loading TensorFlow and compiling"
        else:
            text = f"{progress.epochs:,} of at most {progress.total_epochs:,} epochs, {_minutes(progress)}"
        parts = [
            f'<progress value="{progress.epochs}" max="{max(progress.total_epochs, 1)}"></progress>',
            f"{progress.finished:,} of {progress.total:,} runs, {text}",
            *(html.escape(each) for each in (self._last, *self._notes) if each),
        ]
        return f"<div>{'<br>'.join(parts)}</div>"

    def _show(self, text: str) -> None:
        content = _Html(text)
        if self._handle is None:
            from IPython.display import display

            self._handle = display(content, display_id=True)
        else:
            self._handle.update(content)


class _Html:
    """HTML for a notebook, with a plain text for those that show none."""

    def __init__(self, text: str) -> None:
        self._text = text

    def _repr_html_(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "progress"


def _minutes(progress: Progress) -> str:
    seconds = time.monotonic() - progress.started
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
