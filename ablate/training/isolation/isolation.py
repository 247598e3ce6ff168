"""Every run begins from the same state of its process, whatever code of the user's did to it before.

What that code changes is seen by comparison, and put back after the run: settings of the process (`process`), names
of the libraries (`rebindings`) and modules of the user's (`user_modules`), which are imported anew. Where a model or
program is kept for later runs, what its making changed is kept with it, so that they meet what the first run met.
"""

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ablate.training.isolation import process, user_modules
from ablate.training.isolation.rebindings import Bound, Rebindings


@dataclass(frozen=True)
class State:
    """What code of the user's can change, at one moment.

    Attributes:
        settings: values by the names of `process.SETTINGS`.
        bound: names of the libraries that refer to something else than in the beginning.
        modules: of the user's, as they are imported.
        kept: digest of what these modules keep; empty where it was not taken.
    """

    settings: Mapping[str, Any]
    bound: Bound
    modules: Mapping[str, ModuleType]
    kept: str = ""


class Isolation:
    """What a process knows of its own beginning; made before any code of the user's has run.

    Attributes:
        spent: why no other run should be trained in this process; empty if one may.
        used: what the present run has met.
    """

    def __init__(self) -> None:
        self.spent = ""
        self._known = set(sys.modules)
        self._rebindings = Rebindings()
        self._before: State | None = None
        self._bound: Bound | None = None  # names of the libraries, as long as no code of the user's has run since
        self._effects: dict[str, State] = {}
        self.used: set[str] = set()
        self._stale: set[str] = set()

    @contextmanager
    def run(self) -> Iterator[None]:
        """One run, or a part of one, which leaves the process as it was; all random numbers begin at the same place."""
        self._bound = None
        self._before, threads = self._take(), set(threading.enumerate())
        process.begin_random()
        try:
            yield
        finally:
            before, self._before, self._bound = self._before, None, None
            self.used.clear()
            left = self._put(before)
            left += [f"thread {thread.name}" for thread in threading.enumerate() if thread not in threads]
            if left:
                self.spent = f"its code changed what cannot be put back: {', '.join(left)}"

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part of a run, which leaves the rest of it as it was."""
        before, self._bound = self._take(), None
        try:
            yield
        finally:
            self._put(before)

    def meet(self, key: str, *, made: bool) -> None:
        """Have a model or program that was kept meet what its making changed; if it was made just now, note that.

        Outside of `run` this does nothing.
        """
        if self._before is None:
            return
        self.used.add(key)
        if made or key not in self._effects:
            self._bound = None
            self._effects[key] = self._effect(self._before)
        else:
            self._put(self._effects[key])

    def forget(self, key: str) -> None:
        """Have something made anew for the next run."""
        self._stale.add(key)

    def stale(self) -> set[str]:
        """What this run used and the next should not: modules of the user's keep something else by now."""
        for key in [key for key in self.used if key in self._effects]:
            effect = self._effects[key]
            if effect.modules and user_modules.digest(effect.modules) != effect.kept:
                self.forget(key)
        found, self._stale = self._stale, set()
        for key in found:
            self._effects.pop(key, None)
        return found

    def has_program_changes(self, key: str) -> bool:
        """Whether what has a say in what a network becomes was changed after something was made or met."""
        assert self._before is not None
        effect = self._effects[key]
        then = {**self._before.settings, **effect.settings}
        settings = {name: setting for name, setting in process.SETTINGS.items() if setting.in_programs}
        if not all(process.is_equal(setting.read(), then[name]) for name, setting in settings.items()):
            return True
        return not _is_same(self._rebindings.changed(), effect.bound)

    def _take(self) -> State:
        if self._bound is None:
            self._bound = self._rebindings.changed()
        return State(process.read(), self._bound, user_modules.imported(self._known))

    def _put(self, state: State) -> list[str]:
        """Bring an earlier state back; what could not be brought back."""
        if self._bound is None or not _is_same(self._bound, state.bound):
            self._rebindings.put(state.bound)
            self._bound = state.bound
        user_modules.put(self._known, state.modules)
        return process.write(state.settings)

    def _effect(self, before: State) -> State:
        """What was changed since a state."""
        now = self._take()
        settings = {
            name: value for name, value in now.settings.items() if not process.is_equal(value, before.settings[name])
        }
        return State(settings, now.bound, now.modules, user_modules.digest(now.modules))


def _is_same(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    return one.keys() == other.keys() and all(other[name] is value for name, value in one.items())
