"""Every promise of SECURITY.md names a test that is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROMISES = re.findall(
    r"^- (.+?)(?=\n- |\n\n|\Z)", (ROOT / "SECURITY.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)


def missing(promise: str) -> list[str]:
    """What a promise lacks: a test at all, or those that it names."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", promise)
    if not named:
        return ["it names no test"]
    files = {path: (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).is_file() else "" for path, _ in named}
    return [f"{path}::{name}" for path, name in named if f"def {name}(" not in files[path]]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda text: text[:40])
def test_a_promise_has_its_test(promise: str) -> None:
    assert missing(promise) == []


def test_a_promise_without_a_test_is_noticed() -> None:
    assert len(PROMISES) > 20
    assert missing("Nothing ever fails.") == ["it names no test"]
    assert missing("Sure. `tests/test_security.py::no_such_test`") == ["tests/test_security.py::no_such_test"]
