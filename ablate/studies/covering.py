"""Treatments that have every pair of levels (`design = "pairwise"`), found by a search whose work is bounded."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from allpairspy import AllPairs

from ablate.studies.selection import Choice, Selection

MOST_CALLS = 20_000  # of the library's search, to see whether a part of a treatment is allowed
MOST_LOOKS = 300_000  # at an exclude, in one search
MOST_WORK = 2e7  # pairs that the library's search weighs, about a microsecond each

Partial = Mapping[int, int]  # the level of some factors


class TooHardError(Exception):
    """The search was given up; says why."""


def rows(sizes: Sequence[int], excludes: Sequence[Selection]) -> list[Choice]:
    """The baseline, and treatments that have every pair of levels that some allowed treatment has.

    The library's search can miss pairs where much is excluded; what it missed is completed by backtracking.

    Args:
        sizes: levels of every factor.
        excludes: what no treatment may have.

    Raises:
        TooHardError: there are too many factors with too many levels, or so much is excluded that what is left cannot
            be found.
    """
    baseline = (0,) * len(sizes)
    if len(sizes) < 2:
        return [(level,) for size in sizes for level in range(size)] or [baseline]
    _check_work(sizes)
    found = _searched(sizes, excludes)
    found = [baseline, *(row for row in found if row != baseline)]
    covered = {pair for row in found for pair in _pairs(row)}
    search = _Search(sizes, excludes)
    for one, other in itertools.combinations(range(len(sizes)), 2):
        for pair in itertools.product(range(sizes[one]), range(sizes[other])):
            if ((one, pair[0]), (other, pair[1])) in covered:
                continue
            row = search.complete({one: pair[0], other: pair[1]})
            if row is not None:
                found.append(row)
                covered.update(_pairs(row))
    return found


def _check_work(sizes: Sequence[int]) -> None:
    """See that the library's search ends: for every row it weighs each level with all pairs of those before it."""
    rows = math.prod(sorted(sizes)[-2:]) * (1 + math.log2(len(sizes)) / 2)
    work = rows * sum(size * (place * place / 2 + place + 5) for place, size in enumerate(sizes))
    if work > MOST_WORK:
        raise TooHardError(f"{len(sizes)} factors with up to {max(sizes)} levels are too many to search for pairs")


def _searched(sizes: Sequence[int], excludes: Sequence[Selection]) -> list[Choice]:
    """What the library finds; where it loses its way among the excludes, it is shown further ahead."""
    calls = itertools.count(1)
    most = MOST_CALLS + 10 * len(sizes) * math.prod(sorted(sizes)[-2:])  # a search that never turns back takes a tenth

    def is_allowed(partial: Sequence[int]) -> bool:
        if next(calls) > most:
            raise TooHardError
        return not any(each.is_met_by(partial) for each in excludes)

    try:
        return _library(sizes, is_allowed)
    except TooHardError:
        search = _Search(sizes, excludes)
        return _library(sizes, lambda partial: search.is_open(dict(enumerate(partial))))


def _library(sizes: Sequence[int], allowed: Callable[[Sequence[int]], bool]) -> list[Choice]:
    parameters = [list(range(size)) for size in sizes]
    search = AllPairs(parameters, filter_func=allowed, previously_tested=[[0] * len(sizes)])
    return [tuple(row) for row in search]


def _pairs(row: Choice) -> Iterable[tuple[tuple[int, int], ...]]:
    return itertools.combinations(enumerate(row), 2)


class _Search:
    """A search for allowed treatments that looks ahead, and is given up after `MOST_LOOKS`."""

    def __init__(self, sizes: Sequence[int], excludes: Sequence[Selection]) -> None:
        self._sizes = sizes
        self._excludes = [each.allowed for each in excludes]
        self._looks = 0

    def complete(self, given: Partial) -> Choice | None:
        """An allowed treatment with the given levels, as near to the baseline as can be; `None` if there is none."""
        chosen = dict(given)
        if not self.is_open(chosen):
            return None
        places = [place for place in range(len(self._sizes)) if place not in given]
        at = 0
        while 0 <= at < len(places):
            place = places[at]
            level = chosen.get(place, -1) + 1
            if level == self._sizes[place]:
                del chosen[place]
                at -= 1
                continue
            chosen[place] = level
            if self.is_open(chosen):
                at += 1
        return tuple(chosen[place] for place in range(len(self._sizes))) if at == len(places) else None

    def is_open(self, chosen: Partial) -> bool:
        """Whether some levels may be part of an allowed treatment: no if what they rule out leaves nothing."""
        left = [{chosen[place]} if place in chosen else set(range(size)) for place, size in enumerate(self._sizes)]
        changed = bool(self._excludes)
        while changed:
            changed = False
            self._looks += len(self._excludes)
            if self._looks > MOST_LOOKS:
                raise TooHardError(
                    "the excludes leave so little that it cannot be found; name treatments by [[include]]"
                )
            for levels in self._excludes:
                free = [place for place, excluded in levels.items() if not left[place] <= excluded]
                if not free:
                    return False
                if len(free) == 1 and left[free[0]] & levels[free[0]]:
                    left[free[0]] -= levels[free[0]]
                    changed = True
        return True
