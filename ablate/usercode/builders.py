"""The user's builders of models: what they are handed, and whether they can take it, seen before anything is run."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ablate.errors import Problem, StudyError, suggest
from ablate.settings.arguments import ARGUMENTS, GIVEN
from ablate.settings.levels import label
from ablate.settings.network_levels import DropoutSchedule
from ablate.settings.remedies import LATER, PIECES, is_neutral
from ablate.settings.run import RunSettings
from ablate.usercode import code
from ablate.usercode.code import Signature

KEY = "model.builder"


def handed(settings: RunSettings, names: Iterable[str], required: Iterable[str] = ()) -> dict[str, Any]:
    """The remedies that a builder is called with, and their levels: those that it has a parameter of the name of.

    What older versions did not know is handed over only where it is used, or the builder wants it: a parameter of that
    name may be the builder's own.

    Args:
        settings: of a treatment.
        names: the builder's parameters.
        required: those of them that have no default.
    """
    taken = set(names) - set(settings.model.arguments)
    levels = {name: getattr(settings.remedies, name) for name in PIECES if name in taken}
    wanted = {*required, *(name for name, level in levels.items() if name not in LATER or not is_neutral(name, level))}
    return {name: level for name, level in levels.items() if name in wanted}


def placed(settings: RunSettings, names: Iterable[str]) -> dict[str, Any]:
    """The remedies that are put into a model of the user's, and their levels: used ones that are not `handed` over.

    Args:
        settings: of a treatment whose model is not one of hidden layers.
        names: the builder's parameters; none for a model from a file.
    """
    taken = set(names)
    levels = {name: getattr(settings.remedies, name) for name in PIECES if name not in taken}
    return {name: level for name, level in levels.items() if not is_neutral(name, level)}


def check(treatments: Iterable[RunSettings], folder: Path) -> None:
    """See that every builder can be called with what its treatments hand to it.

    Args:
        treatments: settings of all treatments.
        folder: of the study.

    Raises:
        StudyError: a builder lacks a parameter for an argument, or wants another one.
    """
    known: dict[str, Signature] = {}
    problems: list[Problem] = []
    for settings in treatments:
        reference = settings.model.builder
        if reference is not None:
            if reference not in known:
                known[reference] = code.signature(reference, folder, KEY)
            problems += _problems(settings, reference, known[reference])
    if problems:
        raise StudyError("model", list(dict.fromkeys(problems)))


def _problems(settings: RunSettings, reference: str, takes: Signature) -> Iterable[Problem]:
    value = f'"{reference}"'
    arguments: Mapping[str, Any] = settings.model.arguments
    for name in arguments:
        if name not in takes.names and not takes.any_name:
            near = suggest(name, [each for each in takes.names if each not in (*GIVEN, *PIECES)])
            yield Problem(f"{ARGUMENTS}.{name}", f"{reference} has no parameter '{name}'{near}", label(arguments[name]))
    for name in takes.required:
        if name not in (*GIVEN, *arguments, *PIECES):
            message = f"wants an argument '{name}'; put it under [{ARGUMENTS}], or give it a default in {takes.file}"
            yield Problem(KEY, message, value)
    for name in arguments:
        if name in PIECES and not is_neutral(name, getattr(settings.remedies, name)):
            message = f"is an argument of {reference} and a remedy in this study; give one of the two another name"
            yield Problem(f"{ARGUMENTS}.{name}", message, label(arguments[name]))
    if "dropout" in takes.names and isinstance(settings.remedies.dropout, DropoutSchedule):
        message = f"{reference} has a parameter 'dropout', which takes a number; a schedule goes without it"
        yield Problem("overfitting.dropout", message, label(settings.remedies.dropout))
