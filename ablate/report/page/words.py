"""What the fixed sentences of the page say of a study: of accuracies, or of the error of predicted numbers."""

from dataclasses import dataclass

from ablate.report import wording
from ablate.settings.metrics import USUAL, Measured, describe, lower_is_better


@dataclass(frozen=True)
class Words:
    """Sentences and headings of the page.

    Attributes:
        nav, gap_heading, gap_lead, gap_note: of the section about the gap.
        gap_unit: of its numbers, as text; empty where that is the target's.
        by_treatment: what the table under the figures of the gap holds.
        treatments_lead, treatments_note: of the section about treatments.
        curves_label: what the table under the learning curves holds.
        curves_lead: what to look for in them.
        unit: of the columns of scores, after a comma; may be empty.
        gap_column: the heading of the gap's columns.
        smaller_gap: what a smaller gap is worth.
    """

    nav: str = "Accuracy gap"
    gap_heading: str = "Accuracy gap"
    gap_lead: str = (
        "Look at the distance between training and held-out accuracy: a long bar is overfitting, two low marks are "
        "underfitting."
    )
    gap_note: str = "A smaller gap is no gain where accuracy falls with it: a network that learns nothing has none."
    gap_unit: str = "points"
    by_treatment: str = "Accuracies by treatment"
    treatments_lead: str = (
        "Compare validation accuracy to choose, test accuracy to report, and the gap to see overfitting."
    )
    treatments_note: str = (
        "Accuracies are of the weights that each run kept, in inference mode; the gap is training minus validation "
        "accuracy."
    )
    curves_label: str = "Accuracy by epoch"
    curves_lead: str = "Look at where the two lines part, and whether they still rise when training ends."
    unit: str = ", %"
    gap_column: str = "Gap, points"
    smaller_gap: str = "A smaller gap is no gain where accuracy falls."


def words_of(measured: Measured) -> Words:
    """The words of a study's page."""
    if measured.task == "regression":
        return of_numbers(measured.score)
    return Words() if measured.score == USUAL.score else _of_other_score(measured.score)


def _of_other_score(score: str) -> Words:
    """Those of classes, where treatments are chosen by another score than accuracy."""
    title = describe(score).title
    name = wording.sentence(title)
    return Words(
        nav="Gap",
        gap_heading=f"Gap: {title}",
        gap_lead=(
            f"Look at the distance between training and held-out {title}: a long bar is overfitting, two low marks are "
            "underfitting."
        ),
        gap_note=f"A smaller gap is no gain where the {title} falls with it: a network that learns nothing has none.",
        by_treatment=f"{name} by treatment",
        treatments_lead=(
            f"Compare the {title} in validation to choose, in the test to report, and the gap to see overfitting."
        ),
        treatments_note=(
            f"The columns show the {title} of the weights that each run kept, in inference mode; the gap is training "
            f"minus validation {title}."
        ),
        curves_label=f"{name} by epoch",
        unit=f", {title}, %",
        smaller_gap=f"A smaller gap is no gain where the {title} falls.",
    )


def of_numbers(score: str) -> Words:
    """The words of a regression.

    Args:
        score: the metric that its figures show, as columns have it.
    """
    title, falls = describe(score).title, lower_is_better(f"val_{score}")
    worse, grows, moves = ("high", "grows", "fall") if falls else ("low", "falls", "rise")
    name = wording.sentence(title)
    gap = "validation minus training" if falls else "training minus validation"
    unit = " Errors are in the unit of the target." if describe(score).unit == "target" else ""
    return Words(
        nav="Gap",
        gap_heading=f"Gap: {title}",
        gap_lead=(
            "Look at the distance between training and held-out data: a long bar is overfitting, two "
            f"{worse} marks are underfitting."
        ),
        gap_note=f"A smaller gap is no gain where the {title} {grows} with it: a network that learns nothing has none.",
        gap_unit="",
        by_treatment=f"{name} by treatment",
        treatments_lead="Compare validation to choose, the test to report, and the gap to see overfitting.",
        treatments_note=(
            f"The columns show the {title} of the weights that each run kept, in inference mode; the gap is {gap}."
            f"{unit}"
        ),
        curves_label=f"{name} by epoch",
        curves_lead=f"Look at where the two lines part, and whether they still {moves} when training ends.",
        unit=f", {title}",
        gap_column="Gap",
        smaller_gap=f"A smaller gap is no gain where the {title} {grows}.",
    )
