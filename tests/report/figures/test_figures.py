"""All figures: plain SVG that needs no style sheet, the same twice, with a finding in words."""

import re
from xml.etree import ElementTree as ET

import pytest

from ablate.analysis import effects as analysis
from ablate.report.figures import accuracy_gap, curves, effects, train_test


@pytest.fixture
def snapshot(make):
    return make()


def all_figures(snapshot):
    runs, levels = snapshot.runs, snapshot.levels
    return [
        effects.figure(analysis.effects(runs, levels), analysis.seed_differences(runs, levels)),
        accuracy_gap.figure(runs),
        train_test.figure(runs, "batch_norm=true"),
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
