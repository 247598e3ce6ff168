"""All runs of a structure in a study are trained one way, whoever measured it and whatever others would measure."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from ablate.execution import compilation_cache
from ablate.execution import ways as execution_ways
from ablate.execution.assignment import Assignment
from ablate.results.store import Store
from ablate.results.ways import Way

COMPILED, GRAPH = Way("compiled", "faster"), Way("graph", "slower")


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    store = Store(tmp_path / "study")
    store.prepare()
    code = {"mine:make": "1" * 64}
    return Assignment(0, "a" * 64, {}, 1, tmp_path, "", code, None, store.root, "compiled", keep_weights=False)


def never() -> Way:
    raise AssertionError("nothing was to be measured")


def choose(assignment: Assignment, machine: Path | None, measure: Callable[[], Way], name: str = "n") -> Way:
    return execution_ways.choose(assignment, machine, name, measure)


def test_what_was_measured_first_holds_for_the_study(assignment: Assignment, tmp_path: Path) -> None:
    assert choose(assignment, None, lambda: COMPILED) == COMPILED
    assert choose(assignment, None, never) == COMPILED
    changed = replace(assignment, code={"mine:make": "2" * 64})
    assert choose(changed, None, lambda: GRAPH) == GRAPH
    assert choose(assignment, None, lambda: GRAPH, "another structure") == GRAPH
    assert choose(assignment, None, never) == COMPILED


def test_a_machine_remembers_for_its_next_study(assignment: Assignment, tmp_path: Path) -> None:
    machine = tmp_path / "machine"
    machine.mkdir()
    choose(assignment, machine, lambda: GRAPH)
    other = Store(tmp_path / "other")
    other.prepare()
    assert choose(replace(assignment, store=other.root), machine, never) == GRAPH
    (remembered,) = machine.iterdir()
    remembered.write_bytes(b"{}")
    third = Store(tmp_path / "third")
    third.prepare()
    assert choose(replace(assignment, store=third.root), machine, lambda: COMPILED) == COMPILED
    assert choose(replace(assignment, store=other.root), machine, never) == GRAPH  # the study's own comes first


def test_two_who_measure_at_once_agree(assignment: Assignment) -> None:
    barrier = Barrier(2)

    def measured(way: Way) -> Callable[[], Way]:
        def measure() -> Way:
            barrier.wait(timeout=10)
            return way

        return measure

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda way: choose(assignment, None, measured(way)), (COMPILED, GRAPH)))
    assert found[0] == found[1] == choose(assignment, None, never)


def test_ways_are_kept_beside_the_programs(
    assignment: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(compilation_cache.SWITCH, str(tmp_path / "cache"))
    with compilation_cache.lent() as folder:
        choose(assignment, folder, lambda: COMPILED)
    other = Store(tmp_path / "other")
    other.prepare()
    with compilation_cache.lent() as folder:
        assert choose(replace(assignment, store=other.root), folder, never) == COMPILED
