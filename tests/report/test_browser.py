"""The page in a real browser, without a network: its script runs, nothing is refused, nothing is asked for."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from ablate.report import page
from ablate.report.findings import Findings

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def browse(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Open a file and do what the arguments say."""
    profile = path.parent / "profile"
    command = [str(BROWSER), *FLAGS, f"--user-data-dir={profile}", *arguments, path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def written(make, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page.render(Findings(make())), encoding="utf-8")
    return path


def test_the_script_runs_and_the_console_stays_silent(written):
    done = browse(written, "--dump-dom")
    assert not re.findall(r".*CONSOLE.*", done.stderr)
    assert re.search(r"(\d\d) of \1 runs shown", done.stdout)
    assert done.stdout.count('<th scope="col"><button type="button">') > 5


def test_a_forbidden_script_is_refused_and_seen(written):
    """The check above can fail: an injected script breaks the policy, and the console says so."""
    written.write_text(written.read_text().replace("</body>", "<script>document.title = 'x'</script></body>"))
    done = browse(written, "--dump-dom")
    assert "CONSOLE" in done.stderr
    assert "<title>x</title>" not in done.stdout


@pytest.mark.parametrize("width", [1200, 500])
@pytest.mark.parametrize("scheme", ["0", "1"], ids=["dark", "light"])
def test_the_page_is_drawn_in_light_and_dark(written, tmp_path, width, scheme):
    shot = tmp_path / "shot.png"
    browse(
        written,
        f"--screenshot={shot}",
        f"--window-size={width},3000",
        f"--blink-settings=preferredColorScheme={scheme}",
    )
    pixels = image.imread(shot)[:, :, :3]
    background = pixels[5, 5].mean()
    assert background < 0.3 if scheme == "0" else background > 0.8
    assert len(np.unique((pixels * 255).astype(np.uint8).reshape(-1, 3), axis=0)) > 200
    assert (pixels.mean(axis=2) < 0.02).mean() < 0.2  # a figure that lost its styles is a black box
