"""The words of the page, explained for a reader who meets them for the first time."""

from collections.abc import Iterable
from dataclasses import dataclass

from ablate.report import wording
from ablate.settings.metrics import USUAL, Measured
from ablate.settings.remedies import REMEDIES
from ablate.settings.thresholds import Thresholds
from ablate.tables.targets import Task


@dataclass(frozen=True)
class Term:
    """An entry of the glossary."""

    name: str
    text: str


_GAP: dict[Task, str] = {
    "classification": "Training accuracy minus held-out (validation) accuracy",
    "regression": "How much worse the primary metric is on held-out (validation) data than in training, in its unit,",
}
_STAY: dict[Task, str] = {"classification": "accuracies stay low", "regression": "errors stay high"}
_PLACED: dict[Task, str] = {
    "classification": "; a test set of 1,000 examples places an accuracy of 95% within about 1.4 points",
    "regression": "",
}

_OF_NUMBERS = [
    Term("mean absolute error (MAE)", "By how much predictions are off on average, in the unit of the target."),
    Term(
        "root mean squared error (RMSE)",
        "The same where large errors count for more: the root of the mean of their squares, in the unit of the target.",
    ),
    Term(
        "R²",
        "The share of the variance that is explained: 1 is perfect, 0 as good as always predicting the mean, and below "
        "0 worse than that.",
    ),
]


def terms(factors: Iterable[str], thresholds: Thresholds, measured: Measured = USUAL) -> list[Term]:
    """The words that the page uses, and every remedy that the study varies."""
    found = [
        Term(
            "generalization gap",
            f"{_GAP[measured.task]} of the same weights, both in inference mode: "
            "without dropout and with the running statistics of batch normalization. A run's gap is that of the "
            "weights that it kept.",
        ),
        Term("underfitting", f"The network does not even learn its training examples; both {_STAY[measured.task]}."),
        Term("overfitting", "It learns the training examples but not what they have in common; the gap is wide."),
        Term("factor, level, treatment", "What is varied, one value of it, and one level for every factor together."),
        Term("baseline", "The treatment of all first levels, which every effect is measured against."),
        Term(
            "replicate",
            "A repeat with its own seed. Treatments of one replicate share initial weights, batch order and data "
            "split wherever they can, so that their difference shows the treatment and not luck.",
        ),
        Term(
            "95% interval",
            "A range computed from the replicates that would cover the true mean difference in 95 of 100 such "
            "studies with the same test set. If it contains zero, the direction is open. Another test set would move "
            f"all figures a little{_PLACED[measured.task]}.",
        ),
        Term(
            "adjusted p",
            "The probability of a difference this large by luck alone, made stricter (Holm's method) because the "
            "study asks about several levels at once. A verdict needs it below 0.05.",
        ),
        Term(
            "BCa interval, sign flips",
            "The same question asked with fewer assumptions: an interval from resampled replicates (bootstrap, bias-"
            "corrected and accelerated), and a p-value from giving the differences random signs. With n replicates the "
            "latter cannot be below 2 to the power of 1 - n.",
        ),
        Term(
            "winner's curse",
            "The best of several treatments owes its place partly to luck, so its score is too good. Fresh seeds, "
            "which did not choose it, show what remains.",
        ),
        Term(
            "interaction",
            "What two remedies do together beyond the sum of what each does: synergistic if it is for the better, "
            "antagonistic if not.",
        ),
        Term(
            "Shapley value",
            "A remedy's fair share of what all remedies bring together: what it adds, averaged over all orders in "
            "which they could be added.",
        ),
        Term(
            "Kaplan–Meier",
            "An estimate of how long something takes that does not leave out the runs in which it never happened.",
        ),
    ]
    found += _OF_NUMBERS if measured.task == "regression" else []
    found += [
        Term(f"{remedy.title} ({name})", f"A remedy for {remedy.family}. {remedy.explanation}")
        for name, remedy in REMEDIES.items()
        if name in {part for factor in factors for part in factor.split("+")}
    ]
    return found + [
        Term(name, f"Diagnosis: {meaning}.") for name, meaning in wording.diagnoses(thresholds, measured).items()
    ]
