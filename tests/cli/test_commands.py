"""The commands as a user calls them: documents, tables and exit codes. `test_streams.py` starts them as processes."""

import json
import re
import shlex
import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from ablate import open_results
from tests.commands import TINY, ablate
from tests.conftest import STUDIES

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("warm")


@pytest.fixture
def trained(tiny_results: Path, tmp_path: Path) -> Path:
    """A results folder with the tiny study in it."""
    return Path(shutil.copytree(tiny_results, tmp_path / "trained"))


def test_a_second_run_has_nothing_to_do(trained: Path) -> None:
    done = ablate("run", "-c", TINY, "-o", trained, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "runs": 4,
        "trained": 0,
        "cached": 4,
        "failed": 0,
        "diverged": 0,
        "out": str(trained / "tiny"),
    }


def test_more_replicates_train_only_the_new_ones(trained: Path, tmp_path: Path) -> None:
    plan = ablate("plan", "-c", TINY, "-o", trained, "--replicates", 3, "--json")
    document = json.loads(plan.stdout)
    assert document.pop("seconds_estimate") > 0
    expected = {"treatments": 2, "runs": 6, "cached": 4, "programs": 1}
    assert document.pop("scaling") == ['divided by 16 (scale = "auto", float32 features)']
    read = document.pop("data")
    assert document == {**expected, "groups": [["baseline", "dropout=0.5"]], "warnings": []}
    assert read["digits"]["read"][0] == (
        "1,797 rows (1,437 to train and validate on, 360 to test); 64 numbers each (8 x 8)"
    )
    fresh = json.loads(ablate("plan", "-c", TINY, "-o", tmp_path, "--json").stdout)
    assert (fresh["cached"], fresh["seconds_estimate"]) == (0, None)


def test_a_plan_lists_the_treatments(trained: Path) -> None:
    done = ablate("plan", "-c", TINY, "-o", trained)
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["treatment", "runs", "done", "program"],
        ["baseline", "2", "2", "1"],
        ["dropout=0.5", "2", "2", "1"],
    ]
    assert "2 treatments x 2 replicates = 4 runs, 4 done, 1 compiled programs" in done.stderr
    only = ablate("plan", "-c", TINY, "-o", trained, "--only", "dropout=0.5")
    assert only.stdout.splitlines()[1].startswith("dropout=0.5")


def test_a_plan_measures_what_was_never_run_and_keeps_nothing(tmp_path: Path) -> None:
    done = ablate("plan", "-c", TINY, "-o", tmp_path, "--probe", "--json", "-j", "1")
    document = json.loads(done.stdout)
    assert document["seconds_estimate"] > 0
    assert document["cached"] == 0
    assert not list(tmp_path.rglob("*.json"))


def test_a_plan_proposes_what_fits_into_a_time(trained: Path, tmp_path: Path) -> None:
    arguments = ["-c", TINY, "-o", trained, "--replicates", 10, "--json", "--fit-in"]
    fits = json.loads(ablate("plan", *arguments, "20m").stdout)["fits"]
    assert (fits["design"], fits["replicates"], fits["runs"]) == ("one-at-a-time", 10, 20)
    assert 0 < fits["seconds"] <= 1200
    assert json.loads(ablate("plan", *arguments, "0.001s").stdout)["fits"] is None
    unknown = ablate("plan", "-c", TINY, "-o", tmp_path, "--fit-in", "20m")
    assert unknown.exit_code == 0
    assert "Measuring: every program is trained for a few epochs." in unknown.stderr
    assert "Fits into 20 min 0 s: one-at-a-time with 2 replicates, 4 runs" in unknown.stderr
    wrong = ablate("plan", "-c", TINY, "--fit-in", "soon")
    assert wrong.exit_code == 2
    assert "soon" in wrong.stderr


def test_status_shows_the_effects(trained: Path) -> None:
    done = ablate("status", "-o", trained)
    assert done.exit_code == 0
    assert "study tiny: 4 of 4 runs finished" in done.stdout
    assert "dropout" in done.stdout
    document = json.loads(ablate("status", "-o", trained, "--json").stdout)
    assert (document["runs"], document["done"], document["failed"], document["diverged"]) == (4, 4, 0, 0)
    (effect,) = document["effects"]
    assert (effect["factor"], effect["level"], effect["baseline"], effect["n"]) == ("dropout", "0.5", "0", 2)
    assert effect["verdict"] == "exploratory"


