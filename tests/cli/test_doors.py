"""What comes from elsewhere is data: nothing in it is run, followed, obeyed or waited for, and bad files are errors."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ablate.cli import main
from ablate.report.findings import Findings
from ablate.report.page import html as page
from ablate.results import embedded
from ablate.results.store import Store
from tests import invented

GOLDEN = Path(__file__).parents[1] / "golden" / "store-2"
EVIL = """
import pathlib
pathlib.Path(__file__).with_name("ran").touch()


def rows():
    return [[float(number)] for number in range(30)], [number % 3 for number in range(30)]
"""
HEAD = '[study]\nname = "x"\nreplicates = 1\n[data]\nsource = "iris"\n[training]\nepochs = 1\n'


def ablate(*arguments: object) -> Result:
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of results, the user elsewhere."""
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    shutil.copytree(GOLDEN, tmp_path / "reports" / "store-2")
    return tmp_path / "reports"


def reading(reports: Path) -> list[tuple[object, ...]]:
    """Every command that only shows what is there."""
    folder = reports / "store-2"
    return [
        ("status", "-o", reports),
        ("status", "-c", folder / "study.toml"),
        ("report", "-o", reports),
        ("check", "-o", reports),
        ("export", "-o", reports),
        ("compare", folder, folder),
        ("store", "verify", folder),
        ("store", "gc", "--dry-run", folder),
        ("store", "merge", folder, "--into", reports.parent / "mine"),
    ]


def spoil(reports: Path, name: str, old: str, new: str) -> None:
    path = reports / "store-2" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# -- code ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "named",
    [
        ('source = "iris"', 'source = "evil:rows"'),
        ('activation = "relu"', 'activation = "evil:rows"'),
        ("callbacks = []", 'callbacks = ["evil:rows"]'),
        ('hidden = [\n    4,\n]\nactivation = "relu"\n', 'builder = "evil:rows"\nactivation = "relu"\n'),
    ],
    ids=["data", "activation", "callback", "builder"],
)
def test_no_code_that_results_name_is_run(reports: Path, named: tuple[str, str]) -> None:
    for folder in (reports / "store-2", reports, reports.parent, Path.cwd()):
        (folder / "evil.py").write_text(EVIL)
    spoil(reports, "study.toml", *named)
    for command in reading(reports):
        ablate(*command)
    for command in ("plan", "run"):
        result = ablate(command, "-c", reports / "store-2" / "study.toml")
        assert result.exit_code == 2
        assert "no code is taken from" in result.stderr
    ablate("model", "evaluate", "-o", reports)
    assert not list(reports.parent.rglob("ran"))


def test_code_of_known_data_is_not_run_for_a_network(reports: Path) -> None:
    """An identity that knows the data spares nobody the question whose code it is."""
    for folder in (reports / "store-2", reports.parent, Path.cwd()):
        (folder / "evil.py").write_text(EVIL)
    spoil(reports, "study.toml", 'source = "iris"', 'source = "evil:rows"')
    spoil(reports, "identity.json", r"\"iris\"", r"\"evil:rows\"")
    result = ablate("status", "-o", reports)
    assert result.exit_code == 0, result.output  # its records are there, by their keys
    for record in Store(reports / "store-2").record_paths():
        models = reports / "store-2" / "models"
        models.mkdir(exist_ok=True)
        (models / f"{record.stem}.npz").write_bytes(b"PK")
    result = ablate("model", "evaluate", "-o", reports)
    assert result.exit_code == 2
    assert "evil:rows is named by a folder of results alone" in result.stderr
    assert not list(reports.parent.rglob("ran"))


def test_what_was_planned_with_a_function_is_shown_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study file of the user's own that now names a function says what to do, and calls nothing."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(GOLDEN, tmp_path / "reports" / "store-2")
    text = (GOLDEN / "study.toml").read_text().replace('source = "iris"', 'source = "evil:rows"')
    Path("ablations.toml").write_text(text)
    Path("evil.py").write_text(EVIL)
    result = ablate("status", "-c", "ablations.toml")
    assert result.exit_code == 2
    assert "'ablate run' calls the function" in result.stderr
    assert not Path("ran").exists()
    assert ablate("status").exit_code == 0  # as it was run last
    assert ablate("plan", "-c", "ablations.toml").exit_code == 0
    assert Path("ran").exists()  # a plan of one's own file may


def test_a_study_file_of_the_users_own_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that a changed study names is read for its digest, as it always was."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(GOLDEN, tmp_path / "reports" / "store-2")
    text = (GOLDEN / "study.toml").read_text()
    Path("ablations.toml").write_text(text.replace('source = "iris"', 'source = "wine"'))
    result = ablate("status", "-c", "ablations.toml")
    assert result.exit_code == 5
    assert "none of 2 runs is finished" in result.stderr
    assert "now says something else" in ablate("status").stderr


