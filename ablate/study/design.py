"""From a study to its treatments: which levels go together, counted before they are made."""

import contextlib
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ablate.errors import Problem, StudyError
from ablate.study.levels import label
from ablate.study.problems import suggest
from ablate.study.settings import RunSettings
from ablate.study.spec import Factor, Study


@dataclass(frozen=True)
class Treatment:
    """One level per factor.

    Attributes:
        levels: the label of each factor's level, by the factor's name.
        settings: what a run of it is trained with.
        changed: the factors that are not at their baseline.
    """

    levels: Mapping[str, str]
    settings: RunSettings
    changed: tuple[str, ...]

    @property
    def name(self) -> str:
        """What figures and tables call it: `baseline`, or the levels that differ from it."""
        return ", ".join(f"{factor}={self.levels[factor]}" for factor in self.changed) or "baseline"


def count(study: Study) -> int:
    """The number of treatments, without making them."""
    sizes = [len(factor.levels) for factor in study.factors]
    return math.prod(sizes) if study.design == "grid" else 1 + sum(size - 1 for size in sizes)


def treatments(study: Study, max_runs: int = 10_000) -> list[Treatment]:
    """The treatments of a study, the baseline first.

    Args:
        study: what is varied, and by which design.
        max_runs: refuse a study with more runs (treatments times replicates) than this.

    Raises:
        StudyError: there are too many runs, or levels that the design combines do not go together.
    """
    runs = count(study) * len(study.seeds)
    if runs > max_runs:
        message = (
            f"{runs:,} runs ({count(study):,} treatments x {len(study.seeds):,} replicates), more than the "
            f"{max_runs:,} allowed; use fewer levels, design = 'one-at-a-time', or raise --max-runs"
        )
        raise StudyError(study.source, [Problem("study.design", message, f'"{study.design}"')])
    return [_treatment(study, levels) for levels in _combinations(study)]


def select(treatments: Sequence[Treatment], study: Study, only: Iterable[str]) -> list[Treatment]:
    """The treatments that have the given levels.

    Args:
        treatments: all treatments of the study.
        study: where the names of factors and levels come from.
        only: `factor=level` texts. Levels of one factor add up, different factors narrow down.

    Raises:
        StudyError: a factor or level does not exist.
    """
    wanted: dict[str, set[str]] = {}
    for text in only:
        name, _, level = text.partition("=")
        factor = next((factor for factor in study.factors if factor.name == name.strip()), None)
        if factor is None:
            names = [factor.name for factor in study.factors]
            raise StudyError("--only", [Problem("", f"{text!r}: no factor {name!r} here{suggest(name, names)}")])
        wanted.setdefault(factor.name, set()).add(_find_level(factor, level.strip(), text))
    return [
        treatment
        for treatment in treatments
        if all(treatment.levels[name] in labels for name, labels in wanted.items())
    ]


def _find_level(factor: Factor, level: str, text: str) -> str:
    if level not in factor.labels:
        with contextlib.suppress(ValueError):
            level = label(float(level))
    if level not in factor.labels:
        message = f"{text!r}: {factor.name} has no level {level!r}{suggest(level, factor.labels)}"
        raise StudyError("--only", [Problem("", message)])
    return level


def _combinations(study: Study) -> Iterator[dict[str, Any]]:
    """The levels of each treatment, by factor."""
    baseline = {factor.name: factor.levels[0] for factor in study.factors}
    if study.design == "grid":
        for levels in itertools.product(*(factor.levels for factor in study.factors)):
            yield dict(zip(baseline, levels, strict=True))
        return
    yield baseline
    for factor in study.factors:
        for level in factor.levels[1:]:
            yield {**baseline, factor.name: level}


def _treatment(study: Study, levels: Mapping[str, Any]) -> Treatment:
    changed = tuple(factor.name for factor in study.factors if levels[factor.name] != factor.levels[0])
    labels = {name: label(level) for name, level in levels.items()}
    return Treatment(labels, study.settings(levels), changed)
