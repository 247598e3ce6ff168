"""What a study varies: factors with their levels, and factors that move together as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ablate.study.levels import label
from ablate.study.remedies import Family


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

    @property
    def labels(self) -> tuple[str, ...]:
        """The levels as tables show them."""
        if self.members:
            return tuple("+".join(labels) for labels in zip(*(part.labels for part in self.members), strict=True))
        return tuple(label(level) for level in self.levels)

    @property
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
    written = list(zip(factor.labels, factor.levels, strict=True))
    kept = [number for number, level in enumerate(written) if level not in written[:number]]
    parts = tuple(
        Factor(part.name, part.path, part.family, tuple(part.levels[number] for number in kept))
        for part in factor.parts
    )
    return link(parts) if factor.members else parts[0]
