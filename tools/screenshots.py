"""Pictures of a page for the documentation: light, dark, on a phone, and on paper.

    python tools/screenshots.py [page.html] [folder]    reports/samples/digits-remedies.html and docs/images by default

Needs `pip install -e '.[test]'` and Chromium. Look at the pictures before you commit them.
"""

import argparse
import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests import chromium  # noqa: E402 - the tests are found beside this folder

MOST_BYTES = 250_000
COLOURS = 256
MARGIN = "38px"  # a centimetre, which browsers leave on paper
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 720}
PAPER = {"width": 794, "height": 1123}  # A4 at 96 pixels per inch
VIEWS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESK, "color_scheme": "light"},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "device_scale_factor": 2, "is_mobile": True},
    "print": {"viewport": PAPER, "color_scheme": "light"},
}


def main() -> None:
    """Take every picture, and fail if one is too large."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", nargs="?", type=Path, default=ROOT / "reports/samples/digits-remedies.html")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs/images")
    arguments = parser.parse_args()
    if chromium.executable() is None:
        sys.exit(chromium.MISSING)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with chromium.launched() as browser:
        for name, options in VIEWS.items():
            context = browser.new_context(offline=True, **options)
            tab = context.new_page()
            tab.goto(arguments.page.resolve().as_uri())
            if name == "print":
                tab.emulate_media(media="print")
                tab.evaluate("dispatchEvent(new Event('beforeprint'))")
                tab.evaluate("margin => { document.body.style.margin = margin }", MARGIN)
            written = arguments.folder / f"report-{name}.png"
            written.write_bytes(compressed(tab.screenshot()))
            context.close()
            print(f"{written}: {written.stat().st_size:,} bytes")
            if written.stat().st_size > MOST_BYTES:
                sys.exit(f"{written} has more than {MOST_BYTES:,} bytes")


def compressed(png: bytes) -> bytes:
    """The same picture with few colours."""
    kept = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    # Coverage: the small marks keep their colours beside large plain grounds.
    few = picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(kept, "PNG", optimize=True)
    return kept.getvalue()


if __name__ == "__main__":
    main()
