"""The W3C's validator has no error and no warning for any page."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser import test_hostile
from tests.browser.pages import SNAPSHOTS, rendered

# It does not look up the hashes of the page's policy; that the browser refuses nothing, test_self_contained.py shows.
HASHES = ("Inline script violates Content Security Policy", "Inline style violates Content Security Policy")
VALIDATOR = os.environ.get("ABLATE_VNU", "")
if not shutil.which("java"):
    pytest.skip("needs Java for the W3C's validator", allow_module_level=True)
if not Path(VALIDATOR).is_file():
    pytest.skip("needs the W3C's validator: the path of its vnu.jar in ABLATE_VNU", allow_module_level=True)


def messages(folder):
    """What the validator says of the pages in a folder: the page's name, the kind of message, the message."""
    options = ["--format", "json", "--stdout", "--exit-zero-always", "--skip-non-html"]
    command = ["java", "-Xss4m", "-jar", VALIDATOR, *options, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return [
        (Path(found["url"]).stem, found.get("subType", found["type"]), found["message"], found.get("extract", "")[:200])
        for found in json.loads(done.stdout)["messages"]
        if not found["message"].startswith(HASHES)
    ]


def test_every_page_is_valid(tmp_path):
    for name in SNAPSHOTS:
        (tmp_path / f"{name}.html").write_text(rendered(name), encoding="utf-8")
    (tmp_path / "hostile.html").write_text(test_hostile.rendered(), encoding="utf-8")
    assert messages(tmp_path) == []


def test_what_is_not_valid_is_seen(tmp_path):
    """The check above can fail."""
    wrong = rendered("none").replace("<h1>", '<h1 id="verdict" role="nonsense">', 1)
    (tmp_path / "wrong.html").write_text(wrong, encoding="utf-8")
    kinds = [kind for _, kind, _, _ in messages(tmp_path)]
    assert kinds.count("error") == 2
