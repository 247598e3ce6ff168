"""Tables that name levels (`[[exclude]]`, `[[include]]`, `full`, claims), matched with the levels of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ablate.errors import Problem, suggest
from ablate.settings.document import value_text
from ablate.settings.levels import label
from ablate.settings.remedies import REMEDIES
from ablate.studies.factors import Factor

Choice = tuple[int, ...]  # the position of one level per factor: a treatment


@dataclass(frozen=True)
class Selection:
    """Treatments with certain levels.

    Attributes:
        allowed: by the position of a factor, the positions of its levels that match.
    """

    allowed: Mapping[int, frozenset[int]]

    def matches(self, choice: Choice) -> bool:
        """Whether a treatment has one of the levels asked for of every factor."""
        return all(choice[factor] in levels for factor, levels in self.allowed.items())

    def is_met_by(self, partial: Sequence[int]) -> bool:
        """Whether the levels of the first factors suffice to match, whatever the others are."""
        known = len(partial)
        return all(factor < known and partial[factor] in levels for factor, levels in self.allowed.items())


class SelectionError(Exception):
    """A table names what is not there."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__()
        self.problems = tuple(problems)


def select(factors: Sequence[Factor], settings: Mapping[str, Any], table: Mapping[str, Any], key: str) -> Selection:
    """The treatments that a table matches.

    A bare name matches a level of that name whatever its arguments, a table matches exactly.

    Args:
        factors: of the study, linked groups as one.
        settings: the value of every field that is not varied, by its name as a factor.
        table: a level, or its label, by factor.
        key: where the table stands, for errors.

    Raises:
        SelectionError: a factor or level does not exist.
    """
    allowed: dict[int, frozenset[int]] = {}
    found: list[Problem] = []
    for name, value in table.items():
        place = next((number for number, each in enumerate(factors) if name in each.columns), None)
        if place is None and name not in settings:
            names = [each for factor in factors for each in factor.columns]
            found.append(Problem(f"{key}.{_quoted(name)}", f"is no factor{suggest(name, names)}", value_text(value)))
            continue
        factor = Factor(name, (), None, (settings[name],)) if place is None else _part(factors[place], name)
        matching = frozenset(_matching(factor, value))
        if not matching:
            given = value if isinstance(value, str) else label(value)
            message = f"{name} has no such level{suggest(given, factor.labels)}"
            found.append(Problem(f"{key}.{_quoted(name)}", message, value_text(value)))
        elif place is not None:
            allowed[place] = matching & allowed.get(place, matching)
    if found:
        raise SelectionError(found)
    if any(not levels for levels in allowed.values()):
        raise SelectionError([Problem(key, "names levels of linked factors that do not go together")])
    return Selection(allowed)


def choose(factors: Sequence[Factor], settings: Mapping[str, Any], table: Mapping[str, Any], key: str) -> Choice:
    """The one treatment that a table names; factors that it leaves out are at their baseline.

    Raises:
        SelectionError: a factor or level does not exist, or a bare name fits several levels.
    """
    selection = select(factors, settings, table, key)
    choice, found = [0] * len(factors), []
    for place, matching in selection.allowed.items():
        names = [name for name in factors[place].columns if name in table]
        exact = [number for number in matching if all(_is_exact(factors[place], n, number, table[n]) for n in names)]
        candidates = exact or sorted(matching)
        if len(candidates) > 1:
            labels = ", ".join(factors[place].labels[number] for number in candidates)
            found.append(Problem(f"{key}.{_quoted(names[0])}", f"fits several levels: {labels}; write one of these"))
        choice[place] = candidates[0]
    if found:
        raise SelectionError(found)
    return tuple(choice)


def _matching(factor: Factor, value: Any) -> list[int]:
    wanted = _as_level(factor, value)
    exact = [
        number for number in _candidates(factor, wanted) if _same(_as_level(factor, factor.levels[number]), wanted)
    ]
    if isinstance(value, str):
        named = [n for n, level in enumerate(factor.levels) if isinstance(level, dict) and level.get("name") == value]
        labelled = [number for number, text in enumerate(factor.labels) if text == value]
        return named or exact or labelled
    return exact


def _candidates(factor: Factor, wanted: Any) -> Sequence[int]:
    """Places of the levels that a value may be equal to: of plain ones, those of the same value."""
    return factor.places.get(wanted, ()) if isinstance(wanted, int | float | str) else range(len(factor.levels))


def _is_exact(factor: Factor, name: str, number: int, value: Any) -> bool:
    part = _part(factor, name)
    return _same(_as_level(part, part.levels[number]), _as_level(part, value)) or part.labels[number] == value


def _as_level(factor: Factor, value: Any) -> Any:
    """A value with the defaults of a level of that remedy, where it is one."""
    if factor.name not in REMEDIES:
        return value
    adapter = _adapter(factor.name)
    try:
        return adapter.dump_python(adapter.validate_python(value, strict=True), exclude_none=True)
    except ValidationError:
        return value


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(REMEDIES[name].level)


def _same(one: Any, other: Any) -> bool:
    """Equality that tells `true` from 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)


def _part(factor: Factor, name: str) -> Factor:
    return next(part for part in (*factor.parts, factor) if part.name == name)


def _quoted(name: str) -> str:
    return value_text(name) if "." in name or "+" in name else name
