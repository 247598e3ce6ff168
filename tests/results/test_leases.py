"""Leases: seen by others, kept alive, and taken from the dead by one thief alone, whatever clocks say."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from ablate.results import files, leases
from ablate.results.leases import EXPIRED_SECONDS, LOOK_SECONDS, RENEW_SECONDS, Leases

KEY, OTHER = "ab" * 32, "cd" * 32


@dataclass
class Clock:
    """A clock of one host: it goes on by hand, and has nothing in common with those of others."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases of another host, of whose processes nothing is known here."""
    monkeypatch.setattr(leases, "_is_gone", lambda content: False)


def lease(root: Path, key: str = KEY) -> Path:
    return root / "leases" / f"{key}.json"


def test_a_lease_is_seen_by_others_until_it_is_given_back(tmp_path: Path) -> None:
    mine, others = Leases(tmp_path), Leases(tmp_path, Clock())
    assert mine.take(KEY)
    assert mine.take(KEY)
    assert not others.take(KEY)
    assert others.take(OTHER)
    said = json.loads(lease(tmp_path).read_bytes())
    assert (said["host"], said["process"]) == (files.this_host(), os.getpid())
    mine.give_back(KEY)
    others._clock.now += LOOK_SECONDS
    assert others.take(KEY)
    others.close()
    mine.close()
    assert list((tmp_path / "leases").iterdir()) == []


@pytest.mark.usefixtures("elsewhere")
def test_a_holder_that_gives_signs_of_life_keeps_its_lease_for_ever(tmp_path: Path) -> None:
    """Even where its clock runs at half the speed, and an hour behind."""
    slow, fast = Clock(-3600.0), Clock(1e9)
    holder, thief = Leases(tmp_path, slow), Leases(tmp_path, fast)
    assert holder.take(KEY)
    for _ in range(200):
        slow.now += RENEW_SECONDS / 2
        fast.now += RENEW_SECONDS
        holder.renew()
        assert not thief.take(KEY)


@pytest.mark.usefixtures("elsewhere")
def test_a_lease_without_signs_of_life_is_taken_over_by_the_clock_of_who_wants_it(tmp_path: Path) -> None:
    clock = Clock()
    holder, thief = Leases(tmp_path, Clock(1e12)), Leases(tmp_path, clock)
    assert holder.take(KEY)
    assert not thief.take(KEY)
    clock.now += EXPIRED_SECONDS
    assert not thief.take(KEY)
    clock.now += LOOK_SECONDS
    assert thief.take(KEY)
    assert list((tmp_path / "leases").iterdir()) == [lease(tmp_path)]
    holder._clock.now += RENEW_SECONDS  # it was only stopped: it finds that the run is somebody else's by now
    holder.renew()
    assert holder._held == {}
    before = lease(tmp_path).read_bytes()
    holder.give_back(KEY)
    holder.close()
    assert lease(tmp_path).read_bytes() == before


HOLD = """
import pathlib, sys, time
from ablate.results.leases import Leases
print(Leases(pathlib.Path(sys.argv[1])).take(sys.argv[2]), flush=True)
time.sleep(600)
"""


def test_a_lease_of_a_killed_process_of_this_machine_is_free_at_once(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path, KEY], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "True"
        clock = Clock()
        mine = Leases(tmp_path, clock)
        assert not mine.take(KEY)
        other.kill()
    clock.now += LOOK_SECONDS
    assert mine.take(KEY)


def test_a_lease_from_before_this_machine_was_started_anew_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Leases(tmp_path).take(KEY)
    monkeypatch.setattr(leases, "_boot", lambda: "another one")
    assert Leases(tmp_path).take(KEY)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"host": 3}', b"\xff" * 5000])
def test_a_lease_whose_writer_was_killed_in_the_middle_expires(tmp_path: Path, content: bytes) -> None:
    clock = Clock()
    thief = Leases(tmp_path, clock)
    lease(tmp_path).write_bytes(content)
    assert not thief.take(KEY)
    clock.now += EXPIRED_SECONDS + 1
    assert thief.take(KEY)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"host": 3}', b'{"host": null, "boot": [], "process": "x"}'])
def test_strange_content_is_nobody_that_is_known_to_be_gone(content: bytes) -> None:
    assert not leases._is_gone(content)


@pytest.mark.usefixtures("elsewhere")
def test_of_many_thieves_at_once_one_has_the_run(tmp_path: Path) -> None:
    """Each judged the same dead lease before any of them took it away."""
    for _ in range(20):
        Leases(tmp_path).take(KEY)
        clocks = [Clock() for _ in range(8)]
        thieves = [Leases(tmp_path, clock) for clock in clocks]
        assert not any(thief.take(KEY) for thief in thieves)
        for clock in clocks:
            clock.now += EXPIRED_SECONDS + 1
        ready = threading.Barrier(len(thieves))
        taken: list[Leases] = []

        def steal(thief: Leases, ready: threading.Barrier = ready, taken: list[Leases] = taken) -> None:
            ready.wait()
            if thief.take(KEY):
                taken.append(thief)

        threads = [threading.Thread(target=steal, args=(thief,)) for thief in thieves]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(taken) == 1
        assert taken[0]._is_in_place(KEY, taken[0]._held[KEY]), "its lease was taken away by another thief"
        taken[0].close()
        assert list((tmp_path / "leases").iterdir()) == []


@pytest.mark.usefixtures("elsewhere")
def test_a_thief_that_is_killed_keeps_others_away_for_a_while_only(tmp_path: Path) -> None:
    dead, clock = Leases(tmp_path), Clock()
    assert dead.take(KEY)
    (tmp_path / "leases" / f"{KEY}-taken.json").write_bytes(b"")
    thief = Leases(tmp_path, clock)
    assert not thief.take(KEY)
    clock.now += EXPIRED_SECONDS + 1
    assert not thief.take(KEY), "somebody is about to take it"
    clock.now += EXPIRED_SECONDS + 1
    assert not thief.take(KEY), "that one is given up now"
    clock.now += LOOK_SECONDS
    assert thief.take(KEY)
    assert list((tmp_path / "leases").iterdir()) == [lease(tmp_path)]


@pytest.mark.usefixtures("elsewhere")
def test_a_holder_that_comes_back_while_it_is_robbed_keeps_its_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sign of life comes between the thief's verdict and the deed."""
    clock = Clock()
    holder, thief = Leases(tmp_path), Leases(tmp_path, clock)
    assert holder.take(KEY)
    assert not thief.take(KEY)
    clock.now += EXPIRED_SECONDS + 1
    original = leases._open_new

    def late(path: Path) -> int | None:
        if path.stem.endswith("-taken"):
            holder._write(holder._held[KEY])
        return original(path)

    monkeypatch.setattr(leases, "_open_new", late)
    assert not thief.take(KEY)
    assert holder._is_in_place(KEY, holder._held[KEY])


def test_where_the_disk_fails_every_lease_is_granted(tmp_path: Path) -> None:
    mine = Leases(tmp_path)
    (tmp_path / "leases").rmdir()
    assert mine.take(KEY)
    mine.renew()
    mine.give_back(KEY)
    mine.close()