CWD = "from ablate.execution.engines.local import Lanes\nif __name__ == '__main__':\n    Lanes(1, 1).close(kill=True)\n"


def test_no_module_of_the_folder_where_the_command_is_typed_is_imported(tmp_path: Path) -> None:
    for name in ("multiprocessing", "numpy", "tensorflow", "json"):
        (tmp_path / f"{name}.py").write_text(EVIL)
    (tmp_path / "elsewhere").mkdir()
    script = tmp_path / "elsewhere" / "script.py"
    script.write_text(CWD)
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_repository_among_results_is_not_asked(reports: Path) -> None:
    from ablate.execution import surroundings

    folder = reports / "store-2"
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    hook = folder / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {folder / 'ran'}\n")
    hook.chmod(0o755)
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "add", "study.toml"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "theirs"], check=True)
    subprocess.run(["git", "-C", str(folder), "config", "core.fsmonitor", str(hook)], check=True)
    assert "git" not in surroundings.describe(folder, ["ablate"])
    (folder / "identity.json").unlink()
    surroundings.describe(folder, ["ablate"])
    assert not (folder / "ran").exists()


# -- files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["identity.json", "study.toml"])
@pytest.mark.parametrize("kind", ["pipe", "zero", "folder", "brackets", "large", "link"])
def test_strange_files_among_results_are_one_error(reports: Path, place: str, kind: str) -> None:
    path = reports / "store-2" / place
    kept = path.rename(reports / "kept")
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "zero":
            path.symlink_to("/dev/zero")
        case "link":
            path.symlink_to(kept)
        case "folder":
            path.mkdir()
        case "brackets":
            path.write_text("[" * 200_000)
        case "large":
            with path.open("wb") as file:
                file.truncate(2**40)
    for command in (("status", "-o", reports), ("compare", reports / "store-2", reports / "store-2")):
        result = ablate(*command)
        assert result.exit_code in (2, 5, 74), result.output
        assert result.stderr.count("\n") <= 2


IDENTITIES = [
    ("libraries", []),
    ("libraries", {"keras": 3}),
    ("data", []),
    ("data", {"iris": {}}),
    ("code", {"a:b": None}),
    ("origins", "x"),
    ("files", [1]),
]


@pytest.mark.parametrize(("key", "value"), IDENTITIES, ids=str)
def test_an_identity_of_another_kind_is_one_error(reports: Path, key: str, value: object) -> None:
    path = reports / "store-2" / "identity.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    result = ablate("status", "-o", reports)
    assert result.exit_code == 74
    assert f"identity.json cannot be used: {key}" in result.stderr


@pytest.mark.parametrize(
    "content", ["[]", '{"reason": 1, "log": [], "at": null}', '{"reason": {}}', "[" * 200_000, "\xff"]
)
def test_damaged_failures_do_not_count(reports: Path, content: str) -> None:
    store = Store(reports / "store-2")
    record = next(iter(store.record_paths()))
    attempts = store.root / "attempts" / record.stem
    attempts.mkdir(parents=True)
    (attempts / "1.json").write_text(content, encoding="latin-1")
    (attempts / f"{'9' * 200}.json").write_text("{}")
    record.unlink()
    assert ablate("check", "-o", reports).exit_code == 3
    assert ablate("store", "verify", store.root).exit_code == 0


def test_a_study_file_that_is_no_file_is_one_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    for path in (tmp_path / "pipe.toml", Path("/dev/zero"), tmp_path):
        result = ablate("plan", "-c", path)
        assert result.exit_code == 2
        assert "cannot be read: it is not a file" in result.stderr


def test_a_study_file_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text(HEAD + "[model]\nhidden = [4]\n")
    (tmp_path / "link.toml").symlink_to("real.toml")
    assert ablate("plan", "-c", tmp_path / "link.toml", "-o", tmp_path).exit_code == 0


@pytest.mark.parametrize(
    "text",
    [
        f"{'a.' * 5_000}a = 1\n",
        f"{'a.' * 400_000}a = 1\n",
        f"{HEAD}[model]\nhidden = {'[' * 5_000}{']' * 5_000}\n",
        HEAD + "[model]\nhidden = [\n" + "1,\n" * 200_000 + "]\n",
        HEAD + "[model]\nhidden = [4]\n" + "[[exclude]]\ndropout = 0.5\n" * 30_000,
        HEAD + "[model]\nhidden = [4]\n[overfitting]\nl2 = [" + ", ".join(f"{n}e-6" for n in range(60_000)) + "]\n",
        HEAD + "[model]\nhidden = [4]\n[underfitting]\ninit = [" + '"a", ' * 60_000 + "]\n",
        HEAD + "[model]\nhidden = [4]\n[overfitting]\nl2 = [" + "-1.0, " * 60_000 + "]\n",
    ],
    ids=["5,000 parts", "400,000 parts", "brackets", "lines", "excludes", "levels", "names", "wrong levels"],
)
def test_a_study_file_without_end_is_one_short_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ablations.toml"
    path.write_text(text)
    result = ablate("plan", "-c", path, "-o", tmp_path)
    assert result.exit_code == 2
    assert len(result.stderr) < 120_000


