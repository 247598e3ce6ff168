"""Details of a run that the page shows on demand: exact settings, and a command that repeats it."""

import shlex

from click.testing import CliRunner

from ablate.cli import main
from ablate.report.page import details
from ablate.settings import document


def test_a_treatment_is_told_by_what_differs_from_the_baseline(make):
    snapshot = make(overfitting={"dropout": [0.0, 0.5], "early_stopping": [False, {"patience": 3}]})
    found = details.document(snapshot, ["early_stopping=(patience=3)", "baseline", "early_stopping=(patience=3)"])
    first, baseline = found["treatments"]
    assert baseline["settings"] == {}
    assert first["settings"].keys() == {"early_stopping"}
    assert first["settings"]["early_stopping"].startswith("{ ")
    assert first["levels"] == [0, 0, 1]
    assert found["settings"]["training.epochs"] == "6"
    assert found["factors"]["dropout"] == ["0", "0.5"]


def test_what_a_treatment_lacks_of_the_baseline_is_null(make):
    snapshot = make(training={"epochs": 6, "learning_rate": 0.5}, factors={"model.hidden": [[8, 4], [8]]})
    treatment = next(run.treatment for run in snapshot.planned if run.treatment.name == "model.hidden=[8]")
    base = {**details._settings(snapshot.study.base), "gone": "1"}
    own = details._treatment(treatment, snapshot, base)["settings"]
    assert own == {"gone": None, "model.hidden": "[8]"}


def test_without_a_baseline_every_setting_is_its_own(make):
    snapshot = make()
    runs = tuple(run for run in snapshot.planned if run.treatment.name != "baseline")
    found = details.document(type(snapshot)(snapshot.study, runs, {}, {}, snapshot.identity), ["dropout=0.5"])
    assert found["settings"] == {}
    assert found["treatments"][0]["settings"]["model.hidden"] == "[8, 4]"


def test_the_command_names_one_treatment_and_is_ended_with_a_seed(make, tmp_path):
    snapshot = make()
    treatment = next(run.treatment for run in snapshot.planned if run.treatment.name == "dropout=0.5")
    (tmp_path / "study.toml").write_text(document.write(snapshot.study.document()))
    words = shlex.split(details.command(treatment, snapshot) + "4]'")
    assert words[:2] == ["ablate", "run"]
    arguments = ["plan", *words[2:], "-c", str(tmp_path / "study.toml"), "-o", str(tmp_path), "--json"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.stderr
    assert '"runs": 1,' in done.stdout
    assert "dropout=0.5" in done.stdout
