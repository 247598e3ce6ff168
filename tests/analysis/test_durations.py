"""Epochs to a threshold: two epochs in a row, censored runs, and Kaplan and Meier's median."""

import math

import numpy as np
import pandas as pd
import pytest

from ablate.analysis.durations import first_epoch, median_epochs, with_metric
from ablate.analysis.effects import effects
from ablate.settings.metrics import epochs_to, is_metric, lower_is_better

METRIC = "epochs_to_val_accuracy_0.9"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5, 0.9, 0.95], 2),
        ([0.95, 0.8, 0.9, 0.9], 3),
        ([0.5, 0.6, 0.9], 3),
        ([0.9], 1),
        ([0.5, 0.6], math.inf),
        ([0.9, math.nan], math.inf),
        ([], math.inf),
    ],
    ids=str,
)
def test_a_threshold_is_reached_where_the_next_epoch_holds_it(values, expected):
    assert first_epoch(np.array(values), 0.9) == expected


def test_a_loss_has_to_come_below():
    assert first_epoch(np.array([0.5, 0.2, 0.1]), 0.2, below=True) == 2


def study(curves, statuses=None):
    """Runs and histories of one factor; `curves` maps a treatment to a list of validation accuracies per seed."""
    runs, histories = [], []
    for treatment, by_seed in curves.items():
        for seed, curve in enumerate(by_seed, 1):
            key = f"{treatment}-{seed}"
            status = (statuses or {}).get(key, "ok")
            level = "false" if treatment == "baseline" else "true"
            row = {"batch_norm": level, "treatment": treatment, "seed": seed, "run": key, "status": status}
            runs.append({**row, "stopped_epoch": len(curve)})
            histories += [{"run": key, "epoch": epoch, "val_accuracy": v} for epoch, v in enumerate(curve, 1)]
    return pd.DataFrame(runs), pd.DataFrame(histories)


def test_runs_that_never_get_there_count_one_epoch_more_than_the_longest():
    runs, histories = study({"baseline": [[0.5, 0.5, 0.5, 0.5]], "bn": [[0.9, 0.9], [0.1, 0.1]]})
    found = with_metric(runs, histories, METRIC)
    assert found[METRIC].tolist() == [5, 1, 5]
    assert found[f"{METRIC}_censored"].tolist() == [True, False, True]


def test_failed_runs_have_no_epochs_and_diverged_ones_never_get_there():
    runs, histories = study(
        {"baseline": [[0.95, 0.95], [0.5, math.nan]]}, {"baseline-1": "diverged", "baseline-2": "diverged"}
    )
    runs.loc[len(runs)] = {**runs.iloc[0].to_dict(), "seed": 3, "run": "failed", "status": "failed"}
    found = with_metric(runs, histories, METRIC)[METRIC]
    assert found[:2].tolist() == [1, 3]
    assert math.isnan(found[2])


def test_effects_on_epochs_count_censored_pairs_and_do_not_decide_on_mostly_censored_ones():
    fast, slow, never = [0.5, 0.9, 0.9, 0.9], [0.5, 0.5, 0.5, 0.9], [0.5] * 4
    levels = {"batch_norm": ["false", "true"]}
    runs, histories = study({"baseline": [slow] * 5 + [never], "bn": [fast] * 5 + [slow]})
    (row,) = effects(with_metric(runs, histories, METRIC), levels, METRIC).to_dict("records")
    assert (row["n"], row["censored"], row["dropped"], row["verdict"]) == (6, 1, 0, "helps")
    assert row["mean"] == pytest.approx((5 * -2 - 1) / 6)
    runs, histories = study({"baseline": [never] * 4 + [slow] * 2, "bn": [never] * 4 + [fast] * 2})
    (row,) = effects(with_metric(runs, histories, METRIC), levels, METRIC).to_dict("records")
    assert (row["censored"], row["verdict"]) == (4, "undecided")


def test_the_median_is_kaplan_and_meiers():
    def reach(epoch, length):
        return [0.5] * (epoch - 1) + [0.9] * (length - epoch + 1)

    # One run was stopped at epoch 4 without getting there: it leaves the risk set, and is no late success.
    curves = [reach(2, 8), reach(3, 8), [0.5] * 4, reach(6, 8), reach(7, 8)]
    runs, histories = study({"baseline": curves, "bn": [[0.5] * 8] * 3})
    found = median_epochs(with_metric(runs, histories, METRIC), METRIC)
    # By hand: S(2) = 4/5, S(3) = 3/5, S(6) = 3/5 * 1/2 = 0.3.
    assert found.to_dict("records") == [
        {"treatment": "baseline", "median": 6.0, "reached": 4, "of": 5},
        {"treatment": "bn", "median": math.inf, "reached": 0, "of": 3},
    ]


def test_names_of_metrics():
    assert epochs_to("epochs_to_val_loss_0.25") == ("val_loss", 0.25)
    assert epochs_to("val_loss") is None
    assert not is_metric("epochs_to_seconds_3")
    assert lower_is_better("epochs_to_val_accuracy_0.9")
    assert not lower_is_better("epochs_to_gap_0.05")
    assert lower_is_better("seconds_compile")


def test_runs_that_diverge_or_stop_early_are_not_taken_for_fast_ones():
    curves = {"baseline": [[0.5] * 9 + [0.95]] * 4 + [[0.5, math.nan]] * 3 + [[0.5] * 4] * 3}
    statuses = {f"baseline-{seed}": "diverged" for seed in (5, 6, 7)}
    found = median_epochs(with_metric(*study(curves, statuses), METRIC), METRIC)
    assert found[["median", "reached", "of"]].to_numpy().tolist() == [[math.inf, 4, 10]]
