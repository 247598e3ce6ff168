"""The figure of effects: what is thinned, and where its axis ends."""

import re

import numpy as np

from ablate.analysis import effects as analysis
from ablate.report.figures import effects


def test_many_replicates_are_thinned_and_the_effects_stay_a_drawing(make):
    snapshot = make(study={"name": "many", "replicates": 280})
    runs, levels = snapshot.runs, snapshot.levels
    table, by_seed = analysis.effects(runs, levels), analysis.seed_differences(runs, levels)
    picture = effects.figure(table, by_seed)
    assert picture.markup.startswith("<svg ")
    assert "dots: 246 of a level's replicates, evenly picked by size" in picture.note
    assert "dots: one per replicate" in effects.figure(table, by_seed[by_seed["seed"] <= 200]).note
    few = np.sort(np.random.default_rng(1).normal(size=900))
    kept = effects._dots(few, 100)
    assert (len(kept), kept[0], kept[-1]) == (100, few[0], few[-1])
    assert abs(np.median(kept) - np.median(few)) < 0.02


def test_differences_that_are_all_zero_have_an_axis_of_a_point(make):
    """Not one of four hundredths around nothing."""
    snapshot = make()
    runs = snapshot.runs.assign(test_accuracy=0.9)
    table = analysis.effects(runs, snapshot.levels)
    picture = effects.figure(table, analysis.seed_differences(runs, snapshot.levels))
    shown = [
        text.replace("\N{MINUS SIGN}", "-")
        for text in re.findall(r">([\N{MINUS SIGN}]?\d+\.\d+)</text>", picture.markup)
    ]
    assert (min(map(float, shown)), max(map(float, shown))) == (-1.0, 1.0)


def test_ticks_of_a_logarithmic_axis_are_labelled_with_what_they_stand_for(make):
    """One broken treatment makes the axis logarithmic beyond half a point; that tick is no 0, and 2.5 is no 2."""
    snapshot = make(overfitting={"dropout": [0.0, 0.5], "l2": [0.0, 0.1]})
    runs = snapshot.runs
    runs["test_accuracy"] = runs["treatment"].map({"l2=0.1": 0.3}).fillna(0.9) + runs["seed"] * 1e-4
    picture = effects.figure(analysis.effects(runs, snapshot.levels), analysis.seed_differences(runs, snapshot.levels))
    assert "logarithmic" in picture.note
    labels = [
        float(text.replace("\N{MINUS SIGN}", "-"))
        for text in re.findall(r">([\N{MINUS SIGN}]?[\d.]+)</text>", picture.markup)
    ]
    assert {-0.5, -2.5, 0.0} <= set(labels)
    assert len(labels) == len(set(labels))
