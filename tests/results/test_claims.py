"""Claims are seen by other processes and end with the process that made them."""

import errno
import fcntl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ablate.results import claims, leases
from ablate.results.claims import Claims

KEY, OTHER = "ab" * 32, "cd" * 32
HOLD = """
import pathlib, sys, time
from ablate.results.claims import Claims
claims = Claims(pathlib.Path(sys.argv[1]))
print(claims.take(sys.argv[2]), flush=True)
time.sleep(600)
"""


def test_a_claim_is_seen_by_others_until_it_is_given_back(tmp_path: Path) -> None:
    mine = Claims(tmp_path)
    assert mine.take(KEY)
    assert mine.take(KEY)
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path, KEY], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "False"
        other.kill()
    mine.give_back(KEY)
    mine.close()


def test_a_claim_ends_with_a_killed_process(tmp_path: Path) -> None:
    mine = Claims(tmp_path)
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path, KEY], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "True"
        assert not mine.take(KEY)
        assert mine.take(OTHER)
        other.kill()
    assert mine.take(KEY)
    mine.close()


def test_locks_of_this_disk_are_seen_to_work(tmp_path: Path) -> None:
    claims._known().clear()
    mine = Claims(tmp_path)
    assert mine.take(KEY)
    mine.close()
    assert not leases.are_used(tmp_path)


def grants_everything(*_: Any) -> None:
    """A lock that is none, as with `nolock` on a network disk."""


def has_no_locks(*_: Any) -> None:
    raise OSError(errno.ENOLCK, "no locks available")


@pytest.mark.parametrize("lock", [grants_everything, has_no_locks])
def test_where_locks_do_not_work_leases_take_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: Any
) -> None:
    """What does not work is found out by a process that has the system's own locks."""
    claims._known().clear()
    monkeypatch.setattr(fcntl, "lockf", lock)
    mine, others = Claims(tmp_path), Claims(tmp_path)
    assert leases.are_used(tmp_path)
    assert mine.take(KEY)
    assert not others.take(KEY)
    assert others.take(OTHER)
    mine.close()
    others.close()
    claims._known().clear()


def test_who_comes_where_leases_are_used_takes_them_too(tmp_path: Path) -> None:
    """A disk may have locks that end at its own host: then it is the head that says so."""
    leases.use(tmp_path)
    mine = Claims(tmp_path)
    assert mine.take(KEY)
    assert (tmp_path / "leases" / f"{KEY}.json").is_file()
    mine.renew()
    mine.give_back(KEY)
    assert list((tmp_path / "leases").iterdir()) == []
    mine.close()


def test_a_lease_of_another_host_is_heeded_though_the_lock_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_is_gone", lambda content: False)
    leases.use(tmp_path)
    assert leases.Leases(tmp_path).take(KEY)
    mine = Claims(tmp_path)
    assert not mine.take(KEY)
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path, KEY], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "False", "it is leased, and its lock is given back"
        other.kill()
    mine.close()
