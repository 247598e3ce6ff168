"""A regression from its table to its page: every command speaks of errors in the unit of the target alone."""

import json
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from ablate import api
from ablate.api.missing import missing_networks
from ablate.api.plans import runs_of_the_best
from ablate.data import sources, splits
from ablate.results import models
from tests.commands import ablate

pytestmark = pytest.mark.usefixtures("warm")

TABLE = Path(__file__).parents[1] / "examples" / "tables" / "heating.csv"
STUDY = f"""
[study]
name = "heat"
replicates = 5
save_models = "all"
primary = "test_mae"

[data]
source = "{TABLE}"
label = "kwh_per_m2"

[model]
hidden = [8]

[training]
epochs = 4
learning_rate = 0.02

[underfitting]
optimizer = ["sgd", "adam"]

[factors]
"training.loss" = ["mse", "huber"]

[[claim]]
says = "Adam halves the error"
metric = "test_mae"
treatment = {{ optimizer = "adam" }}
against = {{ optimizer = "sgd" }}
expect = "lower"
"""
SPEAKS_OF_CLASSES = re.compile(r".{0,40}(?:accura|\bclasses\b|points).{0,20}", re.IGNORECASE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, warm: None) -> Path:
    found = tmp_path_factory.mktemp("regression")
    (found / "ablations.toml").write_text(STUDY, encoding="utf-8")
    done = ablate("run", "-c", found / "ablations.toml", "--confirm", "-j", 1)
    assert done.exit_code == 0, done.output
    assert "test mean absolute error" in done.output
    assert not SPEAKS_OF_CLASSES.search(done.output)
    return found


def on(folder: Path, *arguments: object) -> Any:
    done = ablate(arguments[0], "-c", folder / "ablations.toml", *arguments[1:])
    assert done.exit_code == 0, done.output
    assert not SPEAKS_OF_CLASSES.search(done.output), SPEAKS_OF_CLASSES.search(done.output)
    return done


def test_the_columns_are_those_of_plain_keras_and_scikit_learn(folder: Path) -> None:
    """Every figure of a record, computed anew from the network that was kept, on the rows of its split."""
    results = api.open_results(folder / "ablations.toml")
    data = results.study.base.data
    dataset = sources.load(data, folder)
    for run in results.snapshot.planned[:3]:
        record = results.snapshot.records[run.key]
        rows = splits.split(dataset, data, run.seed)
        encoded = dataset.encoded(dataset.mapping(rows.train))
        network = keras.saving.load_model(models.model_path(results.store, run.key, "keras"), compile=False)
        for side, part in (("train", rows.train), ("val", rows.validation), ("test", rows.test)):
            predicted, true = network.predict(encoded.x[part], verbose=0)[:, 0], dataset.y[part]
            wanted = {
                f"{side}_mae": reference.mean_absolute_error(true, predicted),
                f"{side}_rmse": reference.root_mean_squared_error(true, predicted),
                f"{side}_r2": reference.r2_score(true, predicted),
            }
            assert {name: record.result[name] for name in wanted} == pytest.approx(wanted, rel=1e-5)


def test_status_and_export_name_errors(folder: Path) -> None:
    shown = json.loads(on(folder, "status", "--json").stdout)
    assert {row["metric"] for row in shown["effects"]} == {"test_mae"}
    assert shown["claims"][0]["metric"] == "test_mae"
    on(folder, "status")
    on(folder, "export", "--format", "csv")
    for name in ("runs", "histories"):
        table = pd.read_csv(folder / "reports" / "heat" / f"{name}.csv")
        assert not [column for column in table if "accura" in column]
        assert {"train_r2", "val_rmse", "gap"} <= set(table)
    assert np.allclose(table["gap"], table["val_mae"] - table["train_mae"])


