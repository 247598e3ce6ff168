"""The page's tables: means, spreads and dashes, one row for each of what was planned."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from ablate.report.figures import distributions
from ablate.report.findings import Findings
from ablate.report.page import tables


@pytest.fixture
def findings(make):
    return Findings(make())


def test_a_treatment_has_the_mean_and_spread_of_its_runs(findings):
    rows = {row.name: row for row in tables.treatment_rows(findings.snapshot.runs, findings.diagnosis, findings.winner)}
    assert list(rows) == ["baseline", "batch_norm=true", "dropout=0.5"]
    own = findings.snapshot.runs.query("treatment == 'dropout=0.5'")["test_accuracy"] * 100
    assert rows["dropout=0.5"].test == f"{own.mean():.2f} ± {own.std(ddof=1):.2f}"
    assert [row.is_best for row in rows.values()] == [False, True, False]
    assert rows["baseline"].runs == "6"


def test_runs_without_numbers_are_counted_and_left_out_of_the_means(make):
    findings = Findings(make(diverged=(0,), failed=(3,)))
    (row, *_) = tables.treatment_rows(findings.snapshot.runs, findings.diagnosis, None)
    own = findings.ok.query("treatment == 'baseline'")["test_accuracy"] * 100
    assert row.runs == "4 of 6"
    assert row.test.startswith(f"{own.mean():.2f} ±")
    lost = Findings(make(failed=(0, 3, 6, 9, 12, 15)))
    (row, *_) = tables.treatment_rows(lost.snapshot.runs, lost.diagnosis, None)
    assert (row.runs, row.test, row.best_epoch, row.diagnosis) == ("0 of 6", "–", "–", "–")


def test_an_effect_has_the_figures_of_the_analysis(findings):
    effects = findings.effects()
    for row, found in zip(tables.effect_rows(effects), effects.to_dict("records"), strict=True):
        assert (row.factor, row.level, row.baseline, row.verdict) == (
            found["factor"],
            found["level"],
            found["baseline"],
            found["verdict"],
        )
        assert row.mean == f"{found['mean'] * 100:+.2f}".replace("-", "−")
        assert row.replicates == "6"
    lost = tables.effect_rows(Findings(findings.snapshot).effects().assign(dropped=[1, 2]))
    assert [row.replicates for row in lost] == ["6 (1 pair dropped)", "6 (2 pairs dropped)"]


@pytest.mark.parametrize(("last", "epochs"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 3, 4, 6]), (100, [1, 25, 50, 75, 100])])
def test_curves_are_listed_at_a_few_epochs(last, epochs):
    assert tables.curve_epochs(pd.DataFrame({"epoch": range(1, last + 1)})) == epochs


def test_a_curve_ends_with_a_dash_where_all_its_runs_were_stopped(findings):
    histories = findings.snapshot.histories
    short = histories[(histories["treatment"] != "dropout=0.5") | (histories["epoch"] <= 3)]
    rows = {row.treatment: row for row in tables.curve_rows(short, findings.ok)}
    assert rows["dropout=0.5"].cells[-1] == "– / –"
    end = histories[(histories["treatment"] == "baseline") & (histories["epoch"] == 6)]
    train, val = (end[column].mean() * 100 for column in ("train_accuracy", "val_accuracy"))
    assert rows["baseline"].cells[-1] == f"{train:.1f} / {val:.1f}"


def test_every_run_has_a_row_and_a_failed_one_its_status(make):
    findings = Findings(make(failed=(1,)))
    content = findings.snapshot
    rows = tables.run_rows(content.runs, content.histories, findings.diagnosed)
    assert len(rows) == 18
    assert [(row.treatment, row.place, row.seed) for row in rows[:4]] == [
        ("baseline", 0, 1),
        ("batch_norm=true", 1, 1),
        ("dropout=0.5", 2, 1),
        ("baseline", 0, 2),
    ]
    assert (rows[1].diagnosis, rows[1].test, rows[1].best_epoch, rows[1].points) == ("failed", "–", "–", "")
    assert rows[0].points.startswith("M")
    assert rows[0].best_epoch == "6"


def test_a_sparkline_keeps_to_its_box_and_to_the_common_scale():
    high, low = (tables.sparkline(np.array(values), 0.0, 1.0) for values in ([0.0, 1.0], [0.0, 0.5]))
    assert high == "M1 19l82-18"
    assert low == "M1 19l82-9"
    assert tables.sparkline(np.full(3, math.nan), 0.0, 1.0) == ""
    assert tables.sparkline(np.empty(0), 0.0, 1.0) == ""
    assert tables.sparkline(np.array([0.3, 0.3]), 0.3, 0.3).startswith("M1 1")
    long = tables.sparkline(np.linspace(0, 1, 500), 0.0, 1.0)
    assert len(re.findall(r"-?[\d.]+", long)) <= 2 * tables.SPARK_POINTS


def test_a_layer_has_its_spread_at_three_moments(findings):
    content = findings.snapshot
    for kind, dead in (("weights", "–"), ("activations", "20.0")):
        panels = distributions.collect(content.records, content.runs, ["baseline"], kind)
        (row,) = tables.layer_rows(panels)
        assert (row.treatment, row.layer, row.dead) == ("baseline", "hidden 1", dead)
        assert [row.initial, row.best, row.end] == ["0.25", "0.325", "0.4"]
        assert row.saturated == "–"
        assert 0 <= float(row.normal_distance) < 1
