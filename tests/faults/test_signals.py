"""Ctrl-C once and twice, SIGTERM, a closed terminal, and readers that go away."""

import fcntl
import os
import pty
import signal
import termios
import time

import pytest

from tests.conftest import default_signals
from tests.faults.conftest import BOTH_TRAINERS, Place, wait_for

LONG = ("-S", "training.epochs=1000", "-S", "study.replicates=20")


@BOTH_TRAINERS
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_study_in_order(place: Place, number: int, code: int) -> None:
    with place.start("run", "-j2", *LONG) as process:
        wait_for(process, "2/40")
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=240)
    assert process.returncode == code
    assert out == ""
    assert "Traceback" not in err
    assert "what is finished is kept" in err
    assert "'ablate run' trains the rest" in err
    assert place.workers() == [], "it did not wait for its workers"
    assert place.wait_for_end() == []
    kept = len(list(place.store.record_paths()))
    assert 2 <= kept < 40
    assert place.unfinished() == []


def test_a_second_interrupt_does_not_wait_for_the_epoch(place: Place) -> None:
    stuck = ["-S", 'training.callbacks=["faulty:never_comes_back_to_python"]']
    with place.start("run", "-j2", *stuck) as process:
        wait_for(process, "study tiny")
        while not (place.store.root / "claims.lock").exists():
            time.sleep(0.05)
        time.sleep(3)  # both workers are stuck by now, or still importing: they end either way
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(1)
        assert process.poll() is None, "it should wait for the end of the epoch"
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=240)
    assert process.returncode == 130
    assert "again: at once" in err
    assert "Traceback" not in err
    assert place.wait_for_end() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_study_is_planned(place: Place, number: int) -> None:
    with place.start("run", "-j2", *LONG) as process:
        wait_for(process, "study tiny")
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=240)
    assert process.returncode == 128 + number
    assert "Traceback" not in err
    assert place.wait_for_end() == []


def test_nobody_hears_of_a_study_under_nohup(place: Place) -> None:
    """A study started with nohup goes on when the terminal is closed."""

    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with place.start("run", "-j1", "-S", "training.epochs=300", preexec_fn=ignore) as process:
        wait_for(process, "1/4")
        os.killpg(process.pid, signal.SIGHUP)
        _, err = process.communicate(timeout=240)
    assert process.returncode == 0
    assert "4 trained" in err


def test_a_closed_terminal_ends_the_study_in_order(place: Place) -> None:
    """A real terminal, with live bars on it, whose other end goes away: SIGHUP, and an error for every write."""
    master, slave = pty.openpty()
    streams = {"stdin": slave, "stdout": slave, "stderr": slave}
    with place.start("run", "-j2", *LONG, preexec_fn=take_terminal, **streams) as process:
        os.close(slave)
        deadline = time.monotonic() + 60
        while not list(place.store.record_paths()) and time.monotonic() < deadline:
            os.read(master, 65536)
        os.close(master)
        assert process.wait(240) == 129
    assert place.wait_for_end() == []
    assert 1 <= len(list(place.store.record_paths())) < 40
    assert place.unfinished() == []


def take_terminal() -> None:
    """Make the terminal on stdin the one that controls this session."""
    default_signals()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_goes_away_stops_nothing(place: Place, stream: str) -> None:
    """As in `ablate run 2>&1 | head -1`: the study is trained to its end, and no traceback is printed."""
    with place.start("run", "-j2", "--json") as process:
        if stream == "stderr":
            wait_for(process, "study tiny")
        closed = process.stdout if stream == "stdout" else process.stderr
        assert closed is not None
        closed.close()
        setattr(process, stream, None)
        out, err = process.communicate(timeout=240)
    assert len(list(place.store.record_paths())) == 4
    assert "Traceback" not in (err or "")
    assert place.wait_for_end() == []
    if stream == "stderr":
        assert process.returncode == 0
        assert '"trained": 4' in out