def test_the_page_and_what_is_extracted_from_it(folder: Path) -> None:
    on(folder, "report")
    page = folder / "reports" / "heat" / "report.html"
    assert not re.search(r".{40}accura.{20}", page.read_text(), re.IGNORECASE)
    assert not SPEAKS_OF_CLASSES.search(re.sub(r"(?s)<style.*?</style>|<script.*?</script>", "", page.read_text()))
    assert "Predicted against true" in page.read_text()
    done = ablate("extract", page, "--json")
    assert done.exit_code == 0, done.output
    again = pd.read_csv(page.with_suffix("") / "histories.csv")
    assert {"train_mae", "val_mae", "train_r2", "val_loss"} <= set(again)
    assert 'task = "regression"' in (page.with_suffix("") / "study.toml").read_text()


def test_kept_networks_score_what_is_recorded(folder: Path) -> None:
    done = ablate("model", "evaluate", "-c", folder / "ablations.toml", "--seed", 1, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["networks"]
    assert len(found) == 3
    assert all(each["agrees"] for each in found)
    assert found[0]["test_rmse"] == pytest.approx(found[0]["recorded_rmse"], rel=1e-4)
    assert "accura" not in done.stdout


def test_a_network_that_is_off_by_a_little_is_seen(folder: Path) -> None:
    from ablate.api import networks

    results = api.open_results(folder / "ablations.toml")
    record = results.snapshot.records[results.snapshot.planned[0].key]
    names = [f"{side}_{name}" for side in ("train", "val", "test") for name in ("rmse", "loss")]
    score = {name: record.result[name] for name in names} | {"loss_with_penalties": 0.0}
    run = results.snapshot.planned[0]
    assert networks._scored(run, record, score).agrees
    for name in names:
        assert not networks._scored(run, record, {**score, name: score[name] * 1.001}).agrees, name


def test_the_gate_judges_errors_in_their_unit(folder: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    on(folder, "check", "--save-baseline", baseline, "--exit-zero")
    on(
        folder,
        "check",
        "--baseline",
        baseline,
        "--junit",
        tmp_path / "j.xml",
        "--summary",
        tmp_path / "s.md",
        "--exit-zero",
    )
    for name in ("j.xml", "s.md", "baseline.json"):
        assert not SPEAKS_OF_CLASSES.search((tmp_path / name).read_text()), name
    assert "Change in test mean absolute error" in (tmp_path / "s.md").read_text()
    night = api.check(api.open_results(folder / "ablations.toml"), baseline)
    assert night.comparison is not None
    before = json.loads(baseline.read_text())
    runs = pd.DataFrame(before["runs"], columns=before["columns"])
    usual = runs.groupby("treatment")["test_mae"].mean().median()
    assert night.comparison.floor == pytest.approx(0.01 * usual, rel=0.05)


def test_a_renamed_study_adopts_the_runs(folder: Path) -> None:
    other = folder / "other.toml"
    other.write_text(STUDY.replace('name = "heat"', 'name = "heat-again"'), encoding="utf-8")
    done = ablate("run", "-c", other, "--adopt", "heat", "--json")
    assert done.exit_code == 0, done.output
    counts = json.loads(done.stdout)
    assert (counts["trained"], counts["cached"]) == (0, 15)
    assert ablate("store", "verify", "-c", other).exit_code == 0
    assert ablate("store", "verify", "-c", folder / "ablations.toml").exit_code == 0


def test_a_gap_is_compared_in_the_unit_of_its_error(folder: Path) -> None:
    results = folder / "reports" / "heat"
    done = ablate("compare", results, results, "--metric", "gap", "--floor", 2, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["metric"], found["floor"]) == ("mae_gap", 2.0)


def test_a_study_that_keeps_the_best_networks_ends_in_order(folder: Path) -> None:
    """The best is chosen by the error in validation, wherever it is asked which networks are wanted."""
    plan = api.make_plan(api.load(folder / "ablations.toml", ["study.save_models='best'"]))
    assert not plan.pending
    best = {run.treatment.name for run in runs_of_the_best(plan)}
    runs = api.open_results(folder / "ablations.toml").runs
    assert best == {"baseline", str(runs.groupby("treatment")["val_mae"].mean().idxmin())}
    assert missing_networks(plan) == []


def test_a_notebook_shows_errors_and_no_classes(folder: Path) -> None:
    html = api.open_results(folder / "ablations.toml")._repr_html_()
    assert html.count("<svg") == 2
    assert not SPEAKS_OF_CLASSES.search(html)
