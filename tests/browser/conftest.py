"""One browser for all tests of a process; every test has contexts, files and a server of its own."""

import itertools
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests import chromium
from tests.browser.pages import Visit

Visiting = Callable[..., Visit]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a process."""
    if chromium.executable() is None:
        pytest.skip(chromium.MISSING)
    with chromium.launched() as launched:
        yield launched


@pytest.fixture
def context(browser) -> Iterator[Callable[..., BrowserContext]]:
    """A function that makes a context of its own, without a network, by Playwright's options."""
    opened = []

    def make(**options: Any) -> BrowserContext:
        opened.append(browser.new_context(**{"offline": True, **options}))
        opened[-1].set_default_timeout(120_000)  # milliseconds, for what hangs
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def visit(context, tmp_path) -> Visiting:
    """A function that opens HTML text as a file; further arguments are the context's options."""
    numbers = itertools.count()

    def open_page(html: str, **options: Any) -> Visit:
        path = tmp_path / f"report-{next(numbers)}.html"
        path.write_text(html, encoding="utf-8")
        found = Visit(context(**options).new_page())
        found.go(path.as_uri())
        return found

    return open_page


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """A function that serves HTML text on this machine, with headers as given; returns its address."""
    kept: dict[str, tuple[bytes, dict[str, str]]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, headers = kept.get(self.path, (b"", {}))
            self.send_response(200 if self.path in kept else 404)
            for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Say nothing: what was asked for is seen from the browser's side."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def put(html: str, **headers: str) -> str:
        path = f"/{len(kept)}.html"
        kept[path] = html.encode(), {name.replace("_", "-"): value for name, value in headers.items()}
        return f"http://127.0.0.1:{server.server_port}{path}"

    yield put
    server.shutdown()
    thread.join()
    server.server_close()
