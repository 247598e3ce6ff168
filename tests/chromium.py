"""Debian's Chromium, driven by Playwright, without a network: for the browser suite, benchmarks and screenshots.

Playwright's own browser is neither looked for nor downloaded.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",  # a container has no user namespaces to make one of
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
MISSING = "needs Chromium: on the path, or its path in ABLATE_CHROMIUM"


def executable() -> str | None:
    """The browser that ABLATE_CHROMIUM names, else the first of the usual ones on the path."""
    return os.environ.get("ABLATE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser without a window, closed at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
