"""What can be wrong with the factors of a study as a whole, seen before anything is made of them."""

from collections.abc import Iterable, Sequence
from typing import Any

from ablate.errors import Problem
from ablate.settings import document, problems
from ablate.settings.levels import label
from ablate.settings.remedies import PIECES, REMEDIES
from ablate.studies.factors import Factor
from ablate.studies.file import StudyFile

MOST_FACTORS = 500
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

    What a builder has a place for is seen when its code is read: see `study.builders`.
    """
    given = {factor.name: factor.levels for factor in factors}
    if file.model.file:
        return [
            Problem(
                f"{REMEDIES[piece].family}.{piece}", "has no place: a model from a file has its layers", label(level)
            )
            for piece in PIECES
            for level in given[piece]
            if level != REMEDIES[piece].default
        ]
    if file.model.builder:
        return []
    blocks = [*given.get("model.block", [file.model.block]), *given.get("model.input_block", [file.model.input_block])]
    found = []
    for piece in ("batch_norm", "dropout"):
        wanted = [level for level in given[piece] if level != REMEDIES[piece].default]
        if wanted and not any(piece in block for block in blocks):
            message = f"has no place: neither model.block nor model.input_block holds '{piece}'"
            found.append(Problem(f"{REMEDIES[piece].family}.{piece}", message, label(wanted[0])))
    return found
