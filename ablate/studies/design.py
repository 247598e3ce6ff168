"""From a study to its treatments: which levels go together, counted before they are made."""

import contextlib
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ablate.errors import Problem, StudyError, suggest
from ablate.settings.equivalence import essence
from ablate.settings.levels import label
from ablate.settings.run import RunSettings
from ablate.studies import covering
from ablate.studies.file import Claim
from ablate.studies.layer_metrics import layer_metric
from ablate.studies.selection import Choice, Selection
from ablate.studies.spec import Study

DEFAULT_MAX_RUNS = 10_000
MOST_RUNS_SHOWN = 100_000  # of a study whose results are read; what was run with a larger --max-runs


@dataclass(frozen=True)
class Treatment:
    """One level per factor.

    Attributes:
        levels: the label of each factor's level, by the factor's name; linked groups beside their members.
        settings: what a run of it is trained with.
        changed: the factors, linked ones as one, that are not at their baseline.
    """

    levels: Mapping[str, str]
    settings: RunSettings
    changed: tuple[str, ...]

    @property
    def name(self) -> str:
        """What figures and tables call it: `baseline`, or the levels that differ from it."""
        return ", ".join(f"{factor}={self.levels[factor]}" for factor in self.changed) or "baseline"


@dataclass(frozen=True)
class Expansion:
    """The treatments of a study.

    Attributes:
        treatments: the baseline first; those that can only train identically have equal settings.
        warnings: what the study asks for in vain, or twice.
    """

    treatments: tuple[Treatment, ...]
    warnings: tuple[str, ...]


def count(study: Study) -> int:
    """The number of treatments before any is excluded or merged; of a pairwise design, at least as many as needed."""
    sizes = [len(factor.levels) for factor in study.factors]
    match study.design:
        case "grid":
            designed = math.prod(sizes)
        case "one-at-a-time":
            designed = 1 + sum(size - 1 for size in sizes)
        case "leave-one-out":
            designed = 2 + len(sizes)
        case "pairwise":
            designed = 1 + sum(one * other for one, other in itertools.combinations(sizes, 2)) + sum(sizes)
        case "listed":
            designed = 1
    return designed + len(study.includes)


def fewest(study: Study) -> int:
    """The least number of treatments that the design can have before any is excluded, without making them."""
    sizes = sorted(len(factor.levels) for factor in study.factors)
    return math.prod(sizes[-2:]) + len(study.includes) if study.design == "pairwise" else count(study)


def expand(study: Study, max_runs: int = DEFAULT_MAX_RUNS) -> Expansion:
    """The treatments of a study.

    Args:
        study: what is varied, and by which design.
        max_runs: refuse a study with more runs (treatments times replicates) than this.

    Raises:
        StudyError: there are too many runs, levels that the design combines do not go together, an exclude matches
            the baseline (or a design's other corner), or a claim compares runs that this design does not have.
    """
    _check_size(study, fewest(study), max_runs)
    _check_corners(study)
    warnings = list(study.notes)
    choices = list(dict.fromkeys(_designed(study)))
    _check_size(study, len(choices), max_runs)
    choices = _without_excluded(study, choices, warnings)
    there = set(choices)
    for number, table in enumerate(study.includes):
        choice = study.choose(table, f"include[{number}]")
        if choice in there:
            warnings.append(f"include[{number}]: that treatment is in the design already")
        else:
            there.add(choice)
            choices.append(choice)
    _check_claims(study, choices)
    return Expansion(tuple(_treatments(study, choices, warnings)), tuple(warnings))


def treatments(study: Study, max_runs: int = DEFAULT_MAX_RUNS) -> list[Treatment]:
    """The treatments alone; see `expand`."""
    return list(expand(study, max_runs).treatments)


def select(treatments: Sequence[Treatment], study: Study, only: Iterable[str]) -> list[Treatment]:
    """The treatments that have the given levels.

    Args:
        treatments: all treatments of the study.
        study: where the names of factors and levels come from.
        only: `factor=level` texts. Levels of one factor add up, different factors narrow down.

    Raises:
        StudyError: a factor or level does not exist.
    """
    columns = {name: labels for factor in study.factors for name, labels in factor.columns.items()}
    wanted: dict[str, set[str]] = {}
    for text in only:
        name, _, level = text.partition("=")
        if name.strip() not in columns:
            raise StudyError("--only", [Problem("", f"{text!r}: no factor {name!r} here{suggest(name, columns)}")])
        labels = columns[name.strip()]
        wanted.setdefault(name.strip(), set()).add(_find_level(labels, level.strip(), text))
    return [
        treatment
        for treatment in treatments
        if all(treatment.levels[name] in labels for name, labels in wanted.items())
    ]


def _find_level(labels: Sequence[str], level: str, text: str) -> str:
    if level not in labels:
        with contextlib.suppress(ValueError):
            level = label(float(level))
    if level not in labels:
        message = f"{text!r}: {text.partition('=')[0].strip()} has no level {level!r}{suggest(level, labels)}"
        raise StudyError("--only", [Problem("", message)])
    return level


def _check_size(study: Study, treatments: int, max_runs: int) -> None:
    runs = treatments * len(study.seeds)
    if runs > max_runs:
        at_least = "at least " if study.design == "pairwise" else ""
        way = "" if max_runs >= MOST_RUNS_SHOWN else ", or raise --max-runs"  # which only commands that train have
        message = (
            f"{at_least}{runs:,} runs ({treatments:,} treatments x {len(study.seeds):,} replicates), more than the "
            f"{max_runs:,} allowed; use fewer levels or replicates, or design = 'one-at-a-time'{way}"
        )
        raise study.error([Problem("study.design", message, f'"{study.design}"')])


