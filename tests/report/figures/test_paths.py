"""Paths: the same points in fewer characters."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.report.figures import paths


def points(path):
    """The absolute points of a relative path of lines."""
    here, found, letter = [0.0, 0.0], [], ""
    for token in re.findall(r"[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?", path):
        if token.isalpha():
            letter, waiting = token, []
            continue
        waiting.append(float(token))
        if letter in "hv":
            here["hv".index(letter)] += waiting.pop()
        elif len(waiting) == 2:
            here = waiting if letter == "M" else [here[0] + waiting[0], here[1] + waiting[1]]
            waiting = []
        else:
            continue
        found.append(tuple(here))
    return found


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("M 1.23456 2 L 3 4 L 5 6 z", "M1.2 2l1.8 2 2 2z"),
        ("M 10 10 L 20 10 L 20 5 L 20 5", "M10 10h10v-5"),
        ("M 1 2 C 3 4 5 6 7 8 L 9 9", "M1 2c2 2 4 4 6 6l2 1"),
        ("M 0 0 Q 1 1 2 0 z M 5 5 L 6 6", "M0 0q1 1 2 0zM5 5l1 1"),
        ("M 0 0 L 0.3 -0.4 L 1 1", "M0 0l.3-.4 .7 1.4"),
        ("M 0 0 A 1 1 0 0 0 2 2", "M 0 0 A 1 1 0 0 0 2 2"),
    ],
)
def test_paths_are_written_shortly(long, short):
    assert paths.relative(long) == short


@given(st.lists(st.tuples(*[st.floats(-999, 999)] * 2), min_size=2, max_size=30))
def test_lines_lead_to_the_same_points(corners):
    path = "M " + " L ".join(f"{x:.3f} {y:.3f}" for x, y in corners)
    found = points(paths.relative(path))
    rounded = [(round(round(x, 3) * 10) / 10, round(round(y, 3) * 10) / 10) for x, y in corners]
    without_pauses = rounded[:1] + [there for here, there in itertools.pairwise(rounded) if here != there]
    assert found == [pytest.approx(point, abs=1e-6) for point in without_pauses]
