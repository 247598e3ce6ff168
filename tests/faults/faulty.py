"""Code as a user might write it, with everything that can go wrong in it. Every callback acts after the first epoch."""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np


def _after_first_epoch(act: Callable[[Any], object]) -> keras.callbacks.Callback:
    class Fault(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 0:
                act(self.model)

    return Fault()


def loses_its_way() -> keras.callbacks.Callback:
    def act(model: Any) -> None:
        model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])

    return _after_first_epoch(act)


def raises() -> keras.callbacks.Callback:
    def act(model: Any) -> None:
        raise ValueError("the \x1b[2Jmessage\x00 with \ud800 \x07in it")

    return _after_first_epoch(act)


def calls_exit() -> keras.callbacks.Callback:
    return _after_first_epoch(lambda model: sys.exit(0))


def exits_at_once() -> keras.callbacks.Callback:
    return _after_first_epoch(lambda model: os._exit(0))


def crashes() -> keras.callbacks.Callback:
    return _after_first_epoch(lambda model: ctypes.string_at(0))


def is_killed() -> keras.callbacks.Callback:
    """As by the system when memory runs out."""
    return _after_first_epoch(lambda model: os.kill(os.getpid(), signal.SIGKILL))


def takes_all_memory() -> keras.callbacks.Callback:
    def act(model: Any) -> None:
        before = resource.getrlimit(resource.RLIMIT_AS)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 2**28, before[1]))
        try:
            hoard = []
            while True:
                hoard.append(bytearray(2**24))
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)

    return _after_first_epoch(act)


def hangs() -> keras.callbacks.Callback:
    """With a child that hangs, too."""

    def act(model: Any) -> None:
        child = subprocess.Popen(["sleep", "100000"])
        Path(os.environ["ABLATE_TEST_FOLDER"], "child").write_text(str(child.pid))
        time.sleep(100_000)

    return _after_first_epoch(act)


def never_comes_back_to_python() -> keras.callbacks.Callback:
    """Holds the interpreter's lock, so that no thread and no signal handler of the process runs any more."""
    return _after_first_epoch(lambda model: ctypes.PyDLL(None).sleep(100_000))


def prints_too_much() -> keras.callbacks.Callback:
    def act(model: Any) -> None:
        line = "x" * 999 + "\n"
        for _ in range(100):
            sys.stdout.write(line * 1000)

    return _after_first_epoch(act)


def prints_rubbish_and_raises() -> keras.callbacks.Callback:
    def act(model: Any) -> None:
        os.write(1, b"\xff\xfe\x1b[31mred\x1b]0;title\x07 \x00\x9b end\r\n")
        sys.stdout.write("the last words\n")
        raise RuntimeError("after the rubbish")

    return _after_first_epoch(act)


def changes_folder() -> keras.callbacks.Callback:
    return _after_first_epoch(lambda model: os.chdir("/"))
