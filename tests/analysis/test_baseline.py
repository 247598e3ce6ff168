"""Regressions: what is one, what is none, and how often noise alone is taken for one."""

import math
import os

import numpy as np
import pandas as pd
import pytest

from ablate.analysis.baseline import compare, default_floor, gated_metric
from ablate.results.baseline import Baseline, Kept, from_json

NIGHTS = int(os.environ.get("ABLATE_NIGHTS", "10"))  # the nightly workflow asks for 40
SEEDS = range(1, 11)
NOISE = np.array([-1.2, 0.4, 0.9, -0.3, 1.1, -0.8, 0.2, -0.6, 0.5, -0.2]) / 100


def runs(values, treatment="baseline", seeds=SEEDS, status="ok", metric="test_accuracy", **columns):
    """One treatment's rows; losses follow the metric."""
    values = np.asarray(values, dtype=float)
    count = len(values)
    own = {
        "treatment": treatment,
        "seed": list(seeds)[:count],
        "status": status,
        "test_loss": 1 - values,
        metric: values,
    }
    return pd.DataFrame(own | columns)


def one(now, before, metric="test_accuracy", floor=0.005):
    (row,) = compare(now, before, metric, floor).to_dict("records")
    return row


BEFORE = runs(0.9 + NOISE)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (-0.02 + NOISE[::-1], "regression"),
        (0.02 + NOISE[::-1], "improvement"),
        (-0.003 + NOISE[::-1] / 20, "fine"),  # sure, and below the floor
        (-0.006 + 2 * NOISE[::-1], "inconclusive"),  # beyond the floor, and not sure
        (0.001 + NOISE[::-1] / 20, "fine"),
    ],
)
def test_a_verdict_needs_size_and_certainty(change, verdict):
    row = one(runs(0.9 + NOISE + change), BEFORE)
    assert row["verdict"] == verdict
    assert row["n"] == 10
    assert row["mean"] == pytest.approx(np.mean(change))
    assert row["now"] - row["before"] == pytest.approx(row["mean"])
    assert row["low"] < row["mean"] < row["high"]


def test_for_a_loss_more_is_worse():
    before = runs(0.3 + NOISE, metric="val_loss")
    assert one(runs(0.4 + NOISE[::-1], metric="val_loss"), before, "val_loss", 0.01)["verdict"] == "regression"
    assert one(runs(0.2 + NOISE[::-1], metric="val_loss"), before, "val_loss", 0.01)["verdict"] == "improvement"


def test_equal_runs_are_said_to_be_equal():
    row = one(BEFORE, BEFORE)
    assert (row["verdict"], row["reason"], row["p"]) == ("fine", "the same scores in every pair of runs", 1.0)
    other_losses = BEFORE.assign(test_loss=0.5)
    assert one(other_losses, BEFORE)["reason"] == "a change for the worse beyond the floor is ruled out"


def test_a_collapse_that_is_the_same_in_every_seed_is_a_regression_with_few_seeds_too():
    before = runs([1.0] * 5)
    assert one(runs([0.5] * 5), before)["verdict"] == "regression"
    one_example = one(runs([0.97] * 5), before)
    assert one_example["verdict"] == "inconclusive"


def test_runs_are_paired_on_the_seeds_that_both_have():
    now = runs(0.88 + NOISE[:8], seeds=range(3, 11))
    row = one(now, BEFORE)
    assert row["n"] == 8
    assert row["mean"] == pytest.approx(now["test_accuracy"].mean() - BEFORE["test_accuracy"][2:].mean())
    few = one(runs(0.5 + NOISE[:4]), BEFORE)
    assert (few["verdict"], few["reason"]) == ("inconclusive", "only 4 common replicates; 5 are needed")
    none = one(runs(0.5 + NOISE, seeds=range(11, 21)), BEFORE)
    assert (none["n"], none["verdict"], none["reason"]) == (0, "inconclusive", "no seed in common")
    assert math.isnan(none["mean"])


def test_more_treatments_make_a_verdict_harder():
    change = -0.012 + 1.4 * NOISE[::-1]
    alone = compare(runs(0.9 + NOISE + change), BEFORE, "test_accuracy", 0.005)
    same = [runs(0.9 + NOISE + (NOISE[::-1] if k else change), f"t{k}") for k in range(20)]
    before = [BEFORE.assign(treatment=f"t{k}") for k in range(20)]
    many = compare(pd.concat(same), pd.concat(before), "test_accuracy", 0.005)
    assert alone["verdict"][0] == "regression"
    assert many["p"][0] == alone["p"][0]
    assert many["p_holm"][0] == pytest.approx(min(20 * alone["p"][0], 1))
    assert many["verdict"][0] == "inconclusive"


def test_treatments_of_one_side_are_left_out():
    now = pd.concat([BEFORE, runs(0.8 + NOISE, "new")])
    before = pd.concat([runs(0.8 + NOISE, "old"), BEFORE])
    assert compare(now, before, "test_accuracy", 0.005)["treatment"].tolist() == ["baseline"]
    assert compare(now[now["treatment"] == "new"], before, "test_accuracy", 0.005).empty


