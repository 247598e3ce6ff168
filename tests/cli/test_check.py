"""`ablate check` and `compare` as a user calls them: every exit code, files, documents and streams."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from ablate.results.baseline import Baseline, from_json
from tests.commands import TINY, ablate
from tests.conftest import STUDIES

CLAIM = """
[[claim]]
says = "Dropout | brings *ten* points"
metric = "test_accuracy"
treatment = { dropout = 0.5 }
against = { dropout = 0.0 }
expect = "higher"
by = 0.1
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny study with six replicates and a claim that is refuted."""
    path = tmp_path_factory.mktemp("study") / "tiny.toml"
    path.write_text(STUDIES.joinpath("tiny.toml").read_text().replace("replicates = 2", "replicates = 6") + CLAIM)
    return path


@pytest.fixture(scope="module")
def out(study: Path, tmp_path_factory: pytest.TempPathFactory, warm: None) -> Path:
    """Its results."""
    folder = tmp_path_factory.mktemp("out")
    done = ablate("run", "-c", study, "-o", folder)
    assert done.exit_code == 0, done.stderr
    return folder


@pytest.fixture
def plain(out: Path) -> tuple[object, ...]:
    """Arguments for the same runs without the claim."""
    return "-c", TINY, "-o", out, "--replicates", 6


@pytest.fixture
def stored(plain: tuple[object, ...], tmp_path: Path) -> Path:
    """A stored baseline of these runs."""
    path = tmp_path / "baseline.json"
    assert ablate("check", *plain, "--save-baseline", path).exit_code == 0
    return path


def changed(path: Path, **changes: Any) -> Path:
    """A stored baseline that says something else."""
    there = from_json(path.read_bytes())
    path.write_bytes(Baseline(**{**vars(there), **changes}).to_json())
    return path


def better(path: Path) -> Path:
    """A stored baseline that was better by about ten points."""
    runs = from_json(path.read_bytes()).runs
    runs["test_accuracy"] += 0.1 + runs["seed"] / 1000
    return changed(path, runs=runs)


def test_a_green_night_is_exit_0_and_stores_the_same_bytes_again(plain: tuple[object, ...], stored: Path) -> None:
    before = stored.read_bytes()
    done = ablate("check", *plain, "--baseline", stored, "--save-baseline", stored, "--json")
    assert done.exit_code == 0, done.stderr
    assert stored.read_bytes() == before
    document = json.loads(done.stdout)
    assert (document["exit_code"], document["passed"], document["regressions"]) == (0, True, [])
    assert document["saved"] == str(stored)
    assert [row["verdict"] for row in document["treatments"]] == ["fine", "fine"]
    assert (document["runs"], document["done"], document["failed"], document["diverged"]) == (12, 12, 0, 0)


def test_a_refuted_claim_is_exit_1_and_exit_zero_covers_it(study: Path, out: Path, tmp_path: Path) -> None:
    base = tmp_path / "baseline.json"
    done = ablate("check", "-o", out, "--save-baseline", base)
    assert done.exit_code == 1
    assert "study tiny: red: 1 claim refuted" in done.stdout
    assert "refuted: Dropout | brings *ten* points" in done.stdout
    assert "not stored: only a green night becomes a baseline" in done.stderr
    assert not base.exists()
    forgiven = ablate("check", "-c", study, "-o", out, "--exit-zero", "--json", "--save-baseline", base)
    assert forgiven.exit_code == 0
    document = json.loads(forgiven.stdout)
    assert (document["exit_code"], document["passed"], document["saved"]) == (0, False, None)
    (claim,) = document["claims"]
    assert claim["verdict"] == "refuted"
    assert claim["low"] <= claim["estimate"] <= claim["high"] < 0.1
    assert not base.exists()


def test_a_regression_is_exit_1(plain: tuple[object, ...], stored: Path) -> None:
    done = ablate("check", *plain, "--baseline", better(stored), "--json")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert [row["treatment"] for row in document["regressions"]] == ["baseline", "dropout=0.5"]
    assert document["exit_code"] == 1
    lenient = ablate("check", *plain, "--baseline", stored, "--floor", "20")
    assert lenient.exit_code == 0
    for wrong in ("nan", "inf", "-1", "much"):
        assert ablate("check", *plain, "--floor", wrong).exit_code == 2


def test_a_missing_baseline_is_exit_4_unless_one_is_stored_now(
    study: Path, out: Path, plain: tuple[object, ...], tmp_path: Path
) -> None:
    absent = tmp_path / "new" / "baseline.json"
    done = ablate("check", *plain, "--baseline", absent)
    assert done.exit_code == 4
    assert "there is no stored baseline" in done.stdout
    assert ablate("check", *plain, "--baseline", absent, "--exit-zero").exit_code == 4
    red = ablate("check", "-c", study, "-o", out, "--baseline", absent, "--save-baseline", absent)
    assert red.exit_code == 1, "the night counts by the rest"
    assert not absent.exists()
    first = ablate("check", *plain, "--baseline", absent, "--save-baseline", absent)
    assert first.exit_code == 0
    assert "nothing was compared" in first.stderr
    assert absent.is_file()


def test_other_settings_or_data_are_exit_4(plain: tuple[object, ...], stored: Path) -> None:
    there = from_json(stored.read_bytes())
    other = {
        name: type(kept)({**kept.settings, "training.epochs": 3}, kept.data) for name, kept in there.treatments.items()
    }
    done = ablate("check", *plain, "--baseline", changed(stored, treatments=other), "--save-baseline", stored)
    assert done.exit_code == 4
    assert "training.epochs was 3 and is 2 (baseline, dropout=0.5)" in done.stdout
    assert "not stored" in done.stderr
    data = {name: type(kept)(kept.settings, "0" * 64) for name, kept in there.treatments.items()}
    done = ablate("check", *plain, "--baseline", changed(stored, treatments=data))
    assert done.exit_code == 4
    assert "other data: baseline, dropout=0.5" in done.stdout


@pytest.mark.parametrize(("content", "code"), [("{", 2), ("{}", 2), ('{"ablate_baseline": 99}', 4)])
def test_a_file_that_cannot_be_read_as_a_baseline(
    content: str, code: int, plain: tuple[object, ...], tmp_path: Path
) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(content)
    done = ablate("check", *plain, "--baseline", path)
    assert done.exit_code == code
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_text() == content


def test_no_file_but_a_baseline_is_replaced(plain: tuple[object, ...], stored: Path, tmp_path: Path) -> None:
    mine = tmp_path / "ablations.toml"
    mine.write_text("[study]")
    done = ablate("check", *plain, "--save-baseline", mine)
    assert done.exit_code == 2
    assert "is there and is no stored baseline" in done.stderr
    assert mine.read_text() == "[study]"
    content = stored.read_bytes()
    stored.write_bytes(content[:200])
    assert ablate("check", *plain, "--save-baseline", stored).exit_code == 0
    assert stored.read_bytes() == content


@pytest.mark.parametrize("option", ["--junit", "--summary"])
def test_no_file_of_yours_is_replaced(option: str, plain: tuple[object, ...], tmp_path: Path, out: Path) -> None:
    texts = {"mine.py": "def log(): ...\n", "README.md": "# Mine\n", "pom.xml": "<?xml version='1.0'?>\n<project/>\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        done = ablate("check", *plain, option, tmp_path / name)
        assert done.exit_code == 2
        assert f"{option} {tmp_path / name} is there and is not" in done.stderr
        assert (tmp_path / name).read_text() == text
    record = next((out / "tiny").glob("runs/*/*.json"))
    content = record.read_bytes()
    for path in (record, record.with_name("new.xml"), out / "tiny" / "study.toml"):
        done = ablate("check", *plain, option, path)
        assert done.exit_code == 2
        assert "is a place in the folder of results" in done.stderr
    assert record.read_bytes() == content
    for again in range(2):
        assert ablate("check", *plain, option, tmp_path / "written").exit_code == 0, again
    (tmp_path / "empty").write_text("")
    assert ablate("check", *plain, option, tmp_path / "empty").exit_code == 0


@pytest.mark.parametrize("option", ["--summary", "--junit", "--save-baseline"])
def test_a_file_in_the_place_of_a_folder_is_told(option: str, plain: tuple[object, ...], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("mine")
    done = ablate("check", *plain, option, tmp_path / "mine.py" / "deep" / "x")
    assert done.exit_code == 74
    assert (
        f"{option} {tmp_path}/mine.py/deep/x: {tmp_path}/mine.py is a file and no folder; name another" in done.stderr
    )


def test_a_summary_waits_for_no_reader(plain: tuple[object, ...], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = ablate("check", *plain, GITHUB_STEP_SUMMARY=str(tmp_path / "pipe"))
    assert done.exit_code == 0
    assert f"GITHUB_STEP_SUMMARY: {tmp_path}/pipe cannot be written" in done.stderr


def test_one_file_is_not_written_twice(plain: tuple[object, ...], tmp_path: Path) -> None:
    for one, other in (("--junit", "--summary"), ("--summary", "--save-baseline")):
        done = ablate("check", *plain, one, tmp_path / "x", other, tmp_path / "." / "x")
        assert done.exit_code == 2
        assert "is the same file; name another one" in done.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "layout",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: json.dumps(json.loads(text), indent=4),
        lambda text: json.dumps(json.loads(text), separators=(",", ":")),
        lambda text: json.dumps(dict(reversed(json.loads(text).items()))),
        lambda text: "\ufeff" + text,
        lambda text: text.replace('"sha256"', '<<<<<<< ours\n "sha256"', 1),
    ],
    ids=["crlf", "indented", "one line", "reversed", "mark", "conflict"],
)
def test_a_baseline_is_replaced_however_it_is_laid_out(
    layout: Callable[[str], str], plain: tuple[object, ...], stored: Path
) -> None:
    content = stored.read_bytes()
    stored.write_bytes(layout(content.decode()).encode())
    done = ablate("check", *plain, "--save-baseline", stored)
    assert done.exit_code == 0, done.stderr
    assert stored.read_bytes() == content


def test_missing_runs_are_exit_3(out: Path, stored: Path) -> None:
    done = ablate("check", "-c", TINY, "-o", out, "--replicates", 7, "--baseline", stored, "--exit-zero")
    assert done.exit_code == 3
    assert "red: 2 runs missing" in done.stdout
    assert "baseline: 1 run missing (seed 7)" in done.stdout


def test_nothing_measured_is_exit_5_with_every_file(plain: tuple[object, ...], tmp_path: Path) -> None:
    files = ("--junit", tmp_path / "a" / "j.xml", "--summary", tmp_path / "b" / "s.md")
    absent = ("--baseline", tmp_path / "absent.json")
    never = ablate("check", "-c", TINY, "-o", tmp_path / "none", *files, *absent, "--json")
    assert never.exit_code == 5
    assert json.loads(never.stdout)["exit_code"] == 5
    assert JUnitXml.fromfile(str(files[1])).errors == 1
    assert "nothing was measured" in Path(str(files[3])).read_text()
    others = ablate("check", *plain, "-S", "training.epochs=3", *files, *absent, "--json")
    assert others.exit_code == 5, "no run of these settings"
    assert json.loads(others.stdout)["exit_code"] == 5
    assert JUnitXml.fromfile(str(files[1])).errors == 2


def test_the_gravest_code_counts(out: Path, study: Path, stored: Path, tmp_path: Path) -> None:
    incomplete = ("-c", study, "-o", out, "-S", "study.replicates=7", "--baseline")
    assert ablate("check", *incomplete, better(stored)).exit_code == 3
    assert ablate("check", *incomplete, tmp_path / "absent.json").exit_code == 4
    assert ablate("check", "-c", STUDIES / "bad.toml", "--baseline", tmp_path / "absent.json").exit_code == 2
    (tmp_path / "file").write_text("")
    assert ablate("check", *incomplete, stored, "--junit", tmp_path / "file" / "j.xml").exit_code == 74


def test_the_summary_goes_where_the_ci_server_shows_it(plain: tuple[object, ...], stored: Path, tmp_path: Path) -> None:
    step = tmp_path / "step.md"
    step.write_text("# Earlier\n")
    server = {"GITHUB_SERVER_URL": "https://ci.example", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"}
    assert ablate("report", *plain).exit_code == 0
    for _ in range(2):
        done = ablate("check", *plain, "--baseline", stored, GITHUB_STEP_SUMMARY=str(step), **server)
        assert done.exit_code == 0, done.stderr
    text = step.read_text()
    assert text.startswith("# Earlier\n# 🟢 tiny: nothing is wrong\n")
    assert text.count("# 🟢 tiny") == 2
    assert "[report.html](https://ci.example/a/b/actions/runs/7#artifacts)" in text
    step.write_text("x" * 899_500)
    ablate("check", *plain, "--baseline", stored, GITHUB_STEP_SUMMARY=str(step))
    assert 899_500 < step.stat().st_size <= 900_000
    gone = ablate("check", *plain, "--baseline", stored, GITHUB_STEP_SUMMARY=str(tmp_path / "no" / "step.md"))
    assert gone.exit_code == 0
    assert "Warning: GITHUB_STEP_SUMMARY" in gone.stderr


def test_folders_baselines_and_pages_are_compared_alike(plain: tuple[object, ...], out: Path, stored: Path) -> None:
    page = ablate("report", *plain).stdout.strip()
    for one, other in ((out, stored), (stored, page), (page, out / "tiny"), (out / "tiny", out)):
        done = ablate("compare", one, other, "--json")
        assert done.exit_code == 0, done.stderr
        document = json.loads(done.stdout)
        assert {row["reason"] for row in document["treatments"]} == {"the same scores in every pair of runs"}
        assert (document["changed"], document["settings"], document["other_data"]) == ([], [], [])


def test_a_comparison_shows_what_differs_in_text_and_markdown(
    plain: tuple[object, ...], stored: Path, out: Path
) -> None:
    there = from_json(stored.read_bytes())
    kept = {
        name: type(each)({**each.settings, "training.epochs": 3}, each.data) for name, each in there.treatments.items()
    }
    changed(better(stored), treatments={**kept, "l2=0.1": kept["baseline"]}, versions={"keras": "3\x1b[31m\x07"})
    said = ablate("compare", stored, out)
    assert said.exit_code == 0, said.stderr
    assert "treatments only in A: l2=0.1" in said.stdout
    assert "training.epochs: 3 in A, 2 in B (baseline, dropout=0.5)" in said.stdout
    assert said.stdout.count("regression") == 2
    assert "keras 3\ufffd, now 3." in said.stdout
    text = ablate("compare", stored, out, "--md", "--metric", "val_loss").stdout
    assert "| `training.epochs` | `3` | `2` |" in text
    assert "Change in validation loss" in text


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("absent", 2, "no such file or folder"),
        ("empty", 5, "should be the folder of a study's results; it holds none"),
        ("other.html", 74, "is no page"),
        ("other.json", 2, "not JSON"),
    ],
)
def test_what_cannot_be_compared_is_told(name: str, code: int, message: str, stored: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other.html").write_text("<html>")
    (tmp_path / "other.json").write_text("<html>")
    done = ablate("compare", stored, tmp_path / name)
    assert done.exit_code == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_results_without_anything_in_common_are_exit_4(stored: Path, tmp_path: Path) -> None:
    there = from_json(stored.read_bytes())
    other = tmp_path / "other.json"
    other.write_bytes(stored.read_bytes())
    changed(other, treatments={"else": there.treatments["baseline"]})
    done = ablate("compare", other, stored)
    assert done.exit_code == 4
    assert "no treatment in common" in done.stderr
    done = ablate("compare", stored, stored, "--metric", "best_epoch")
    assert done.exit_code == 4
    assert "no best_epoch in what was kept" in done.stderr
