"""What can be wrong with the factors of a study as a whole, seen before anything is made of them."""

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from ablate.errors import Problem
from ablate.settings import document, problems
from ablate.settings.levels import label
from ablate.settings.remedies import REMEDIES
from ablate.studies.factors import Factor
from ablate.studies.file import StudyFile
from ablate.studies.layer_metrics import RUNNING_GAP

MOST_FACTORS = 500
_IS_LOSS = re.compile(r"(^|_)loss(_\d|$)")
MOST_LEVELS = 10_000  # of all factors; every one is trained at least once


def too_many(factors: Sequence[Factor]) -> list[Problem]:
    """What is wrong with the numbers of factors and levels, counted before anything is made of them."""
    varied = [factor for factor in factors if len(factor.levels) > 1]
    levels = sum(len(factor.levels) for factor in varied)
    if len(varied) <= MOST_FACTORS and levels <= MOST_LEVELS:
        return []
    message = (
        f"varies {len(varied):,} factors with {levels:,} levels; {MOST_FACTORS} and {MOST_LEVELS:,} are the most that "
        "one study takes"
    )
    return [Problem("", message)]


def alike(factors: Iterable[Factor]) -> list[Problem]:
    """Levels that are different and look the same in tables."""
    found = []
    for factor in factors:
        first: dict[str, Any] = {}
        for number, (level, text) in enumerate(zip(factor.levels, factor.labels, strict=True)):
            if first.setdefault(text, level) != level:
                message = "looks in tables as another level does; levels should be told apart by what is written"
                key = problems.key_path(["factors", factor.name, number])
                found.append(Problem(key, message, document.value_text(level)))
    return found


def without_a_place(file: StudyFile, factors: Iterable[Factor]) -> list[Problem]:
    """Remedies that are pieces of a layer, wanted by some level, while no model of the study has a place for them.

    What a model of the user's has a place for is seen when it is made: see `training.placement`.
    """
    given = {factor.name: factor.levels for factor in factors}
    if not file.model.hidden:
        return []
    blocks = [*given.get("model.block", [file.model.block]), *given.get("model.input_block", [file.model.input_block])]
    found = []
    for remedy, piece in (("batch_norm", "batch_norm"), ("normalization", "batch_norm"), ("dropout", "dropout")):
        wanted = [level for level in given[remedy] if level != REMEDIES[remedy].default]
        if wanted and not any(piece in block for block in blocks):
            message = f"has no place: neither model.block nor model.input_block holds '{piece}'"
            found.append(Problem(f"{REMEDIES[remedy].family}.{remedy}", message, label(wanted[0])))
    for level in [level for level in given["stochastic_depth"] if level][:1]:
        message = "has no place: hidden layers have no residual additions; a model of yours may, by builder or file"
        found.append(Problem("overfitting.stochastic_depth", message, label(level)))
    return found


def of_another_task(file: StudyFile, factors: Iterable[Factor]) -> list[Problem]:
    """What the study asks for that networks of its task have not; nothing while its task is not known."""
    given = {factor.name: factor.levels for factor in factors}
    losses = given.get("training.loss", (file.training.loss,))
    if file.data.task is None:
        return []
    if file.data.task == "classification":
        message = "is for a number to predict; the loss of classes is cross-entropy: remove the key"
        return [Problem("training.loss", message, label(loss)) for loss in losses if loss is not None] + _no_shares(
            file
        )
    found = [
        Problem("overfitting.label_smoothing", "is for classes, and a regression has none; remove it", label(level))
        for level in given["label_smoothing"]
        if level
    ]
    found += _of_shares(file)
    found += [
        Problem("training.class_weight", "is for classes, and a regression has none; remove it", label(level))
        for level in given.get("training.class_weight", (file.training.class_weight,))
        if level is not False
    ]
    if file.model.logits:
        found.append(Problem("model.logits", "is for classes; a regression ends in one number: remove the key", "true"))
    if any(getattr(level, "stop_when_equal", False) for level in file.overfitting.early_stopping):
        message = "compares accuracies, and a regression has none; use patience or stop_at_gap"
        found.append(Problem("overfitting.early_stopping.stop_when_equal", message, "true"))
    return [*found, *_losses_compared(file, set(losses))]


def _no_shares(file: StudyFile) -> list[Problem]:
    """Gaps to stop at that accuracies cannot have."""
    levels = file.overfitting.early_stopping
    found = []
    for number, level in enumerate(levels):
        gap = getattr(level, "stop_at_gap", None)
        if gap is not None and gap >= 1:
            place = [number] if len(levels) > 1 else []
            key = problems.key_path(["overfitting", "early_stopping", *place, "stop_at_gap"])
            message = "input should be less than 1; for classes the gap is a share"
            found.append(Problem(key, message, document.value_text(gap)))
    return found


def _of_shares(file: StudyFile) -> list[Problem]:
    """Metrics that are made for shares: thresholds of a gap and verdicts on it, and the gap between accuracies."""
    message = "is for accuracies; in a regression take an error such as test_rmse, and the gap as a secondary metric"
    return [
        Problem(key, message, f'"{name}"')
        for key, name in _named_metrics(file)
        if name == RUNNING_GAP or name.startswith("epochs_to_gap") or (key == "study.primary" and name == "gap")
    ]


def _losses_compared(file: StudyFile, losses: AbstractSet[Any]) -> list[Problem]:
    """Metrics that would compare one loss with another: they have different units."""
    if len(losses) < 2:
        return []
    message = "would compare different losses, as training.loss is varied; use an error such as test_rmse or test_mae"
    return [Problem(key, message, f'"{name}"') for key, name in _named_metrics(file) if _IS_LOSS.search(name)]


def _named_metrics(file: StudyFile) -> list[tuple[str, str]]:
    """The metrics that the file names, by their keys."""
    study = file.study
    asked = study.model_fields_set
    named = [("study.primary", study.primary)] if "primary" in asked else []
    secondary = study.secondary if "secondary" in asked else []
    named += [(f"study.secondary[{number}]", name) for number, name in enumerate(secondary)]
    return named + [(f"claim[{number}].metric", claim.metric) for number, claim in enumerate(file.claim)]
