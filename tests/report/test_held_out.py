"""What the page says of the answers to the test set."""

from dataclasses import replace

import numpy as np
import pytest

from ablate.report import held_out
from ablate.report.held_out import Answers
from ablate.results.held_out import HeldOut
from ablate.results.snapshot import Snapshot

BINS = np.zeros((3, 15))


def answers(confusion, classes=("runs", "fails"), treatment="baseline"):
    return Answers(treatment, 2, classes, np.array(confusion), BINS)


def test_two_classes_are_told_of_by_the_one_that_the_study_asks_about():
    (said,) = held_out.in_words([answers([[90, 10], [3, 9]])], "fails")
    assert said == (
        "baseline: of 100 examples of class “fails” in the test set, 75.0 are found, and of 100 examples that are "
        "called “fails”, 47.4 are. Of 100 examples of class “runs”, 10.0 are taken for “fails”."
    )
    (other,) = held_out.in_words([answers([[90, 10], [3, 9]])], "runs")
    assert "of class “runs” in the test set, 90.0 are found" in other
    assert held_out.in_words([answers([[90, 10], [3, 9]])], None) == [said]
    (numbers,) = held_out.in_words([answers([[90, 10], [3, 9]], ("0.0", "1.0"))], 0)
    assert "of class “0.0” in the test set" in numbers


def test_a_network_that_knows_one_class_is_told_of_in_words():
    (said,) = held_out.in_words([answers([[100, 0], [12, 0]])], "fails")
    assert (
        said
        == "baseline: of 100 examples of class “fails” in the test set, 0 are found; every example is taken for “runs”."
    )


def test_of_several_classes_the_ones_most_often_mistaken_are_told():
    confusion = [[9, 1, 0], [0, 10, 0], [4, 2, 4]]
    (said,) = held_out.in_words([answers(confusion, ("a", "b", "c"))], None)
    assert (
        said == "baseline: most often mistaken are “c” for “a” (4 of 10), “c” for “b” (2 of 10), “a” for “b” (1 of 10)."
    )
    (perfect,) = held_out.in_words([answers(np.diag([5, 5, 5]), ("a", "b", "c"))], None)
    assert perfect == "baseline: every example of the test set is answered rightly."


def test_rows_say_how_well_each_class_is_found():
    rows = held_out.class_rows([answers([[90, 10], [3, 9]]), answers([[100, 0], [12, 0]], treatment="other")])
    assert [(row.treatment, row.name, row.examples, row.found, row.called, row.right) for row in rows] == [
        ("baseline", "runs", "100", "90.0", "93", "96.8"),
        ("baseline", "fails", "12", "75.0", "19", "47.4"),
        ("other", "runs", "100", "100.0", "112", "89.3"),
        ("other", "fails", "12", "0.0", "0", "–"),
    ]


@pytest.fixture
def measured(make) -> Snapshot:
    """An invented study whose records hold answers: those of seed 1 are ((1, 2), (3, 4)), of seed 2 twice that, ..."""
    snapshot = make()
    bins = (tuple(range(15)), (0.5,) * 15, (1.0,) * 15)

    def with_answers(record):
        own = tuple(tuple(count * record.seed for count in row) for row in ((1, 2), (3, 4)))
        return replace(record, held_out=HeldOut(("no", "yes"), own, bins))

    return replace(snapshot, records={key: with_answers(record) for key, record in snapshot.records.items()})


def test_answers_of_a_treatments_runs_are_added_up(measured):
    base, best = held_out.collect(measured, "dropout=0.5")
    seeds = sum(measured.study.seeds)
    assert (base.treatment, best.treatment, base.runs) == ("baseline", "dropout=0.5", len(measured.study.seeds))
    assert base.confusion.tolist() == [[seeds, 2 * seeds], [3 * seeds, 4 * seeds]]
    assert base.calibration[1].sum() == 0.5 * 15 * base.runs
    assert base.found(1) == pytest.approx(4 / 7)
    assert base.right(1) == pytest.approx(4 / 6)


def test_the_baseline_stands_alone_where_it_is_the_best_or_nothing_is(measured):
    assert [each.treatment for each in held_out.collect(measured, "baseline")] == ["baseline"]
    assert [each.treatment for each in held_out.collect(measured, None)] == ["baseline"]


def test_records_without_answers_say_nothing(make):
    assert held_out.collect(make(), "dropout=0.5") == []