def _designed(study: Study) -> Iterator[Choice]:
    """The treatments of the design, the baseline first."""
    sizes = [len(factor.levels) for factor in study.factors]
    baseline = (0,) * len(sizes)
    match study.design:
        case "grid":
            yield from itertools.product(*map(range, sizes))
        case "one-at-a-time":
            yield baseline
            for place, size in enumerate(sizes):
                yield from (_with(baseline, place, level) for level in range(1, size))
        case "leave-one-out":
            yield baseline
            full = everything_on(study)
            yield full
            yield from (_with(full, place, 0) for place in range(len(sizes)) if full[place])
        case "pairwise":
            yield from _covering(study, sizes)
        case "listed":
            yield baseline


def everything_on(study: Study) -> Choice:
    """The treatment that leave-one-out takes factors away from: the levels of `full`, else the second ones."""
    named = study.select(study.full, "study.full").allowed
    chosen = study.choose(study.full, "study.full")
    return tuple(chosen[place] if place in named else 1 for place in range(len(study.factors)))


def _with(choice: Choice, place: int, level: int) -> Choice:
    return (*choice[:place], level, *choice[place + 1 :])


def _covering(study: Study, sizes: Sequence[int]) -> list[Choice]:
    try:
        return covering.rows(sizes, list(_excludes(study).values()))
    except covering.TooHardError as error:
        raise study.error([Problem("study.design", str(error), f'"{study.design}"')]) from None


def _check_corners(study: Study) -> None:
    """See that the excludes leave in what every effect is compared with."""
    corners = [((0,) * len(study.factors), "the baseline")]
    if study.design == "leave-one-out":
        corners.append((everything_on(study), "the treatment with everything on"))
    found = [
        Problem(key, f"matches {what}, which every effect is compared with")
        for key, selection in _excludes(study).items()
        for corner, what in corners
        if selection.matches(corner)
    ]
    if found:
        raise study.error(found)


def _excludes(study: Study) -> dict[str, Selection]:
    keys = (f"exclude[{number}]" for number in range(len(study.excludes)))
    return {key: study.select(table, key) for key, table in zip(keys, study.excludes, strict=True)}


def _without_excluded(study: Study, choices: list[Choice], warnings: list[str]) -> list[Choice]:
    for key, selection in _excludes(study).items():
        kept = [choice for choice in choices if not selection.matches(choice)]
        if len(kept) == len(choices) and study.design != "pairwise":  # whose search has left them out
            warnings.append(f"{key} matches no treatment of this design")
        choices = kept
    if study.design == "leave-one-out":
        unused = [factor.name for factor in study.factors if len(factor.levels) > 2]
        if unused:
            warnings.append(f"leave-one-out uses two levels of a factor; unused are the others of {', '.join(unused)}")
    return choices


def _check_claims(study: Study, choices: Sequence[Choice]) -> None:
    found = []
    for number, claim in enumerate(study.claims):
        if not _has_layer(study, claim, number, choices):
            message = "no treatment of the claim has this layer"
            found.append(Problem(f"claim[{number}].metric", message, f'"{claim.metric}"'))
        if not _has_runs(study, claim, number, choices):
            if claim.against is None:
                what = "has no treatment"
            elif claim.against == claim.treatment:
                what = "compares a treatment with itself: treatment and against are the same"
            else:
                what = "compares no two treatments of this design that are equal in every factor that it does not name"
            found.append(Problem(f"claim[{number}]", what, f'"{claim.says}"'))
    if found:
        raise study.error(found)


def _has_runs(study: Study, claim: Claim, number: int, choices: Sequence[Choice]) -> bool:
    """Whether a claim has a treatment and, if it compares two, a pair that differs in nothing it does not name."""
    first = study.select(claim.treatment, f"claim[{number}].treatment")
    matching = [choice for choice in choices if first.matches(choice)]
    if claim.against is None:
        return bool(matching)
    second = study.select(claim.against, f"claim[{number}].against")
    named = first.allowed.keys() | second.allowed.keys()
    if not named:
        return False

    def rest(choice: Choice) -> Choice:
        return tuple(level for place, level in enumerate(choice) if place not in named)

    others = {rest(choice) for choice in choices if second.matches(choice) and not first.matches(choice)}
    return any(rest(choice) in others for choice in matching)


def _has_layer(study: Study, claim: Claim, number: int, choices: Sequence[Choice]) -> bool:
    """Whether a network that a claim is about has the layer that it names, if it names one."""
    metric = layer_metric(claim.metric)
    if metric is None:
        return True
    side = study.select(claim.treatment, f"claim[{number}].treatment")
    matching = [choice for choice in choices if side.matches(choice)]
    return not matching or any(metric.is_in(study.settings(_levels(study, choice)).model) for choice in matching)


def _levels(study: Study, choice: Choice) -> dict[str, Any]:
    """The levels of a choice, by factor."""
    return {factor.name: factor.levels[level] for factor, level in zip(study.factors, choice, strict=True)}


def _treatments(study: Study, choices: Iterable[Choice], warnings: list[str]) -> Iterator[Treatment]:
    """Treatments of choices; those that can only train identically get the settings of the first of them."""
    first: dict[str, Treatment] = {}
    for choice in choices:
        labels = {
            name: column[level]
            for factor, level in zip(study.factors, choice, strict=True)
            for name, column in factor.columns.items()
        }
        changed = tuple(factor.name for factor, level in zip(study.factors, choice, strict=True) if level)
        settings = study.settings(_levels(study, choice))
        treatment = Treatment(labels, settings, changed)
        same = first.setdefault(repr(essence(settings)), treatment)
        if same is not treatment:
            warnings.append(
                f"{treatment.name} can only train as {same.name} does: trained once, shown under both names"
            )
            treatment = Treatment(labels, same.settings, changed)
        yield treatment
