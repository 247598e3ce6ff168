"""The heat map of interactions."""

from ablate.analysis import factorial
from ablate.report import wording
from ablate.report.figures import interactions


def test_interactions_are_drawn_with_the_strongest_named(make):
    crossed = make(study={"name": "crossed", "design": "grid", "replicates": 6})
    table = factorial.interactions(factorial.grid(crossed.runs, crossed.levels, "test_accuracy"))
    picture = interactions.figure(table)
    assert "The strongest is that of batch_norm=true with dropout=0.5" in picture.description
    assert wording.signed(table["mean"][0], "test_accuracy") in picture.markup
