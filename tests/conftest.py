"""Fixtures that several rooms share: tiny real studies, and MNIST where it is at hand."""

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ablate.study import spec
from ablate.study.spec import Study

STUDIES = Path(__file__).parent / "studies"

# Before anything imports TensorFlow: one thread, as in workers, so that results can be compared bit for bit.
for _variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ[_variable] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


_XLA_CACHE = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Share what XLA compiles between the workers of all tests, and leave the user's own cache alone."""
    if "ABLATE_XLA_CACHE" not in os.environ:
        config.stash[_XLA_CACHE] = tempfile.TemporaryDirectory(prefix="ablate-tests-")
        os.environ["ABLATE_XLA_CACHE"] = config.stash[_XLA_CACHE].name


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(_XLA_CACHE, None):
        folder.cleanup()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate-golden", action="store_true", help="write golden files instead of comparing them")


def study_of(**sections: dict[str, Any]) -> Study:
    """A study of a small network on digits; the given sections extend or replace the usual ones."""
    document: dict[str, Any] = {
        "study": {"name": "tiny", "replicates": 1},
        "data": {"source": "digits"},
        "model": {"hidden": [16, 8]},
        "training": {"epochs": 2},
    }
    for name, section in sections.items():
        document[name] = {**document.get(name, {}), **section}
    return spec.build(document, Path("ablations.toml"))


def default_signals() -> None:
    """For a process that is to be interrupted: what is started in the background is started deaf to it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Any:
    """Compare a text with a golden file beside the tests, or write it under --regenerate-golden."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).parent / "golden" / name
        if request.config.getoption("--regenerate-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing; pytest --regenerate-golden writes it"
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture(scope="session")
def mnist() -> Path:
    """The folder that holds mnist.npz; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("ABLATE_DATA", "data"))
    if not (folder / "mnist.npz").is_file():
        pytest.skip("needs mnist.npz in the folder that ABLATE_DATA names")
    return folder
