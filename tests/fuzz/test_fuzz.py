"""Every kind of file that is read, spoiled at random: an error in words or an answer, and nothing else happens.

No exception but `AblateError` or `OSError` reaches a command, nothing takes more than five seconds of the processor or
500 MB, no code is run, and no file is changed but those that are set aside. `ABLATE_FUZZ=20000` tries so many of each.
"""

import contextlib
import functools
import hashlib
import io
import json
import os
import resource
import shutil
import signal
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ablate import shipped
from ablate.cli import main
from ablate.errors import AblateError
from ablate.report.findings import Findings
from ablate.report.page import html as page
from ablate.report.page.templates import Templates
from ablate.results import embedded, models
from ablate.results.identity import canonical_json
from ablate.results.record import weights_digest
from ablate.results.store import Store
from ablate.results.weights import PARTS
from ablate.tables.mapping import Mapping, Piece, Recipe
from tests import invented
from tests.fuzz.mutations import as_json, damaged, spoiled
from tests.results.builders import record

USUAL = 20
EXAMPLES = int(os.environ.get("ABLATE_FUZZ", "0"))
SECONDS = 5  # of the processor, for one command
BYTES = 500 * 2**20
GOLDEN = Path(__file__).parents[1] / "golden" / "store-3"  # whose records hold what those of older ones do, and more
CANARY = """
import pathlib
pathlib.Path(__file__).with_name("sang").touch()


def rows():
    return [[1.0]] * 9, [0] * 9
"""
CODES = {0, 2, 3, 4, 5, 74}
WEIGHTS = {"hidden 1/kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}


def _fuzzed(function: Callable[..., None]) -> Callable[..., None]:
    """Run it with many examples: with a few by default, 200 where slow tests are run, or as many as are asked for."""
    checks = [
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ]

    def test(few: int, folder: "Folder") -> None:
        run = settings(
            max_examples=EXAMPLES or few,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=checks,
        )
        run(given(data=st.data())(lambda data: function(data, folder)))()

    test.__name__ = function.__name__
    return pytest.mark.parametrize("few", [USUAL, pytest.param(200, marks=pytest.mark.slow)])(test)


class Folder:
    """A folder of results beside code that tells when it is run, and beside files of the user's.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reports = root / "reports"
        self.results = self.reports / GOLDEN.name
        self.results.parent.mkdir()
        for folder in (root, self.reports, root / "elsewhere"):
            folder.mkdir(exist_ok=True)
            (folder / "evil.py").write_text(CANARY)
        (root / "elsewhere" / "mine.txt").write_text("mine")

    def renew(self, name: str, content: bytes) -> None:
        """Results as they were written, but for one file."""
        shutil.rmtree(self.results, ignore_errors=True)
        shutil.copytree(GOLDEN, self.results)
        (self.results / "evil.py").write_text(CANARY)
        path = self.results / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def contents(self) -> dict[str, str]:
        """The digest of every file that no command may change."""
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and "quarantine" not in path.parts
        }

    def try_all(self, *commands: str) -> None:
        """Call commands, each of which may fail in words and change nothing."""
        before = self.contents()
        for command in commands:
            with _watched(command):
                result = CliRunner().invoke(main, command.format(self=self).split(" "))
            said = result.exception
            assert said is None or isinstance(said, SystemExit), f"{command}: {said!r}"
            assert result.exit_code in CODES | ({1} if command.startswith("check") else set()), result.output
            assert not any(sign in result.output for sign in "\x1b\x9b\u202e\u2066\x00"), command
        after = self.contents()
        gone = before.keys() - after.keys()
        aside = len(list(self.results.glob("quarantine/*")))
        assert all(name.startswith((f"reports/{GOLDEN.name}/runs/", f"reports/{GOLDEN.name}/models/")) for name in gone)
        assert len(gone) <= aside, f"{gone} are gone"
        assert {name: after[name] for name in after} == {name: before.get(name) for name in after}
        assert not list(self.root.rglob("sang")), "code was run"


SHOWN = ("status -o {self.reports}", "store verify {self.results}")


@contextlib.contextmanager
def _watched(command: str) -> Iterator[None]:
    def ring(number: int, frame: object) -> None:
        raise AssertionError(f"{command}: more than {SECONDS} s")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@pytest.fixture(scope="module", autouse=True)
def _little_memory() -> Iterator[None]:
    """Let this process take so much more than it has, once everything is imported."""
    CliRunner().invoke(main, ["report", "-o", str(GOLDEN.parent / "none")])
    page.render(Findings(invented.snapshot()))
    if sys.platform != "linux":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + BYTES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)


def _either(data: st.DataObject, document: Any, write: Callable[[Any], bytes] = as_json) -> bytes:
    """A document of which a value is spoiled, or the bytes of which are."""
    if data.draw(st.booleans()):
        with contextlib.suppress(TypeError, ValueError, UnicodeEncodeError):  # TOML has no null, and no halves
            return write(data.draw(spoiled(document)))
    return data.draw(damaged(write(document)))


def _toml(document: Any) -> bytes:
    return tomli_w.dumps(document).encode()


def _study() -> Any:
    import tomllib

    found = tomllib.loads((GOLDEN / "study.toml").read_text())
    found["exclude"] = [{"dropout": 0.5, "l2": 0.1}]
    found["overfitting"]["l2"] = [0.0, 0.1]
    found["factors"] = {"training.batch_size": [32, 16], "model": {"activation": ["relu", "tanh"]}}
    found["claim"] = [{"says": "Dropout helps", "metric": "gap", "treatment": {"dropout": 0.5}, "at_most": 0.1}]
    return found


@_fuzzed
def test_study_files(data: st.DataObject, folder: Folder) -> None:
    study = folder.root / "elsewhere" / "ablations.toml"
    study.write_bytes(_either(data, _study(), _toml).replace(b"evil:", b"evils:"))  # its owner may name what he likes
    folder.try_all("plan -c {self.root}/elsewhere/ablations.toml -o {self.root}/none")


TABLE = "when;age;town;size;kind\n" + "".join(
    f"2024-0{1 + row % 9}-1{row % 8};{row * 7 % 50};{('Bonn', 'Köln', '서울')[row % 3]};{row},25;{'ab'[row % 2]}\n"
    for row in range(60)
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp949")
TABLE_STUDY = """
study = {{ name = "t" }}
model = {{ hidden = [4] }}
training = {{ epochs = 1 }}
data = {{ source = "t.csv", label = "kind", {} }}
"""
KEYS = (
    "", 'dates = ["when"]', 'dates = ["when"], missing = "median"', 'drop = ["when"], missing = "drop"',
    'time = "when"',
    'groups = "town", drop = ["when"]', 'separator = ";", decimal = ","', 'encoding = "cp949"', 'features = ["age"]',
    'features = ["age"], scale = "none"', "header = false", 'separator = " "',
)  # fmt: skip


@_fuzzed
def test_tables(data: st.DataObject, folder: Folder) -> None:
    home = folder.root / "elsewhere"
    content = TABLE.encode(data.draw(st.sampled_from(ENCODINGS)), "replace")
    (home / "t.csv").write_bytes(data.draw(damaged(content)))
    (home / "table.toml").write_text(TABLE_STUDY.format(data.draw(st.sampled_from(KEYS))))
    folder.try_all("plan -c {self.root}/elsewhere/table.toml -o {self.root}/none")


@_fuzzed
def test_columns_beside_a_network(data: st.DataObject, folder: Folder) -> None:
    document = {"columns": [{"name": "a = b", "column": "a", "kind": "category", "values": ["b"], "fill": 1.5}]}
    folder.renew(f"models/{RECORD.stem}.json", _either(data, document))
    folder.try_all("store verify {self.results}")
    with contextlib.suppress(AblateError, ValueError):
        Mapping.from_document(models.columns(Store(folder.results), RECORD.stem), Recipe((Piece("a", ("b",), 1),), 2))


@_fuzzed
def test_studies_among_results(data: st.DataObject, folder: Folder) -> None:
    folder.renew("study.toml", _either(data, _study(), _toml))
    folder.try_all(
        *SHOWN, "check -o {self.reports}", "compare {self.results} {self.results}", "plan -c {self.results}/study.toml"
    )


@_fuzzed
def test_identities(data: st.DataObject, folder: Folder) -> None:
    folder.renew("identity.json", _either(data, json.loads((GOLDEN / "identity.json").read_text())))
    folder.try_all(*SHOWN)


def _signed(document: Any) -> bytes:
    """A record with the digest that its content has, so that what is in it is looked at."""
    if isinstance(document, dict) and {"schema", "body", "sha256"} <= document.keys():
        with contextlib.suppress(ValueError, TypeError):
            body = {"schema": document["schema"], "body": document["body"]}
            document["sha256"] = hashlib.sha256(canonical_json(body)).hexdigest()
    return as_json(document)


RECORD = min(GOLDEN.glob("runs/*/*.json"))


@_fuzzed
def test_records(data: st.DataObject, folder: Folder) -> None:
    folder.renew(str(RECORD.relative_to(GOLDEN)), _either(data, json.loads(RECORD.read_text()), _signed))
    folder.try_all(*SHOWN)
    from ablate.api.results import read_folder

    try:
        found = read_folder(folder.results)
    except AblateError:  # a newer version may have written it
        return
    if not data.draw(st.integers(0, 9)):  # a page takes a second
        with _watched("report"):
            page.render(found.findings)


FAILURE = {"reason": "out of memory", "log": "a line\nanother", "at": "2026-01-01T00:00:00+00:00"}


@_fuzzed
def test_attempts(data: st.DataObject, folder: Folder) -> None:
    folder.renew(f"attempts/{RECORD.stem}/1.json", _either(data, FAILURE))
    (folder.results / RECORD.relative_to(GOLDEN)).unlink()
    folder.try_all(*SHOWN, "check -o {self.reports}")


@_fuzzed
def test_confirmations(data: st.DataObject, folder: Folder) -> None:
    content = _either(data, {"runs": [RECORD.stem, "ab" * 32], "seeds": [3, 4]})
    name = hashlib.sha256(content).hexdigest() if data.draw(st.integers(0, 3)) else "ab" * 32
    folder.renew(f"confirmations/{name}.json", content)
    folder.try_all(*SHOWN, "check -o {self.reports}", "store gc --unused -n -o {self.reports}")


@_fuzzed
def test_networks(data: st.DataObject, folder: Folder) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name in sorted(PARTS):
            made.writestr(name, b"{}" * 50)
    folder.renew(f"models/{RECORD.stem}.keras", data.draw(damaged(content.getvalue())))
    folder.try_all("store verify {self.results}")


@_fuzzed
def test_weights(data: st.DataObject, folder: Folder) -> None:
    content = io.BytesIO()
    np.savez(content, **WEIGHTS)
    made = record(RECORD.stem, weights=weights_digest(WEIGHTS))
    folder.renew(f"models/{made.key}.npz", data.draw(damaged(content.getvalue())))
    path = Store(folder.results).record_path(made.key)
    path.write_bytes(made.to_json())
    folder.try_all("store verify {self.results}")
    models.read_weights(Store(folder.results), made)


def _html() -> str:
    return page.render(Findings(invented.snapshot(diverged=(1,), failed=(2,))))


@_fuzzed
def test_pages(data: st.DataObject, folder: Folder) -> None:
    documents = embedded.content(invented.snapshot(diverged=(1,), failed=(2,)))
    part = data.draw(st.sampled_from(sorted(documents)))
    block = '<script type="application/json" id="data-{}">{}</script>'
    texts = {name: as_json(document).decode() for name, document in documents.items()}
    texts[part] = _either(data, documents[part]).decode("utf-8", "replace")
    written = "".join(block.format(name, text) for name, text in texts.items()).encode()
    if data.draw(st.booleans()):
        written = data.draw(damaged(written))
    (folder.root / "page.html").write_bytes(written)
    folder.try_all("compare {self.root}/page.html {self.root}/page.html")
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder.root / "page")
    result = CliRunner().invoke(main, ["extract", str(folder.root / "page.html")])
    assert result.exit_code in (0, 74), result.exception
    shutil.rmtree(folder.root / "page", ignore_errors=True)


@_fuzzed
def test_baselines(data: st.DataObject, folder: Folder) -> None:
    document = json.loads(Findings(invented.snapshot()).baseline.to_json())

    def write(content: Any) -> bytes:
        if isinstance(content, dict):
            body = {key: value for key, value in content.items() if key not in ("ablate_baseline", "sha256")}
            with contextlib.suppress(ValueError, TypeError):
                content["sha256"] = hashlib.sha256(canonical_json(body)).hexdigest()
        return as_json(content)

    folder.renew("study.toml", (GOLDEN / "study.toml").read_bytes())
    (folder.root / "baseline.json").write_bytes(_either(data, document, write))
    folder.try_all(
        "compare {self.root}/baseline.json {self.root}/baseline.json",
        "check -o {self.reports} --baseline {self.root}/baseline.json",
    )


@_fuzzed
def test_what_lies_in_the_place_of_a_file(data: st.DataObject, folder: Folder) -> None:
    """Links, pipes and folders where a file of ours should be, the file of claims among them."""
    folder.renew("evil.py", CANARY.encode())
    names = [
        "claims.lock",
        "identity.json",
        "study.toml",
        "runs",
        "models",
        "attempts",
        "quarantine",
        "trash",
        "confirmations",
        str(RECORD.relative_to(GOLDEN)),
    ]
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)):
        path = folder.results / name
        if any(way.is_symlink() or not way.is_dir() for way in (path.parent, path.parents[1])):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        match data.draw(st.sampled_from(["pipe", "zero", "outside", "nowhere", "folder", "itself", "large"])):
            case "pipe":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "large":
                with path.open("wb") as file:
                    file.truncate(2**40)
            case kind:
                places = {"zero": "/dev/zero", "outside": "../../elsewhere", "nowhere": "nowhere", "itself": path.name}
                path.symlink_to(places[kind])
    gc = CliRunner().invoke(main, ["store", "gc", "--quarantine", str(folder.results)])
    assert gc.exit_code in CODES, gc.exception
    assert (folder.root / "elsewhere" / "mine.txt").read_text() == "mine"
    before = sorted(path.name for path in (folder.root / "elsewhere").iterdir())
    for command in (
        *SHOWN,
        "check -o {self.reports}",
        "export -o {self.reports}",
        "compare {self.results} {self.results}",
    ):
        with _watched(command):
            result = CliRunner().invoke(main, command.format(self=folder).split(" "))
        assert result.exception is None or isinstance(result.exception, SystemExit), f"{command}: {result.exception!r}"
    assert sorted(path.name for path in (folder.root / "elsewhere").iterdir()) == before
    assert not list(folder.root.rglob("sang")), "code was run"


@functools.cache
def _contents() -> page.Page:
    return page.contents(Findings(invented.snapshot()))


@_fuzzed
def test_templates(data: st.DataObject, folder: Folder) -> None:
    templates = shipped.path("templates")
    name = data.draw(st.sampled_from(sorted(str(path.relative_to(templates)) for path in templates.rglob("*.j2"))))
    folder.renew("study.toml", (GOLDEN / "study.toml").read_bytes())
    own = folder.root / "own" / name
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_bytes(data.draw(damaged((templates / name).read_bytes())))
    with _watched("report"), contextlib.suppress(AblateError):
        Templates(folder.root / "own").render(page=_contents(), css="", script="", policy="")
    shutil.rmtree(folder.root / "own")
    assert not list(folder.root.rglob("sang")), "code was run"
