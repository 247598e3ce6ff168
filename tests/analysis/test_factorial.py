"""Combinations of levels, against hand calculation, ordinary least squares and an analysis of variance."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.anova import anova_lm

from ablate.analysis import factorial
from ablate.analysis.effects import effects
from ablate.analysis.factorial import NotEstimableError

TWO = {"a": ["0", "1"], "b": ["0", "1"], "c": ["0", "1"]}
WIDE = {"a": ["0", "1", "2"], "b": ["0", "1"], "c": ["0", "1"]}
ON = {"a": "1", "b": "1", "c": "1"}


def crossed(levels, value=None, seeds=6, noise=0.01):
    """A complete grid; `value` maps the positions of levels to the mean."""
    random = np.random.default_rng(5)
    rows = []
    for seed in range(1, seeds + 1):
        for choice in itertools.product(*(range(len(labels)) for labels in levels.values())):
            labels = {name: levels[name][place] for name, place in zip(levels, choice, strict=True)}
            mean = value(*choice) if value else random.normal(0.8, 0.05)
            number = mean + noise * random.normal()
            rows.append({**labels, "seed": seed, "status": "ok", "test_accuracy": number})
    return pd.DataFrame(rows)


def grid(runs, levels):
    return factorial.grid(runs, levels, "test_accuracy")


def test_interactions_and_effects_are_the_coefficients_of_a_regression():
    runs = crossed(TWO)
    # With levels coded -1/2 and 1/2, coefficients of products are half the contrast of four cells each.
    coded = runs.assign(**{name: runs[name].astype(float) - 0.5 for name in TWO})
    fit = smf.ols("test_accuracy ~ a * b * c + C(seed)", coded).fit().params
    found = factorial.interactions(grid(runs, TWO)).set_index(["factor", "other_factor"])["mean"]
    for one, other in itertools.combinations("abc", 2):
        assert found[one, other] == pytest.approx(fit[f"{one}:{other}"])
    assert effects(runs, TWO)["mean"].tolist() == pytest.approx([fit[name] for name in "abc"])


def test_an_interaction_is_found_and_has_a_sign():
    runs = crossed(TWO, lambda a, b, c: 0.7 + 0.1 * a + 0.1 * b + 0.05 * a * b - 0.04 * b * c)
    found = factorial.interactions(grid(runs, TWO)).set_index(["factor", "other_factor"])
    assert found["verdict"].to_dict() == {
        ("a", "b"): "synergistic",
        ("a", "c"): "undecided",
        ("b", "c"): "antagonistic",
    }
    assert found.loc[("a", "b"), "mean"] == pytest.approx(0.05, abs=0.02)
    lower = runs.assign(test_loss=runs["test_accuracy"])
    found = factorial.interactions(factorial.grid(lower, TWO, "test_loss"))
    assert found["verdict"][0] == "antagonistic"


def test_every_pair_of_levels_has_an_interaction():
    found = factorial.interactions(grid(crossed(WIDE), WIDE))
    names = found[["factor", "level", "other_factor", "other_level"]].to_numpy().tolist()
    assert names == [
        ["a", "1", "b", "1"], ["a", "2", "b", "1"], ["a", "1", "c", "1"], ["a", "2", "c", "1"], ["b", "1", "c", "1"],
    ]  # fmt: skip


def test_shapley_values_are_averages_over_orders_and_add_up():
    runs = crossed(TWO)
    means = runs.groupby(["a", "b", "c"])["test_accuracy"].mean()
    expected = dict.fromkeys(TWO, 0.0)
    for order in itertools.permutations(TWO):
        on = dict.fromkeys(TWO, "0")
        for name in order:
            before = means[tuple(on.values())]
            on[name] = "1"
            expected[name] += (means[tuple(on.values())] - before) / 6
    found = factorial.shapley(grid(runs, TWO)).set_index("factor")["mean"]
    assert found.to_dict() == pytest.approx(expected)
    assert found.sum() == pytest.approx(means["1", "1", "1"] - means["0", "0", "0"])


def test_without_interactions_a_shapley_value_is_the_effect():
    runs = crossed(TWO, lambda a, b, c: 0.5 + 0.1 * a - 0.05 * b, seeds=10, noise=0.0)
    found = factorial.shapley(grid(runs, TWO))
    assert found["mean"].tolist() == pytest.approx([0.1, -0.05, 0.0])
    assert found["verdict"].tolist() == ["helps", "hurts", "undecided"]


def test_variance_shares_are_those_of_an_analysis_of_variance():
    runs = crossed(WIDE)
    fit = anova_lm(smf.ols("test_accuracy ~ C(a) * C(b) * C(c) + C(seed)", runs).fit())
    treatments = fit.drop(index=["C(seed)", "Residual"])
    found = factorial.variance_shares(grid(runs, WIDE)).set_index("factors")
    shares = treatments["sum_sq"] / treatments["sum_sq"].sum()
    names = {"C(a)": "a", "C(b)": "b", "C(a):C(b)": "a x b", "C(b):C(c)": "b x c", "C(a):C(b):C(c)": "3 factors"}
    for formula, name in names.items():
        assert found.loc[name, "share"] == pytest.approx(shares[formula])
        assert found.loc[name, "df"] == treatments.loc[formula, "df"]
    assert found["share"].sum() == pytest.approx(1)
    by_chance = treatments["df"] * fit.loc["Residual", "mean_sq"] / treatments["sum_sq"].sum()
    assert found.loc["a x b", "by_chance"] == pytest.approx(by_chance["C(a):C(b)"])


def test_what_is_not_a_complete_grid_is_not_estimated():
    runs = crossed(TWO)
    with pytest.raises(NotEstimableError, match="1 of the 8 combinations"):
        grid(runs[~((runs["a"] == "1") & (runs["b"] == "1") & (runs["c"] == "1"))], TWO)
    with pytest.raises(NotEstimableError, match="1 of the 8 combinations"):
        grid(runs.assign(status=np.where((runs[["a", "b", "c"]] == "1").all(axis=1), "diverged", "ok")), TWO)
    with pytest.raises(NotEstimableError, match="two factors"):
        grid(runs, {"a": ["0", "1"]})
    with pytest.raises(NotEstimableError, match="a has more than two levels"):
        factorial.shapley(grid(crossed(WIDE), WIDE))
    with pytest.raises(NotEstimableError, match="same mean"):
        factorial.variance_shares(grid(crossed(TWO, lambda *_: 0.5, noise=0.0), TWO))


def test_a_seed_that_lost_a_run_is_dropped_and_too_many_give_no_verdict():
    runs = crossed(TWO, lambda a, b, c: 0.7 + 0.1 * a * b, seeds=10)
    runs.loc[0, "status"] = "diverged"
    found = factorial.interactions(grid(runs, TWO))
    assert found[["n", "dropped"]].to_numpy().tolist() == [[9, 1]] * 3
    assert found["verdict"][0] == "synergistic"
    runs.loc[8, "status"] = "failed"
    assert factorial.interactions(grid(runs, TWO))["verdict"][0] == "undecided"


def test_few_seeds_are_exploratory():
    assert set(factorial.interactions(grid(crossed(TWO, seeds=4), TWO))["verdict"]) == {"exploratory"}


def test_a_remedy_that_turns_around_in_company_is_pointed_out():
    runs = crossed(TWO, lambda a, b, c: 0.6 + 0.1 * a + 0.2 * b - 0.15 * a * b + 0.05 * c)
    found = factorial.order_dependence(runs, TWO, "test_accuracy", ON).set_index("factor")
    assert found["verdict"].to_dict() == {"a": "reverses", "b": "depends", "c": "undecided"}
    assert found.loc["a", ["alone", "last", "mean"]].tolist() == pytest.approx([0.1, -0.05, -0.15], abs=0.02)


def test_order_needs_a_level_alone_and_beside_all_others():
    runs = crossed(TWO)
    at_most_one = (runs[["a", "b", "c"]] == "1").sum(axis=1) <= 1
    with pytest.raises(NotEstimableError, match="both alone and beside"):
        factorial.order_dependence(runs[at_most_one], TWO, "test_accuracy", ON)
    without_c_alone = ~((runs["c"] == "1") & (runs["a"] == "0") & (runs["b"] == "0"))
    found = factorial.order_dependence(runs[without_c_alone], TWO, "test_accuracy", ON)
    assert found["factor"].tolist() == ["a", "b"]


def test_full_says_what_everything_on_is():
    runs = crossed(WIDE, lambda a, b, c: 0.5 + 0.1 * b + (0.2 * b if a == 2 else 0.0))
    second = factorial.order_dependence(runs, WIDE, "test_accuracy", {**ON, "a": "1"}).set_index(["factor", "level"])
    third = factorial.order_dependence(runs, WIDE, "test_accuracy", {**ON, "a": "2"}).set_index(["factor", "level"])
    assert second.loc[("b", "1"), "last"] == pytest.approx(0.1, abs=0.02)
    assert third.loc[("b", "1"), "last"] == pytest.approx(0.3, abs=0.02)
    assert math.isfinite(third.loc[("a", "1"), "p_holm"])


def test_a_grid_that_was_never_laid_out_is_refused_before_it_takes_memory():
    levels = {f"f{number}": ["0", "1", "2"] for number in range(30)}
    rows = [{**dict.fromkeys(levels, "0"), "seed": seed, "status": "ok", "test_accuracy": 0.9} for seed in range(3)]
    with pytest.raises(
        factorial.NotEstimableError, match="205,891,132,094,648 of the 205,891,132,094,649 combinations"
    ):
        factorial.grid(pd.DataFrame(rows), levels, "test_accuracy")


def test_shares_of_variance_name_their_seeds_and_do_without_many_that_lost_a_run():
    runs = crossed(TWO)
    assert set(factorial.variance_shares(factorial.grid(runs, TWO, "test_accuracy"))["n"]) == {6}
    runs.loc[runs["seed"].isin([1, 2]) & (runs["a"] == "1"), "status"] = "diverged"
    with pytest.raises(factorial.NotEstimableError, match="2 of 6 seeds lost a run"):
        factorial.variance_shares(factorial.grid(runs, TWO, "test_accuracy"))