CLAIM = """
[[claim]]
says = "Dropout hurts"
metric = "test_accuracy"
treatment = { dropout = 0.5 }
against = { dropout = 0.0 }
expect = "lower"
"""


def test_status_page_and_library_show_the_same_figures(tmp_path: Path) -> None:
    study = tmp_path / "tiny.toml"
    study.write_text(Path(TINY).read_text() + CLAIM)
    arguments = ("-c", study, "-o", tmp_path, "--replicates", 5)
    assert ablate("run", *arguments).exit_code == 0
    document = json.loads(ablate("status", *arguments, "--json").stdout)
    said = ablate("status", *arguments).stdout
    page = Path(ablate("report", *arguments).stdout.strip()).read_text()
    results = open_results(study, ["study.replicates=5"], out=tmp_path)
    (effect,), (claim,) = document["effects"], document["claims"]
    (row,) = results.effects().to_dict("records")
    assert effect == {name: None if pd.isna(value) else value for name, value in row.items()}
    assert (claim["mean"], claim["low"], claim["high"]) == (effect["mean"], effect["low"], effect["high"])
    assert claim["verdict"] == results.claims()["verdict"][0]
    interval = f"{effect['mean']:+.4f} [{effect['low']:+.4f}, {effect['high']:+.4f}]"
    assert said.count(interval) == 2
    assert f"{effect['mean'] * 100:+.2f}".replace("-", "−") in page
    assert f"{claim['verdict']}: Dropout hurts" in page
    with pytest.raises(ValueError, match="no metric 'accuracy_of_test'"):
        results.effects("accuracy_of_test")


