"""The figure of predicted against true numbers: what records keep, and to which side predictions are off."""

import numpy as np

from ablate.report.figures import predicted
from ablate.results.held_out import HeldOut
from tests.invented import NUMBER
from tests.results.builders import record


def kept(true, guessed):
    return [record(held_out=HeldOut(numbers=(tuple(true), tuple(guessed))))]


def test_records_without_predictions_have_no_figure(make):
    assert predicted.figure({"baseline": list(make().records.values())}) is None
    assert predicted.figure({"baseline": []}) is None


def test_the_baseline_stands_beside_the_best(make):
    records = list(make(data=NUMBER).records.values())
    picture = predicted.figure({"baseline": records[:3], "dropout=0.5": records[3:5]})
    assert picture is not None
    assert ">baseline<" in picture.markup
    assert ">dropout=0.5<" in picture.markup
    assert picture.markup.startswith("<svg")


def test_it_says_how_far_off_and_to_which_side():
    true = np.arange(100.0)
    towards_the_mean = true + (50 - true) * 0.2
    picture = predicted.figure({"baseline": kept(true, towards_the_mean)})
    assert picture is not None
    assert picture.description == (
        "baseline is 5.00 off on average: 9.10 too high for the lowest tenth and 8.90 too low for the highest tenth of "
        "these examples."
    )
    assert "drawn" not in picture.note


def test_many_dots_are_thinned_over_the_whole_scale():
    true = np.linspace(0, 1, 900)
    picture = predicted.figure({"baseline": kept(true, true + 0.01)})
    assert picture is not None
    assert "At most 220 of 900 dots are drawn" in picture.note
    assert picture.markup.startswith("<svg")
