"""Pages of invented studies, rendered once, and what a visit to one of them saw."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import Locator, Page

from ablate.report.findings import Findings
from ablate.report.page import html as report
from ablate.results.snapshot import Snapshot
from tests import invented

CLAIM = {
    "says": "Batch normalization raises test accuracy",
    "metric": "test_accuracy",
    "treatment": {"batch_norm": True},
    "against": {"batch_norm": False},
    "expect": "higher",
}
HOMES = ("/home/jürgen/d.npz", "/home/ann/x.npz", "/home/bob/x.npz", "x ")  # names to hide; two become equal
SNAPSHOTS: dict[str, Callable[[], Snapshot]] = {
    "usual": lambda: invented.snapshot(diverged=(1,), failed=(2,), claim=[CLAIM]),
    "none": lambda: invented.snapshot(finished=0),
    "one": lambda: invented.snapshot(finished=1),
    "diverged": lambda: invented.snapshot(diverged=range(18)),
    "grid": lambda: invented.snapshot(study={"name": "crossed", "design": "grid", "replicates": 6}),
    "homes": lambda: invented.snapshot(factors={"data.source": ["digits", *HOMES]}, overfitting={}),
    "long": lambda: invented.snapshot(study={"name": "long", "replicates": 40}),
}
CI_POLICY = "sandbox; default-src 'none'; img-src 'self'; style-src 'self'"  # what CI servers send with artifacts


@cache
def rendered(name: str) -> str:
    """The page of one of the snapshots above."""
    return report.render(Findings(SNAPSHOTS[name]()), command="ablate run --config study.toml")


@dataclass
class Visit:
    """An opened page and what it did.

    Attributes:
        page: Playwright's.
        requests: addresses it asked for beyond its own; what the file itself holds (`data:`) is not asked for.
        complaints: errors and warnings of the console, uncaught errors.
        dialogs: messages of `alert` and its like.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def go(self, address: str) -> None:
        """Record what happens from here on, and load an address."""
        self.page.on("request", lambda request: self._requested(address, request.url))
        self.page.on("console", lambda message: self._said(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.page.goto(address, wait_until="load")

    def _requested(self, address: str, url: str) -> None:
        if url != address and not url.startswith("data:"):
            self.requests.append(url)

    def _said(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)


def pixels(of: Page | Locator, **options: Any) -> npt.NDArray[np.uint8]:
    """A picture of what is visible, shape (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(of.screenshot(**options))).convert("RGB"))


def dark(picture: npt.NDArray[np.uint8]) -> float:
    """The share of nearly black pixels."""
    return float((picture.max(axis=2) < 40).mean())


def colours(picture: npt.NDArray[np.uint8]) -> int:
    """How many different colours there are."""
    return len(np.unique(picture.reshape(-1, 3), axis=0))


def tab_to(page: Page, selector: str) -> Locator:
    """Press Tab until an element that the selector matches has the focus."""
    for _ in range(300):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return page.locator(":focus")
    raise AssertionError(f"Tab never reaches {selector}")


def shows_focus(page: Page) -> bool:
    """Whether the element with the focus has an outline."""
    style, width = page.evaluate(
        "(({ outlineStyle, outlineWidth }) => [outlineStyle, outlineWidth])(getComputedStyle(document.activeElement))"
    )
    return style != "none" and float(width.removesuffix("px")) > 0