@pytest.mark.parametrize("key", [".".join("a" * 5_000), "a\nb", "[a]\n[b]\nc", ""])
def test_an_override_without_end_is_one_error(tmp_path: Path, key: str) -> None:
    (tmp_path / "ablations.toml").write_text(HEAD + "[model]\nhidden = [4]\n")
    result = ablate("plan", "-c", tmp_path / "ablations.toml", "-S", f"{key}=1")
    assert result.exit_code == 2
    assert "is not of the form dotted.key=value" in result.stderr


@pytest.mark.parametrize(
    ("design", "factors", "levels", "excludes"),
    [
        ("grid", 9, 10, []),
        ("grid", 2, 5_000, []),
        ("grid", 30, 2, [{0: 1, 29: 1}]),
        ("pairwise", 30, 30, []),
        ("pairwise", 300, 4, []),
        ("pairwise", 2, 5_000, []),
        ("pairwise", 200, 2, [{0: 1, 199: 1}]),
        ("one-at-a-time", 400, 200, []),
        ("leave-one-out", 5_000, 2, []),
        ("grid", 9, 10, [{0: 1, 1: 1}, {7: 2, 8: 2}]),
    ],
)  # fmt: skip
def test_too_many_combinations_are_counted_and_not_laid_out(
    tmp_path: Path, design: str, factors: int, levels: int, excludes: list[dict[int, int]]
) -> None:
    text = (
        HEAD.replace("replicates = 1", f'replicates = 1000\ndesign = "{design}"')
        + '[model]\nbuilder = "m:b"\n[factors]\n'
    )
    text += "".join(f'"model.arguments.a{number}" = {list(range(levels))}\n' for number in range(factors))
    for exclude in excludes:
        text += "[[exclude]]\n" + "".join(f'"model.arguments.a{place}" = {level}\n' for place, level in exclude.items())
    (tmp_path / "ablations.toml").write_text(text)
    result = ablate("plan", "-c", tmp_path / "ablations.toml", "-o", tmp_path)
    assert result.exit_code == 2
    assert re.search(
        r"more than the 10,000 allowed|are the most that one study takes|larger than|too many to", result.stderr
    )


# -- pages and baselines ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def html() -> str:
    return page.render(Findings(invented.snapshot()))


def replaced(html: str, part: str, document: object) -> str:
    block = f'<script type="application/gzip" id="data-{part}">{embedded.packed(json.dumps(document))}</script>'
    return re.sub(rf'<script type="[a-z/]*" id="data-{part}">[^<]*</script>', lambda match: block, html)


@pytest.mark.parametrize("construct", ["<a=", "<!--", "<script", "</", "&#", "<![CDATA[", "<?", '<script type="'])
def test_markup_without_end_is_passed_over(tmp_path: Path, html: str, construct: str) -> None:
    (tmp_path / "page.html").write_text(construct * 400_000 + html)
    assert ablate("compare", tmp_path / "page.html", tmp_path / "page.html").exit_code == 0
    (tmp_path / "page.html").write_text(construct * 400_000)
    result = ablate("compare", tmp_path / "page.html", tmp_path / "page.html")
    assert result.exit_code == 74
    assert "is no page that 'ablate report' wrote" in result.stderr


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("runs", lambda found: found | {"columns": [f"c{number}" for number in range(300_000)]}, "300,000 columns"),
        ("runs", lambda found: found | {"columns": ["c"] * 900}, "two columns 'c'"),
        ("runs", lambda found: found | {"rows": [[]] * 200_000}, "more than 100,000 lists and tables"),
        ("study", lambda found: found | {"study": "a = " + "[" * 5_000}, "nested too deeply"),
        ("study", lambda found: found | {"study": "a." * 5_000 + "a = 1"}, "nested too deeply"),
        (
            "study",
            lambda found: found | {"identity": {"libraries": {}, "data": {}}},
            "which data baseline was trained on",
        ),
        ("study", lambda found: "[" * 200_000, "should be a table"),
    ],
    ids=["columns", "twice", "rows", "nested", "parts", "unknown data", "text"],
)
def test_a_page_without_end_is_one_error(tmp_path: Path, html: str, part: str, change, words: str) -> None:
    found = embedded.content(invented.snapshot())[part]
    (tmp_path / "page.html").write_text(replaced(html, part, change(found)))
    result = ablate("compare", tmp_path / "page.html", tmp_path / "page.html")
    assert result.exit_code in (2, 74)
    assert words in result.stderr