def test_most_runs_diverging_is_a_regression_and_a_few_forbid_a_verdict():
    ok, bad = ["ok"] * 10, ["diverged"] * 10
    row = one(BEFORE.assign(status=bad[:6] + ok[:4]), BEFORE)
    assert (row["verdict"], row["reason"]) == ("regression", "6 of 10 runs diverge that did not before")
    assert row["diverging"] == 6
    few = one(BEFORE.assign(status=bad[:2] + ok[:8]), BEFORE)
    assert few["verdict"] == "inconclusive"
    assert few["reason"] == "2 of 10 pairs lost a run, too many to judge by the rest"
    as_before = one(BEFORE.assign(status=bad[:6] + ok[:4]), BEFORE.assign(status=bad[:5] + ok[:5]))
    assert as_before["verdict"] == "inconclusive"


def test_epochs_to_a_threshold_count_alike_on_both_sides():
    metric = "epochs_to_val_accuracy_0.9"
    reached = runs(np.full(10, 5.0) + np.arange(10) % 3, metric=metric, **{f"{metric}_censored": False})
    late = runs(np.full(10, 31.0), metric=metric, **{f"{metric}_censored": [True] * 4 + [False] * 6})
    shorter = reached.assign(**{metric: 9.0, f"{metric}_censored": [True] * 4 + [False] * 6})
    row = one(late, shorter, metric, 1.0)
    assert row["mean"] == pytest.approx((31 - 9) * 6 / 10)  # those that never got there are 31 on both sides
    assert one(late, reached, metric, 1.0)["verdict"] == "regression"


def test_every_metric_has_a_floor_and_time_is_never_gated():
    floors = {"test_accuracy": 0.005, "gap": 0.005, "val_loss": 0.01, "best_epoch": 1.0, "parameters": 0.0}
    assert {name: default_floor(name) for name in floors} == floors
    assert default_floor("epochs_to_val_accuracy_0.9") == 1.0
    assert [gated_metric(name) for name in ("gap", "seconds_train")] == ["gap", "test_accuracy"]


class Recipe:
    """Thirteen treatments of 10 seeds; every night draws its noise anew, as changed code or libraries do.

    Accuracies are shares of 360 examples; the seeds shift all treatments alike (the split of the data), and treatments
    react to a seed in their own way.
    """

    def __init__(self, random, noise):
        self.random, self.noise = random, noise
        self.seeds = 0.9 + 0.02 * random.normal(size=10)
        self.own = 0.01 * random.normal(size=(13, 10))

    def night(self, drop=0.0):
        true = self.seeds + self.own - drop * (np.arange(13) == 3)[:, None]
        found = np.round((true + self.noise * self.random.normal(size=(13, 10))) * 360) / 360
        return pd.concat([runs(own, f"t{place}") for place, own in enumerate(found)], ignore_index=True)

    def stored(self):
        """A night as it comes back from its file."""
        kept = {f"t{place}": Kept({}, "data") for place in range(13)}
        return from_json(Baseline("recipe", "test_accuracy", kept, {}, {}, self.night()).to_json()).runs


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.005, 0.01, 0.02])
def test_noise_turns_the_gate_red_at_most_twice_in_40_nights(noise):
    recipe = Recipe(np.random.default_rng([1, round(noise * 1000)]), noise)
    before = recipe.stored()
    red = [
        compare(recipe.night(), before, "test_accuracy", 0.005)["verdict"].eq("regression").any() for _ in range(NIGHTS)
    ]
    assert sum(red) <= 2


def test_a_real_loss_turns_it_red():
    recipe = Recipe(np.random.default_rng(2), 0.005)
    before = recipe.stored()
    for _ in range(5):
        found = compare(recipe.night(drop=0.02), before, "test_accuracy", 0.005)
        assert found.loc[found["verdict"] == "regression", "treatment"].tolist() == ["t3"]


def test_the_floor_of_errors_is_a_hundredth_of_what_they_were() -> None:
    columns = {f"test_{name}": [20.0, 22.0] for name in ("loss", "mae", "rmse", "r2")}
    before = pd.DataFrame({"treatment": "baseline", "status": "ok", **columns, "gap": [-1.0, 3.0]})
    assert default_floor("test_rmse", before) == pytest.approx(0.21)
    assert default_floor("gap", before) == pytest.approx(0.02)
    assert default_floor("test_r2", before) == 0.005
    assert default_floor("test_accuracy", pd.DataFrame({"test_accuracy": [0.9]})) == 0.005
    assert gated_metric("seconds_train", before.columns) == "test_rmse"
    assert gated_metric("seconds_train") == "test_accuracy"


def test_one_treatment_that_exploded_does_not_raise_the_floor_of_the_others():
    table = pd.DataFrame(
        {
            "treatment": ["a", "b", "c", "d"],
            "status": ["ok", "ok", "ok", "diverged"],
            "test_rmse": [10.0, 12.0, 1e9, 1e30],
            "test_mae": 1.0,
            "test_r2": 0.5,
        }
    )
    assert default_floor("test_rmse", table) == 0.12