def test_confirm_trains_the_best_with_fresh_seeds_and_nothing_else_changes(tmp_path: Path) -> None:
    # Weights that start at zero learn nothing: the other level is sure to win.
    settings = ("-S", 'underfitting.init=["zeros", "he_normal"]', "-S", "overfitting.dropout=0.0")
    settings += ("-S", "underfitting.optimizer=adam")
    arguments = ("-c", TINY, "-o", tmp_path, *settings, "-S", "training.epochs=8")
    plain = json.loads(ablate("run", *arguments, "--json").stdout)
    before = json.loads(ablate("status", *arguments, "--json").stdout)
    done = ablate("run", *arguments, "--confirm", "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert "Confirming init=he_normal against the baseline with seeds 3 to 4." in done.stderr
    (confirmed,) = document.pop("confirmation")
    assert (confirmed["treatment"], confirmed["n"]) == ("init=he_normal", 2)
    assert confirmed["mean"] > 0.05
    assert document == {**plain, "trained": 0, "cached": 4}
    after = json.loads(ablate("status", *arguments, "--json").stdout)
    assert after.pop("confirmation") == [confirmed]
    assert before.pop("confirmation") == []
    assert after == before
    assert "on fresh seeds: init=he_normal" in ablate("status", *arguments).stdout
    again = ablate("run", *arguments, "--confirm")
    assert "4/4" not in again.stderr  # all eight runs are there
    page = Path(ablate("report", *arguments).stdout.strip()).read_text()
    assert "On fresh seeds, which chose nothing" in page


def test_confirm_needs_the_whole_study_and_a_winner(tmp_path: Path) -> None:
    few = ablate("run", "-c", TINY, "-o", tmp_path, "--only", "dropout=0", "--confirm")
    assert few.exit_code == 5
    assert "2 of its runs are still to be trained" in few.stderr
    worse = ("-S", 'underfitting.init=["he_normal", "zeros"]', "-S", "overfitting.dropout=0.0")
    done = ablate("run", "-c", TINY, "-o", tmp_path, *worse, "-S", "training.epochs=8", "--confirm", "--json")
    assert done.exit_code == 0, done.stderr
    assert "Nothing to confirm" in done.stderr
    assert json.loads(done.stdout)["confirmation"] == []


def test_the_command_on_a_page_repeats_a_run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(ablate("report", "-o", trained).stdout.strip())
    done = ablate("extract", page, tmp_path / "mailed")
    assert done.exit_code == 0, done.stderr
    known = json.loads(re.search(r'id="data-details">(.*?)</script>', page.read_text())[1])  # type: ignore[index]
    (own,) = (own for own in known["treatments"] if own["settings"] == {"dropout": "0.5"})
    assert "'" in own["command"].split()[-1]  # a bracket is a pattern in some shells
    command = shlex.split(f"{own['command']}2]'")
    assert command[0] == "ablate"
    monkeypatch.chdir(tmp_path / "mailed")
    repeated = ablate(*command[1:], "--json")
    assert json.loads(repeated.stdout)["trained"] == 1
    (again,) = open_results(out=tmp_path / "mailed" / "again").runs.to_dict("records")
    listed = pd.read_csv(tmp_path / "mailed" / "runs.csv")
    (before,) = listed[listed["run"] == again["run"]].to_dict("records")
    assert before["test_loss"] == again["test_loss"]
    assert (before["treatment"], before["seed"]) == ("dropout=0.5", 2)


def test_extract_says_what_is_wrong(tmp_path: Path) -> None:
    done = ablate("extract", tmp_path / "absent.html")
    assert done.exit_code == 74
    assert "cannot be read: No such file or directory" in done.stderr
    (tmp_path / "other.html").write_text("<p>hello</p>")
    done = ablate("extract", tmp_path / "other.html")
    assert done.exit_code == 74
    assert "is no page that 'ablate report' wrote" in done.stderr


def test_report_writes_one_page_and_says_where(trained: Path) -> None:
    done = ablate("report", "-o", trained)
    assert done.exit_code == 0, done.stderr
    path = Path(done.stdout.strip())
    assert path == trained / "tiny" / "report.html"
    page = path.read_text()
    assert "dropout=0.5" in page
    assert str(Path.home()) not in page
    first = path.read_bytes()
    ablate("report", "-o", trained)
    assert path.read_bytes() == first


def test_export_writes_both_tables(trained: Path) -> None:
    done = ablate("export", "-o", trained, "--format", "json")
    runs, histories = (Path(line) for line in done.stdout.splitlines())
    assert (len(json.loads(runs.read_text())), len(json.loads(histories.read_text()))) == (4, 8)


def test_the_kept_study_can_be_run_again(trained: Path) -> None:
    done = ablate("plan", "-c", trained / "tiny" / "study.toml", "-o", trained, "--json")
    assert json.loads(done.stdout)["cached"] == 4


@pytest.mark.parametrize("command", ["status", "report", "export"])
def test_nothing_measured_is_not_a_success(command: str, tmp_path: Path) -> None:
    done = ablate(command, "-c", TINY, "-o", tmp_path)
    assert done.exit_code == 5
    assert "ablate run" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["plan", "run", "status", "report", "export"])
def test_a_bad_study_is_refused_with_every_problem_before_tensorflow(command: str, tmp_path: Path) -> None:
    done = ablate(command, "-c", STUDIES / "bad.toml", "-o", tmp_path)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "24 problems" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-c", "absent.toml"], "absent.toml"),
        (["-c", TINY, "-S", "data.source=TABLE", "-S", "data.label=knid"], "did you mean 'kind'"),
        (["-c", TINY, "-S", "overfitting.dropout=1.0"], "less than 1"),
        (["-c", TINY, "-S", "nonsense"], "dotted.key=value"),
        (["-c", TINY, "--only", "dropout=0.7"], "no level '0.7'"),
        (["-c", TINY, "--max-runs", "3"], "4 runs"),
        (["-c", TINY, "--budgte", "3"], "--budget"),
        (["-c", TINY, "--budget", "soon"], "not a time"),
        (["-c", TINY, "-j", "0"], "-j"),
    ],
)
def test_bad_input_is_exit_2_and_one_message(arguments: list[str], message: str, tmp_path: Path) -> None:
    rows = "".join(f"{n},{'ab'[n % 2]}\n" for n in range(20))
    table = tmp_path / "table.csv"
    table.write_text(f"x,kind\n{rows}")
    done = ablate("run", *(argument.replace("TABLE", str(table)) for argument in arguments), "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written_is_exit_74(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = ablate("run", "-c", TINY, "-o", tmp_path / "file")
    assert done.exit_code == 2  # click itself refuses a file as --out
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "tiny").write_text("in the way")
    done = ablate("run", "-c", TINY, "-o", tmp_path / "dir")
    assert done.exit_code == 74
    assert "cannot be" in done.stderr


