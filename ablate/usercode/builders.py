"""The user's builders of models: what they are handed, and whether they can take it, seen before anything is run."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ablate.errors import Problem, StudyError, suggest
from ablate.settings.arguments import ARGUMENTS, GIVEN
from ablate.settings.levels import label, plain
from ablate.settings.remedies import PIECES, REMEDIES
from ablate.settings.run import RunSettings
from ablate.usercode import code
from ablate.usercode.code import Signature

KEY = "model.builder"


def handed(settings: RunSettings, names: Iterable[str]) -> dict[str, Any]:
    """The remedies that a builder is called with, and their levels: those that it has a parameter of the name of.

    Args:
        settings: of a treatment.
        names: the builder's parameters.
    """
    taken = set(names)
    return {name: getattr(settings.remedies, name) for name in PIECES if name in taken}


def check(treatments: Iterable[RunSettings], folder: Path) -> None:
    """See that every builder can be called with what its treatments hand to it.

    Args:
        treatments: settings of all treatments.
        folder: of the study.

    Raises:
        StudyError: a builder lacks a parameter for an argument or for a remedy that is used, or wants another one.
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
    for name in (*GIVEN, *arguments):
        if name not in takes.names and not takes.any_name:
            key, what = (KEY, "which every builder is called with") if name in GIVEN else (f"{ARGUMENTS}.{name}", "")
            near = "" if what else suggest(name, [each for each in takes.names if each not in (*GIVEN, *PIECES)])
            message = f"{reference} has no parameter '{name}'" + (f", {what}; add it in {takes.file}" if what else near)
            yield Problem(key, message, value if what else label(arguments[name]))
    for name in takes.required:
        if name not in (*GIVEN, *arguments, *PIECES):
            message = f"wants an argument '{name}'; put it under [{ARGUMENTS}], or give it a default in {takes.file}"
            yield Problem(KEY, message, value)
    for name in PIECES:
        level = plain(getattr(settings.remedies, name))
        if name not in takes.names and level != REMEDIES[name].default:
            message = (
                f"{reference} has no parameter '{name}' to take it; add one in {takes.file} and use it in the model, "
                "or remove the remedy"
            )
            yield Problem(f"{REMEDIES[name].family}.{name}", message, label(level))
