"""Every pair of levels that can be had is in some treatment, and a search that finds none ends."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.studies import covering
from ablate.studies.covering import TooHardError
from ablate.studies.selection import Selection


@st.composite
def designs(draw: st.DrawFn) -> tuple[list[int], list[Selection]]:
    sizes = draw(st.lists(st.integers(2, 3), min_size=2, max_size=5))
    one = st.integers(0, len(sizes) - 1).flatmap(
        lambda place: st.tuples(st.just(place), st.integers(0, sizes[place] - 1))
    )
    tables = draw(
        st.lists(
            st.dictionaries(st.integers(0, 0), st.nothing()) | st.lists(one, min_size=1, max_size=3).map(dict),
            max_size=5,
        )
    )
    excludes = [Selection({place: frozenset([level]) for place, level in table.items()}) for table in tables if table]
    return sizes, [each for each in excludes if not each.matches((0,) * len(sizes))]


@settings(max_examples=60, deadline=None)
@given(designs())
def test_exactly_the_pairs_that_some_allowed_treatment_has_are_there(design: tuple[list[int], list[Selection]]) -> None:
    sizes, excludes = design
    found = covering.rows(sizes, excludes)
    allowed = [row for row in itertools.product(*map(range, sizes)) if not any(each.matches(row) for each in excludes)]
    assert set(found) <= set(allowed)

    def pairs(rows: list[tuple[int, ...]]) -> set[tuple[tuple[int, int], ...]]:
        return {pair for row in rows for pair in itertools.combinations(enumerate(row), 2)}

    assert pairs(found) == pairs(allowed)
    assert found[0] == (0,) * len(sizes)


def test_excludes_that_leave_a_pair_nothing_do_not_let_the_search_run_on() -> None:
    sizes = [6] * 12
    nothing = [Selection({0: frozenset([1]), 11: frozenset([level])}) for level in range(6)]
    found = covering.rows(sizes, [*nothing, Selection({9: frozenset([1]), 10: frozenset([1])})])
    assert all(row[0] != 1 for row in found)
    assert {row[0] for row in found} == {0, 2, 3, 4, 5}


@pytest.mark.parametrize("sizes", [[30] * 30, [2] * 300, [4] * 200, [100] * 4])
def test_what_takes_too_long_is_refused(sizes: list[int]) -> None:
    with pytest.raises(TooHardError, match="too many to search"):
        covering.rows(sizes, [])
