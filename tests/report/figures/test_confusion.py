"""The figure of confusion matrices."""

import re

import numpy as np

from ablate.report.figures import confusion
from ablate.report.held_out import Answers

BINS = np.zeros((3, 15))


def texts(markup):
    return re.findall(r">([^<>]+)</text>", markup)


def test_cells_hold_the_share_of_their_row_and_the_count():
    drawn = confusion.figure(
        [
            Answers("baseline", 2, ("no", "yes"), np.array([[90, 10], [3, 9]]), BINS),
            Answers("dropout=0.5", 2, ("no", "yes"), np.array([[100, 0], [12, 0]]), BINS),
        ]
    )
    shown = " ".join(texts(drawn.markup))
    for text in ("90.0", "10.0", "25.0", "75.0", "100.0"):
        assert text in shown
    assert drawn.description == (
        "baseline finds 75.0% of “yes”, the class that it finds least of; "
        "dropout=0.5 finds 0.0% of “yes”, the class that it finds least of."
    )
    assert "added up over 2 runs each" in drawn.note
    assert drawn.markup.startswith("<svg")


def test_many_classes_have_colours_without_numbers_and_names():
    classes = tuple(f"class {number}" for number in range(60))
    drawn = confusion.figure([Answers("baseline", 1, classes, np.eye(60, dtype=int), BINS)])
    assert "class 3" not in drawn.markup
    assert "In the cells" not in drawn.note


def test_names_are_text_and_no_markup():
    drawn = confusion.figure([Answers("<b>", 1, ("<i>", "$x$"), np.eye(2, dtype=int), BINS)])
    assert "<i>" not in drawn.markup
    assert "&lt;i&gt;" in drawn.markup
