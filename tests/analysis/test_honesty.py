"""Does the analysis keep its promises? Intervals, verdicts and claims on simulated studies with known effects.

Every study has the structure of real ones: the seeds of a replicate shift all its treatments (the data split), each
run adds its own noise, and all levels share one baseline. Generators are seeded, so results are the same every time;
bounds leave the promised rate and, where few studies are simulated, the simulation's own error.
"""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ablate.analysis.claims import judge
from ablate.analysis.effects import effects
from ablate.analysis.estimates import bootstrap_interval, estimate_mean
from ablate.analysis.pairs import measured
from ablate.studies.file import Claim

pytestmark = pytest.mark.slow  # hundreds of simulated studies each

REAL = Path(__file__).parents[1] / "data" / "digits-remedies.csv"
LEVELS = {"a": ["0", "1", "2"], "b": ["0", "1"], "c": ["0", "1"]}
PLACES = [("a", "1"), ("a", "2"), ("b", "1"), ("c", "1")]
ALL_EFFECTS = (0.0, 0.0, 0.01, -0.02)


def simulated(random, seeds, true=ALL_EFFECTS, noise=0.01, spread=0.02):
    """A one-at-a-time study with the given true effects of its four levels that are no baselines."""
    shared = 0.9 + spread * random.normal(size=seeds)
    rows = []
    for factor, level, effect in [("a", "0", 0.0), *((*place, size) for place, size in zip(PLACES, true, strict=True))]:
        numbers = shared + effect + noise * random.normal(size=seeds)
        labels = {name: level if name == factor else "0" for name in LEVELS}
        rows += [{**labels, "seed": seed, "status": "ok", "test_accuracy": n} for seed, n in enumerate(numbers)]
    return pd.DataFrame(rows)


def figures(random, seeds, truth):
    """Such a study as claims are judged by, with an effect of b alone."""
    return measured(simulated(random, seeds, (0.0, 0.0, truth, 0.0)), list(LEVELS), "test_accuracy")


@pytest.mark.parametrize("seeds", [5, 10])
def test_intervals_of_effects_cover_the_truth_in_95_of_100_studies(seeds):
    random = np.random.default_rng([1, seeds])
    true = np.array(ALL_EFFECTS)
    inside = []
    for _ in range(400):
        found = effects(simulated(random, seeds), LEVELS)
        inside += ((found["low"] <= true) & (true <= found["high"])).tolist()
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("seeds", [5, 10])
@pytest.mark.parametrize("shape", ["normal", "uniform", "logistic"])
def test_the_t_interval_covers_for_other_shapes_of_noise_too(seeds, shape):
    random = np.random.default_rng([2, seeds])
    draw = {"normal": random.normal, "uniform": lambda size: random.uniform(-1, 1, size), "logistic": random.logistic}
    found = [estimate_mean(draw[shape](size=seeds)) for _ in range(4000)]
    assert np.mean([each.low <= 0 <= each.high for each in found]) == pytest.approx(0.95, abs=0.015)


def test_the_bootstrap_covers_less_which_is_why_it_stands_beside():
    random = np.random.default_rng(3)
    found = [bootstrap_interval(random.normal(size=10)) for _ in range(1000)]
    assert 0.85 < np.mean([low <= 0 <= high for low, high in found]) < 0.94


@pytest.mark.parametrize("seeds", [5, 10])
def test_a_study_without_any_effect_gets_a_verdict_in_at_most_5_of_100(seeds):
    random = np.random.default_rng([4, seeds])
    wrong = [
        effects(simulated(random, seeds, (0.0,) * 4), LEVELS)["verdict"].isin(["helps", "hurts"]).any()
        for _ in range(400)
    ]
    assert np.mean(wrong) <= 0.05


def test_true_effects_do_not_lend_verdicts_to_levels_without_any():
    random = np.random.default_rng(5)
    wrong = [effects(simulated(random, 10), LEVELS)["verdict"][:2].isin(["helps", "hurts"]).any() for _ in range(250)]
    assert np.mean(wrong) <= 0.05


def test_verdicts_never_point_the_wrong_way_more_often_than_promised_and_find_what_is_detectable():
    random = np.random.default_rng(6)
    found = [effects(simulated(random, 10, (0.015, 0.015, 0.015, 0.015)), LEVELS) for _ in range(200)]
    verdicts = pd.concat(found)["verdict"]
    assert (verdicts == "hurts").mean() <= 0.001
    assert (verdicts == "helps").mean() > 0.5  # the detectable difference is 1.4 points, before Holm
    detectable = pd.concat(found)["detectable"].mean()
    assert detectable == pytest.approx(0.01 * math.sqrt(2), rel=0.05)


