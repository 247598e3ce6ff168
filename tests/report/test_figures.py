"""Figures: plain SVG that needs no style sheet, the same twice, with a finding in words."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from ablate.analysis import effects, factorial
from ablate.report import canvas, curves, figures, wording


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


def test_a_text_that_looks_like_a_style_stays_text():
    with canvas.theme():
        figure, (axes,) = canvas.panels(1, 1, 3, 2)
        axes.set_title('style="color: red" <b> $x$')
    markup = canvas.svg(figure, "a", "title", "description")
    assert 'style="color: red" &lt;b&gt; $x$' in markup


def test_texts_of_any_script_are_drawn_as_text_and_without_a_warning():
    figure, (axes,) = canvas.panels(1, 1, 3, 2)
    with canvas.theme():
        axes.set_title("언더피팅 실험")
        axes.plot([1, 2])
    assert "언더피팅 실험</text>" in canvas.svg(figure, "a", "t", "d")
    assert canvas.png(figure, "a", "t", "d").startswith("<img")


def test_fonts_of_other_scripts_come_after_the_one_that_is_measured_with(monkeypatch):
    canvas._fonts_of_other_scripts.cache_clear()
    monkeypatch.setattr(
        canvas.font_manager, "get_font_names", lambda: ["Unifont", "NanumGothic", "DejaVu Sans", "Comic"]
    )
    try:
        with canvas.theme():
            assert canvas.mpl.rcParams["font.sans-serif"] == ["DejaVu Sans", "NanumGothic", "Unifont"]
    finally:
        canvas._fonts_of_other_scripts.cache_clear()


def test_many_marks_become_a_small_picture():
    with canvas.theme():
        figure, (axes,) = canvas.panels(1, 1, 3, 2)
        axes.scatter(np.arange(600), np.arange(600))
    picture = canvas.picture(figure, "many", "Many", 'A "finding".')
    assert picture.markup.startswith("<img ")
    assert 'alt="Many. A &quot;finding&quot;."' in picture.markup


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


def test_the_accuracy_axis_leaves_out_what_did_not_learn(snapshot):
    runs = snapshot.runs.copy()
    runs.loc[runs["treatment"] == "dropout=0.5", ["train_accuracy", "val_accuracy"]] = 0.1
    low, poor = curves.common_axis(runs)
    assert poor == {"dropout=0.5"}
    assert 0.5 < low < 0.9


def test_the_axes_of_the_curves_are_named(make):
    snapshot = make()
    (picture,) = curves.learning_curves(snapshot.histories, snapshot.runs, dict.fromkeys(snapshot.runs["treatment"], 6))
    drawn = picture.markup
    assert ">epoch</text>" in drawn
    assert ">accuracy, %</text>" in drawn


def test_where_runs_were_stopped_early_is_marked(make):
    snapshot = make()
    longer = {name: 6 if name == "baseline" else 9 for name in snapshot.runs["treatment"]}
    (picture,) = curves.learning_curves(snapshot.histories, snapshot.runs, longer)
    assert picture.markup.count("stopped 6") == 2  # of three treatments


def test_more_treatments_than_a_figure_holds_are_folded(make, monkeypatch):
    monkeypatch.setattr(curves, "MOST_PANELS", 2)
    monkeypatch.setattr(curves, "MOST_FIGURES", 1)
    snapshot = make()
    (picture,) = curves.learning_curves(snapshot.histories, snapshot.runs, dict.fromkeys(snapshot.runs["treatment"], 6))
    assert "The last 1 of 3 treatments are left out" in picture.note
    monkeypatch.setattr(curves, "MOST_FIGURES", 2)
    first, second = curves.learning_curves(
        snapshot.histories, snapshot.runs, dict.fromkeys(snapshot.runs["treatment"], 6)
    )
    assert (first.title, second.title) == (
        "Accuracy by epoch and treatment, 1 to 2",
        "Accuracy by epoch and treatment, 3 to 3",
    )


def test_interactions_are_drawn_with_the_strongest_named(make):
    crossed = make(study={"name": "crossed", "design": "grid", "replicates": 6})
    table = factorial.interactions(factorial.grid(crossed.runs, crossed.levels, "test_accuracy"))
    picture = figures.interactions(table)
    assert "The strongest is that of batch_norm=true with dropout=0.5" in picture.description
    assert wording.signed(table["mean"][0], "test_accuracy") in picture.markup
