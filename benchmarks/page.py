"""How large the page of a large study is, how long it takes to write and how long a browser takes to open it.

    python benchmarks/page.py                      # 500 and 5,000 invented runs of 50 epochs; about two minutes

Needs `pip install -e '.[test]'` and Chromium. Nothing is trained: the numbers of the runs are invented, their layers,
epochs, treatments and replicates are as many as a study of that size has. A page counts as opened when its script has
run and the browser has drawn a frame; every opening begins in a context of its own, with nothing cached.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

sys.path.insert(0, str(Path(__file__).parents[1]))  # the invented studies are the tests'

from ablate.report.findings import Findings
from ablate.report.page import html as page
from tests import chromium, invented

FRAME = "new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))"


@dataclass(frozen=True)
class Measured:
    """One page: its text, and what it took to write (seconds of the clock, and of the processor) and to open it."""

    html: str
    seconds: float
    processor: float
    is_repeatable: bool
    opening: list[float]
    elements: int
    heap: int

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self.html.encode())


def main() -> None:
    """Measure both sizes of study and print a table, and what each part of the page weighs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="openings of each page")
    parser.add_argument("--keep", type=Path, help="a folder that the pages are written to")
    arguments = parser.parse_args()
    page.render(Findings(invented.snapshot()))  # imports and fonts are there from here on
    with chromium.launched() as browser, tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        found = {10 * count: measure(count, browser, folder, arguments.repeats) for count in (50, 500)}
    print("| runs | bytes | written in, s | of the processor | opened in, s | elements | heap, MB | same bytes twice |")
    print("|---" * 8 + "|")
    for runs, each in found.items():
        cells = [
            f"{runs:,}",
            f"{each.size:,}",
            f"{each.seconds:.1f}",
            f"{each.processor:.1f}",
            f"{statistics.median(each.opening):.2f} ({min(each.opening):.2f} to {max(each.opening):.2f})",
            f"{each.elements:,}",
            f"{each.heap / 1e6:.1f}",
            "yes" if each.is_repeatable else "NO",
        ]
        print(f"| {' | '.join(cells)} |")
    print("\n| part | " + " | ".join(f"bytes at {runs:,} runs" for runs in found) + " |")
    print("|---" * (len(found) + 1) + "|")
    weights = [parts(each.html) for each in found.values()]
    for name in sorted(weights[0], key=lambda name: -weights[0][name]):
        print(f"| {name} | " + " | ".join(f"{weight.get(name, 0):,}" for weight in weights) + " |")


def measure(treatments: int, browser: Browser, folder: Path, repeats: int) -> Measured:
    """Write the page of a grid of so many treatments twice, and open it as often as asked."""
    started = time.perf_counter()
    snapshot = invented.large(treatments)
    print(f"invented {len(snapshot.planned):,} runs in {time.perf_counter() - started:.1f} s", file=sys.stderr)
    started, before = time.perf_counter(), time.process_time()
    html = page.render(Findings(snapshot))
    seconds, processor = time.perf_counter() - started, time.process_time() - before
    path = folder / f"{len(snapshot.planned)}-runs.html"
    path.write_text(html, encoding="utf-8")
    again = page.render(Findings(invented.large(treatments)))
    openings = [opened(browser, path) for _ in range(repeats)]
    times, elements, heaps = zip(*openings, strict=True)
    return Measured(html, seconds, processor, again == html, list(times), elements[-1], heaps[-1])


def opened(browser: Browser, path: Path) -> tuple[float, int, int]:
    """Seconds until a page is there, its elements, and the bytes that its script holds."""
    context = browser.new_context(offline=True)
    tab = context.new_page()
    started = time.perf_counter()
    tab.goto(path.as_uri(), wait_until="load")
    tab.evaluate(FRAME)
    seconds = time.perf_counter() - started
    elements = tab.evaluate("document.querySelectorAll('*').length")
    session: Any = context.new_cdp_session(tab)
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")["usedSize"]
    context.close()
    return seconds, elements, heap


def parts(html: str) -> dict[str, int]:
    """Bytes of every section, its drawings and what is embedded apart; and of the style sheet and the script."""
    found = {}
    for name, body in re.findall(r'<section id="([\w-]+)"(.*?)</section>', html, re.DOTALL):
        inner = {
            "figures": re.findall(r'<svg (?!class="spark").*?</svg>|<img .*?>', body, re.DOTALL),
            "sparklines": re.findall(r'<svg class="spark".*?</svg>', body, re.DOTALL),
            "embedded": re.findall(r'<script type="application/.*?</script>', body, re.DOTALL),
        }
        weights = {kind: sum(len(text.encode()) for text in texts) for kind, texts in inner.items()}
        found |= {f"{name}, {kind}": weight for kind, weight in weights.items() if weight}
        found[name] = len(body.encode()) - sum(weights.values())
    for tag in ("style", "script"):
        found[f"{tag} of the page"] = len("".join(re.findall(rf"<{tag}>.*?</{tag}>", html, re.DOTALL)).encode())
    return found


if __name__ == "__main__":
    main()
