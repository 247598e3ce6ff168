"""Figures as markup: no style sheet, short numbers, the same every time."""

from xml.etree import ElementTree as ET

import numpy as np

from ablate.report.figures import canvas


def line(values):
    """A figure of one line."""
    with canvas.theme():
        figure, (axes,) = canvas.panels(1, 1, 3, 2)
        axes.plot(values)
    return figure


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


def test_marks_are_lines_bands_and_points():
    with canvas.theme():
        figure, (left, right) = canvas.panels(1, 2, 3, 2)
        left.plot([1, 2])
        left.axvline(1)
        right.bar([1, 2, 3], [1, 2, 3])
        right.scatter(np.arange(7), np.arange(7))
    assert canvas.marks(figure) == 2 + 3 + 7


def test_a_figure_is_a_drawing_up_to_its_limit_of_marks():
    def markup(points):
        with canvas.theme():
            figure, (axes,) = canvas.panels(1, 1, 3, 2)
            axes.scatter(np.arange(points), np.arange(points))
        return canvas.picture(figure, "a", "title", "finding").markup

    assert markup(canvas.MOST_MARKS).startswith("<svg")
    assert markup(canvas.MOST_MARKS + 1).startswith("<img")


def test_what_a_drawing_shows_is_said_to_those_who_cannot_see_it():
    root = ET.fromstring(canvas.picture(line([1, 2]), "a", "A < B", "B is 'larger'.").markup)
    labels = root.attrib["aria-labelledby"].split()
    texts = {element.get("id"): element.text for element in root.iter()}
    assert [texts[label] for label in labels] == ["A < B", "B is 'larger'."]


def test_the_size_is_in_pixels_and_wide_figures_are_named():
    with canvas.theme():
        narrow, _ = canvas.panels(1, 1, 3, 2)
        wide, _ = canvas.panels(1, 2, 4, 2)
    for figure, width, kind in ((narrow, 288, "narrow"), (wide, 768, "wide")):
        root = ET.fromstring(canvas.svg(figure, "a", "title", "finding"))
        assert (root.get("width"), root.get("height"), root.get("class")) == (str(width), "192", kind)
        image = ET.fromstring(canvas.png(figure, "a", "title", "finding").replace(">", "/>", 1))
        assert (image.get("width"), image.get("height"), image.get("class")) == (str(width), "192", kind)


def test_numbers_have_two_decimals_and_no_negative_zero():
    assert canvas._short("translate(1.23456 -0.0001)  rotate(90)") == "translate(1.23 0) rotate(90)"


def test_the_same_figure_is_the_same_text():
    assert canvas.svg(line([1, 3, 2]), "a", "t", "d") == canvas.svg(line([1, 3, 2]), "a", "t", "d")


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
