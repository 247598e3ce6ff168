"""Figures: plain SVG that needs no style sheet, the same twice, with a finding in words."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from ablate.analysis import effects
from ablate.report import canvas, curves, figures


@pytest.fixture
def snapshot(make):
    return make()


def all_figures(snapshot):
    runs, levels = snapshot.runs, snapshot.levels
    return [
        figures.effects(effects.effects(runs, levels), effects.seed_differences(runs, levels)),
        figures.accuracy_gap(runs),
        figures.gap_by_level(runs, levels),
        curves.learning_curves(snapshot.histories, runs),
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


def test_a_text_that_looks_like_a_style_stays_text():
    with canvas.theme():
        figure, (axes,) = canvas.panels(1, 1, 3, 2)
        axes.set_title('style="color: red" <b> $x$')
    markup = canvas.svg(figure, "a", "title", "description")
    assert 'style="color: red" &lt;b&gt; $x$' in markup


def test_many_marks_become_a_small_picture():
    with canvas.theme():
        figure, (axes,) = canvas.panels(1, 1, 3, 2)
        axes.scatter(np.arange(600), np.arange(600))
    picture = canvas.picture(figure, "many", "Many", 'A "finding".')
    assert picture.markup.startswith("<img ")
    assert 'alt="Many. A &quot;finding&quot;."' in picture.markup


def test_paths_of_lines_drop_only_their_letters():
    assert canvas._path("M 1.23456 2 L 3 4 L 5 6 z") == "M 1.2 2 3 4 5 6 z"
    assert canvas._path("M 1 2 C 3 4 5 6 7 8 L 9 9") == "M 1 2 C 3 4 5 6 7 8 L 9 9"


def test_the_accuracy_axis_leaves_out_what_did_not_learn(snapshot):
    runs = snapshot.runs.copy()
    runs.loc[runs["treatment"] == "dropout=0.5", ["train_accuracy", "val_accuracy"]] = 0.1
    low, poor = curves.accuracy_axis(runs)
    assert poor == {"dropout=0.5"}
    assert 0.5 < low < 0.9


def test_a_factor_alone_is_shown_with_the_others_at_baseline(make):
    snapshot = make()
    alone = figures.one_at_a_time(snapshot.runs, snapshot.levels, "dropout")
    assert set(alone["treatment"]) == {"baseline", "dropout=0.5"}
    crossed = make(study={"name": "crossed", "design": "grid", "replicates": 2})
    assert len(figures.one_at_a_time(crossed.runs, crossed.levels, "dropout")) == len(crossed.runs)


def test_the_axes_of_the_curves_are_named(make):
    snapshot = make()
    drawn = curves.learning_curves(snapshot.histories, snapshot.runs).markup
    assert ">epoch</text>" in drawn
    assert ">accuracy, %</text>" in drawn