def test_init_writes_a_study_that_plans_and_never_overwrites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = ablate("init")
    assert done.exit_code == 0
    assert done.stdout.strip() == "ablations.toml"
    assert tomllib.loads((tmp_path / "ablations.toml").read_text())["study"]["name"] == "digits-remedies"
    assert json.loads(ablate("plan", "--json").stdout)["runs"] == 140
    (tmp_path / "ablations.toml").write_text("mine")
    assert ablate("init").exit_code == 2
    assert (tmp_path / "ablations.toml").read_text() == "mine"
    assert ablate("init", "--force").exit_code == 0


def test_schema_is_one_json_document() -> None:
    document = json.loads(ablate("schema").stdout)
    assert document["title"] == "ablate study"
    assert "overfitting" in document["properties"]


def test_help_of_every_command_says_what_it_does() -> None:
    from ablate.cli import COMMANDS

    for name, summary in COMMANDS.items():
        done = ablate(name, "--help")
        assert done.exit_code == 0
        assert summary.rstrip(".") in " ".join(done.stdout.split())


def test_treatments_that_train_identically_are_trained_once_and_counted_under_both_names(tmp_path: Path) -> None:
    twins = 'overfitting.early_stopping=[false, {patience=5}, {patience=5, monitor="val_loss"}]'
    arguments = ["-c", TINY, "-o", tmp_path, "-S", twins, "-S", "overfitting.dropout=0", "-S", "study.replicates=1"]
    assert json.loads(ablate("run", *arguments, "--json").stdout)["trained"] == 2
    plan = ablate("plan", *arguments)
    lines = [line.split() for line in plan.stdout.splitlines()]
    assert [line[-3:] for line in lines[1:]] == [["1", "1", "1"]] * 3
    assert ablate("report", *arguments).exit_code == 0


def test_a_damaged_record_is_named_and_trained_again(tmp_path: Path) -> None:
    arguments = ["-c", TINY, "-o", tmp_path, "-S", "study.replicates=1", "--only", "dropout=0"]
    ablate("run", *arguments)
    (record,) = (tmp_path / "tiny" / "runs").rglob("*.json")
    record.write_bytes(record.read_bytes()[:100])
    done = ablate("run", *arguments, "--json")
    assert "is damaged and was set aside" in done.stderr
    assert record.name in done.stderr
    assert json.loads(done.stdout)["trained"] == 1


def test_levels_that_no_treatment_combines_are_not_a_success(tmp_path: Path) -> None:
    both = ["--only", "dropout=0.5", "--only", "batch_norm=true"]
    done = ablate("run", "-c", TINY, "-o", tmp_path, "-S", "underfitting.batch_norm=[false, true]", *both)
    assert done.exit_code == 2
    assert "no treatment of this one-at-a-time study has all of" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_changed_study_file_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ablations.toml").write_text((STUDIES / "tiny.toml").read_text())
    ablate("run", "-S", "study.replicates=1")
    done = ablate("status")
    assert "2 of 2 runs finished" in done.stdout
    assert "now says something else" in done.stderr


@pytest.mark.parametrize("source", ["digits", "mnist"])
def test_a_study_of_two_blocks_runs_to_its_page(
    source: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The MNIST example with fewer rows and epochs, and on digits where MNIST is absent."""
    if source == "mnist":
        monkeypatch.setenv("ABLATE_DATA", str(request.getfixturevalue("mnist").resolve()))
    smaller = ["-S", f"data.source={source}", "-S", "data.train_size=500", "-S", "training.epochs=2", "--replicates", 1]
    study = ["-c", ROOT / "examples" / "batch_norm_mnist.toml", "-o", tmp_path]
    assert json.loads(ablate("run", *study, *smaller, "--json").stdout)["trained"] == 2
    assert ablate("report", "-o", tmp_path).exit_code == 0
    page = (tmp_path / "batch-norm-mnist" / "report.html").read_text()
    assert "[dense,batch_norm,dense,activation]" in page
    if source == "mnist":
        ablate("export", "-o", tmp_path)
        runs = (tmp_path / "batch-norm-mnist" / "runs.csv").read_text()
        assert ",55082," in runs
        assert ",65098," in runs
