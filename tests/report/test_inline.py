"""What a notebook shows of results."""

from xml.etree import ElementTree as ET

from ablate.report import inline
from ablate.report.findings import Findings


def test_the_answer_two_figures_and_the_effects_are_shown(make):
    html = inline.render(Findings(make()))
    assert html.startswith("<p><b>invented</b>: 18 of 18 runs finished</p><p>batch_norm=true does best")
    assert html.count("<svg") == html.count("<figure>") == 2
    assert html.count("<table") == 1
    ET.fromstring(f"<div>{html.replace('&nbsp;', ' ')}</div>")


def test_without_a_finished_run_it_says_so(make):
    assert inline.render(Findings(make(finished=0))) == "<p><b>invented</b>: 0 of 18 runs finished</p>"


def test_names_are_no_markup(make):
    html = inline.render(Findings(make(study={"name": "a_b"}, factors={"training.epochs": [6, 3]})))
    assert "<script" not in html
