"""What a study varies: factors with their levels, and factors that move together as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ablate.settings.levels import label
from ablate.settings.remedies import Family


@dataclass(frozen=True)
class Factor:
    """Something that a study varies.

    Attributes:
        name: what tables and `--only` call it: a remedy's name, else the dotted path; of a linked group the names
            of its members joined by `+`.
        path: section and key of its level in the settings of a run; empty for a linked group.
        family: the remedy family; `None` for factors of `[factors]` and for groups of several families.
        levels: plain values, the first being the baseline; of a linked group a tuple of its members' levels.
        members: of a linked group, the factors that move together, with as many levels each.
    """

    name: str
    path: tuple[str, ...]
    family: Family | None
    levels: tuple[Any, ...]
    members: tuple["Factor", ...] = ()

    @property
    def parts(self) -> tuple["Factor", ...]:
        """The members of a linked group; a factor by itself is its only part."""
        return self.members or (self,)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The levels as tables show them."""
        if self.members:
            return tuple("+".join(labels) for labels in zip(*(part.labels for part in self.members), strict=True))
        return tuple(label(level) for level in self.levels)

    @cached_property
    def places(self) -> dict[Any, list[int]]:
        """Where each plain level stands: a number or a text, or a table of a name alone, which a text may stand for."""
        found: dict[Any, list[int]] = {}
        for number, level in enumerate(self.levels):
            if isinstance(level, int | float | str):
                found.setdefault(level, []).append(number)
        return found

    @cached_property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """The labels of its parts and, for a linked group, of the group itself, level by level."""
        return {part.name: part.labels for part in (*self.members, self)}


def link(members: Sequence[Factor]) -> Factor:
    """Several factors as one; they need as many levels each."""
    families = {member.family for member in members}
    family = families.pop() if len(families) == 1 else None
    levels = tuple(zip(*(member.levels for member in members), strict=True))
    return Factor("+".join(member.name for member in members), (), family, levels, tuple(members))


def without_repetitions(factor: Factor) -> Factor:
    """The factor with each level once, where it stands first; `true` is not 1."""
    places: dict[str, list[int]] = {}  # of levels with one label, the few that may be equal
    kept: list[int] = []
    for number, (text, level) in enumerate(zip(factor.labels, factor.levels, strict=True)):
        alike = places.setdefault(text, [])
        if not any(factor.levels[other] == level for other in alike):
            alike.append(number)
            kept.append(number)
    parts = tuple(
        Factor(part.name, part.path, part.family, tuple(part.levels[number] for number in kept))
        for part in factor.parts
    )
    return link(parts) if factor.members else parts[0]