@pytest.mark.parametrize("command", ["compare", "extract"])
def test_a_page_that_is_no_file_is_one_error(tmp_path: Path, command: str) -> None:
    os.mkfifo(tmp_path / "pipe.html")
    (tmp_path / "zero.html").symlink_to("/dev/zero")
    for name in ("pipe.html", "zero.html"):
        arguments = [tmp_path / name] * (2 if command == "compare" else 1)
        result = ablate(command, *arguments)
        assert result.exit_code in (2, 74)
        assert "it is not a file" in result.stderr


def test_a_baseline_that_is_no_file_is_one_error(tmp_path: Path, reports: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    for name in ("pipe.json", "zero.json"):
        for option in ("--baseline", "--save-baseline"):
            result = ablate("check", "-o", reports, option, tmp_path / name)
            assert result.exit_code in (2, 74)
            assert "it is not a file" in result.stderr


# -- text ---------------------------------------------------------------------------------------------------------

HOSTILE = "red \x1b[31m \x9b31m \u202e \u2066 \u200b\n  supported  a line of its own"
ESCAPED = r"red \u001b[31m \u009b31m \u202e \u2066 \u200b\n  supported  a line of its own"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")


def test_no_terminal_obeys_what_a_study_says(reports: Path, tmp_path: Path) -> None:
    claim = f'[[claim]]\nsays = "{ESCAPED}"\nmetric = "gap"\ntreatment = {{ dropout = 0.5 }}\nat_most = 1.0\n'
    path = reports / "store-2" / "study.toml"
    path.write_text(path.read_text() + claim)
    files = ["--junit", tmp_path / "junit.xml", "--summary", tmp_path / "summary.md"]
    commands: list[tuple[object, ...]] = [*reading(reports), ("check", "-o", reports, *files), ("plan", "-c", path)]
    for command in commands:
        result = ablate(*command)
        assert not OBEYED.search(result.stdout + result.stderr), command
        assert not re.search(r"^  supported  a line of its own", result.stdout + result.stderr, re.MULTILINE), command
    assert "red" in ablate("status", "-o", reports).stdout
    for name in ("junit.xml", "summary.md"):
        assert not re.search("[\x1b\x9b\u202e\u2066]", (tmp_path / name).read_text()), name


def test_no_terminal_obeys_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ablations.toml"
    for text in (
        f'["{ESCAPED}"]\n',
        HEAD + f'[model]\nhidden = [4]\n"{ESCAPED}" = 1\n',
        HEAD + f'[model]\nhidden = [4]\n[underfitting]\noptimizer = "{ESCAPED}"\n',
        HEAD.replace("iris", ESCAPED) + "[model]\nhidden = [4]\n",
        HEAD + f'[model]\nhidden = [4]\n[study.full]\n"{ESCAPED}" = 1\n',
    ):
        path.write_text(text)
        result = ablate("plan", "-c", path, "-o", tmp_path)
        assert result.exit_code == 2
        assert not OBEYED.search(result.stderr)
        assert not re.search(r"^  supported", result.stderr, re.MULTILINE)


def test_names_of_columns_are_no_formulas(make_export) -> None:
    header = make_export.splitlines()[0].split(",")
    assert header[0] == "'=1+1"


@pytest.fixture
def make_export() -> str:
    import pandas as pd

    from ablate.results.export import to_csv

    return to_csv(pd.DataFrame({"=1+1": ["+x"], "-2": [-1.5]}))


# -- streams ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", "2>&- >&- <&-"])
def test_a_closed_stream_stops_nothing(tmp_path: Path, closed: str) -> None:
    (tmp_path / "ablations.toml").write_text(HEAD + "[model]\nhidden = [4]\n")
    program = f"{sys.executable} -c 'from ablate.cli import main; main()'"
    done = subprocess.run(
        ["sh", "-c", f"{program} plan --json {closed}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (">&-" in closed.split()) or json.loads(done.stdout)["runs"] == 1


@pytest.mark.slow
def test_a_study_is_trained_without_standard_error(tmp_path: Path) -> None:
    (tmp_path / "ablations.toml").write_text(HEAD + "[model]\nhidden = [4]\n")
    program = f"{sys.executable} -c 'from ablate.cli import main; main()'"
    done = subprocess.run(
        ["sh", "-c", f"{program} run -j 1 2>&-"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert Store(tmp_path / "reports" / "x").count() == 1