CLAIMS = [
    ({"expect": "higher"}, 0.0, "supported"),
    ({"expect": "higher"}, 1e-9, "refuted"),
    ({"expect": "lower", "by": 0.01}, -0.01, "supported"),
    ({"expect": "higher", "by": 0.01}, 0.01, "refuted"),
    ({"expect": "equivalent", "margin": 0.01}, 0.01, "supported"),
    ({"expect": "equivalent", "margin": 0.01}, 0.01, "refuted"),
]


@pytest.mark.parametrize(("fields", "truth", "wrong"), CLAIMS, ids=str)
@pytest.mark.parametrize("seeds", [5, 10])
def test_claims_on_the_border_are_judged_wrongly_at_most_5_times_in_100(fields, truth, wrong, seeds):
    random = np.random.default_rng([7, seeds])
    claim = Claim(says="so", metric="test_accuracy", treatment={"b": "1"}, against={"b": "0"}, **fields)
    sides = ({"b": {"1"}}, {"b": {"0"}})
    found = [judge(claim, figures(random, seeds, truth), *sides, list(LEVELS)).verdict for _ in range(400)]
    assert np.mean([verdict == wrong for verdict in found]) <= 0.05


@pytest.mark.parametrize("bound", ["at_least", "at_most"])
def test_claims_about_one_treatment_likewise(bound):
    random = np.random.default_rng(8)
    claim = Claim(says="so", metric="test_accuracy", treatment={"b": "1"}, **{bound: 0.9})
    found = [judge(claim, figures(random, 6, 0.0), {"b": {"1"}}, None, list(LEVELS)).verdict for _ in range(500)]
    assert np.mean([verdict == "supported" for verdict in found]) <= 0.05
    assert np.mean([verdict == "refuted" for verdict in found]) <= 0.05


def test_a_real_study_with_its_labels_shuffled_gets_no_more_verdicts_than_luck_allows():
    """Which run of a seed got which treatment is drawn anew: every effect is then zero, on real numbers."""
    runs = pd.read_csv(REAL, dtype={"dropout": str, "l2": str}, converters=dict.fromkeys(["batch_norm"], str))
    runs["early_stopping"] = runs["early_stopping"].astype(str).str.lower()
    factors = ["init", "batch_norm", "optimizer", "dropout", "l2", "early_stopping"]
    levels = {name: list(dict.fromkeys(runs[name])) for name in factors}
    measured = ["test_accuracy", "test_loss", "train_loss", "val_loss"]
    real = effects(runs, levels)
    assert {"helps", "hurts", "undecided"} <= set(real["verdict"])

    random = np.random.default_rng(9)
    wrong = []
    for _ in range(100):
        shuffled = runs.copy()
        for _, own in runs.groupby("seed"):
            shuffled.loc[own.index, measured] = own[measured].to_numpy()[random.permutation(len(own))]
        wrong.append(effects(shuffled, levels)["verdict"].isin(["helps", "hurts"]).any())
    # 5 of 100 studies may be wrong; with 100 of them, 9 or fewer are in 97 of 100 cases.
    assert sum(wrong) <= 9


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"expect": "higher"}, "refuted"),
        ({"expect": "equivalent", "margin": 0.002}, "supported"),
        ({"expect": "equivalent", "margin": 0.2}, "refuted"),
    ],
    ids=str,
)
def test_accuracies_of_few_test_images_near_the_ceiling_decide_no_claim_by_being_alike(fields, wrong):
    """36 images, true accuracies of 99.0 and 99.5%: in every tenth study all five differences are zero."""
    random = np.random.default_rng(10)
    claim = Claim(says="so", metric="test_accuracy", treatment={"b": "1"}, against={"b": "0"}, **fields)
    verdicts = []
    for _ in range(300):
        rows = [
            {
                "a": "0",
                "b": level,
                "c": "0",
                "seed": seed,
                "status": "ok",
                "test_accuracy": hits / 36,
                "test_loss": loss,
            }
            for level, true in (("0", 0.99), ("1", 0.995))
            for seed, (hits, loss) in enumerate(zip(random.binomial(36, true, 5), random.random(5), strict=True))
        ]
        table = measured(pd.DataFrame(rows), list(LEVELS), "test_accuracy")
        verdicts.append(judge(claim, table, {"b": {"1"}}, {"b": {"0"}}, list(LEVELS)).verdict)
    assert np.mean([verdict == wrong for verdict in verdicts]) <= 0.05
