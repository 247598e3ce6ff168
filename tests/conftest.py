"""Fixtures that several rooms share: tiny real studies, and MNIST where it is at hand."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ablate.api import confirming, networks, plans, pulling
from ablate.execution.assignment import Assignment, Outcome
from ablate.execution.engines.local import Lanes
from ablate.execution.scheduler import Options
from ablate.studies import spec
from ablate.studies.spec import Study
from tests.stranger import Stranger

if TYPE_CHECKING:
    from concurrent.futures import Future

STUDIES = Path(__file__).parent / "fixtures"
WITH_WORKERS = (plans, networks, confirming, pulling)  # modules that start them
MOST_RUNS = 1000  # of one study that the warm worker may be sent

# Before anything imports TensorFlow: one thread, as in workers, so that results can be compared bit for bit.
for _variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ[_variable] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

# Programs are compiled in less time and run slower. What they compute stays; the slow tests have them as users have.
COMPILE_FAST = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"

_XLA_CACHE = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Share what XLA compiles between the workers of all tests, and leave the user's own cache alone."""
    if folder := os.environ.get("ABLATE_DATA"):
        os.environ["ABLATE_DATA"] = str(Path(folder).resolve())  # tests start programs in other folders
    flags = os.environ.get("XLA_FLAGS", "")
    if "not slow" in config.option.markexpr and COMPILE_FAST not in flags and not Path(flags).is_file():
        os.environ["XLA_FLAGS"] = f"{flags} {COMPILE_FAST}".strip()
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


class WarmWorkers(Lanes):
    """A worker process that serves many studies: TensorFlow is imported once, and programs stay compiled."""

    def __init__(self) -> None:
        super().__init__(jobs=1, assignments=MOST_RUNS)
        self._last: Future[Outcome] | None = None

    def submit(self, lane: int, assignment: Assignment, timeout: float | None) -> "Future[Outcome]":
        """Remember the run, so that it can be told whether it is over."""
        self._last = super().submit(lane, assignment, timeout)
        return self._last

    def close(self, *, kill: bool = False) -> None:
        """Stay open when a study is over; a run that was given up costs the process."""
        if kill and self._last and not self._last.done():
            self._lanes[0].renew()
        self._board.stop.value = 0

    def end(self) -> None:
        """Close for good."""
        super().close()


@pytest.fixture(scope="session")
def warm_worker() -> Iterator[WarmWorkers]:
    """The worker of a test process."""
    worker = WarmWorkers()
    yield worker
    worker.end()


@pytest.fixture(scope="module")
def warm(warm_worker: WarmWorkers) -> Iterator[None]:
    """Studies of this module, by command or by function, are trained by the warm worker whatever `--jobs` says."""
    with pytest.MonkeyPatch.context() as patch:
        for module in WITH_WORKERS:
            patch.setattr(module, "Lanes", lambda jobs, assignments, deaf=(): warm_worker)
        yield


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test in a module of `warm` that needs new workers all the same."""
    for module in WITH_WORKERS:
        monkeypatch.setattr(module, "Lanes", Lanes)


@pytest.fixture(scope="session")
def tiny_results(tmp_path_factory: pytest.TempPathFactory, warm_worker: WarmWorkers) -> Path:
    """A folder with the results of the tiny study, all four runs of it; to be read and copied, never changed."""
    out = tmp_path_factory.mktemp("tiny")
    plan = plans.make_plan(plans.load(STUDIES / "tiny.toml"), out=out)
    plans.run_plan(plan, Options(1), lanes=warm_worker)
    return out


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    """A program that loads networks without this package."""
    program = Stranger(tmp_path_factory.mktemp("stranger"))
    yield program
    program.close()


@pytest.fixture(scope="session")
def mnist() -> Path:
    """The folder that holds mnist.npz; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("ABLATE_DATA", "data"))
    if not (folder / "mnist.npz").is_file():
        pytest.skip("needs mnist.npz in the folder that ABLATE_DATA names")
    return folder
