"""Figures: plain SVG that needs no style sheet, the same twice, with a finding in words."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from ablate.analysis import effects, factorial
from ablate.report import curves, figures, wording


@pytest.fixture
def snapshot(make):
    return make()


def all_figures(snapshot):
    runs, levels = snapshot.runs, snapshot.levels
    return [
        figures.effects(effects.effects(runs, levels), effects.seed_differences(runs, levels)),
        figures.accuracy_gap(runs),
        figures.train_against_test(runs, "batch_norm=true"),
        *curves.learning_curves(snapshot.histories, runs, dict.fromkeys(runs["treatment"], 6)),
    ]


def test_figures_are_well_formed_and_without_styles(snapshot):
    for picture in all_figures(snapshot):
        root = ET.fromstring(picture.markup)
        assert root.get("role") == "img"
        assert [child.tag for child in root[:2]] == ["title", "desc"]
        assert root[1].text == picture.description
        for element in root.iter():
            assert element.tag != "style"
            assert "style" not in element.attrib


def test_figures_are_the_same_twice(snapshot):
    assert all_figures(snapshot) == all_figures(snapshot)


def test_ids_of_different_figures_differ(snapshot):
    ids = [found for picture in all_figures(snapshot) for found in re.findall(r'\bid="([^"]+)"', picture.markup)]
    assert len(ids) == len(set(ids))


def test_references_inside_a_figure_resolve(snapshot):
    for picture in all_figures(snapshot):
        ids = set(re.findall(r'\bid="([^"]+)"', picture.markup))
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', picture.markup)) <= ids


def test_many_replicates_are_thinned_and_the_effects_stay_a_drawing(make):
    snapshot = make(study={"name": "many", "replicates": 280})
    runs, levels = snapshot.runs, snapshot.levels
    table, by_seed = effects.effects(runs, levels), effects.seed_differences(runs, levels)
    picture = figures.effects(table, by_seed)
    assert picture.markup.startswith("<svg ")
    assert "dots: 246 of a level's replicates, evenly picked by size" in picture.note
    assert "dots: one per replicate" in figures.effects(table, by_seed[by_seed["seed"] <= 200]).note
    few = np.sort(np.random.default_rng(1).normal(size=900))
    kept = figures._dots(few, 100)
    assert (len(kept), kept[0], kept[-1]) == (100, few[0], few[-1])
    assert abs(np.median(kept) - np.median(few)) < 0.02


def test_interactions_are_drawn_with_the_strongest_named(make):
    crossed = make(study={"name": "crossed", "design": "grid", "replicates": 6})
    table = factorial.interactions(factorial.grid(crossed.runs, crossed.levels, "test_accuracy"))
    picture = figures.interactions(table)
    assert "The strongest is that of batch_norm=true with dropout=0.5" in picture.description
    assert wording.signed(table["mean"][0], "test_accuracy") in picture.markup


def test_differences_that_are_all_zero_have_an_axis_of_a_point(make):
    """Not one of four hundredths around nothing."""
    snapshot = make()
    runs = snapshot.runs.assign(test_accuracy=0.9)
    table = effects.effects(runs, snapshot.levels)
    picture = figures.effects(table, effects.seed_differences(runs, snapshot.levels))
    shown = [
        text.replace("\N{MINUS SIGN}", "-")
        for text in re.findall(r">([\N{MINUS SIGN}]?\d+\.\d+)</text>", picture.markup)
    ]
    assert (min(map(float, shown)), max(map(float, shown))) == (-1.0, 1.0)


def test_treatments_have_names_beside_their_marks_where_there_is_room(make):
    snapshot = make(overfitting={"dropout": [0.0, 0.5], "l2": [0.0, 0.1]})
    far = {"dropout=0.5": 0.85, "l2=0.1": 0.80}
    runs = snapshot.runs.assign(train_accuracy=0.97)
    runs["test_accuracy"] = runs["treatment"].map(far).fillna(0.93)
    picture = figures.train_against_test(runs, "batch_norm=true")
    assert all(f">{name}</text>" in picture.markup for name in ("baseline", "batch_norm=true", *far))
    assert "no room for a name" not in picture.note
    close = runs.assign(test_accuracy=0.93)
    picture = figures.train_against_test(close, "batch_norm=true")
    assert ">l2=0.1</text>" not in picture.markup
    assert "Where there is no room for a name, the table of treatments has it." in picture.note
