"""Settings of the whole process that code of the user's may change, each with how it is read and put back."""

import decimal
import gc
import locale
import logging
import os
import random
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from tensorflow.python.eager import context
from tensorflow.python.util import _pywrap_determinism
from threadpoolctl import ThreadpoolController

_LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]
_SIGNALS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_STREAMS = ("stdin", "stdout", "stderr", "excepthook", "unraisablehook", "displayhook")
_PASSING = "keras names and random numbers"
_RANDOM = ("random", "numpy random", _PASSING)  # that cannot be compared, or change by themselves
_POOLS = ThreadpoolController()


@dataclass(frozen=True)
class Setting:
    """One of them.

    Attributes:
        read: its value, which nothing changes later.
        write: puts a value in place that was read.
        in_programs: whether it has a say in what a network becomes when it is built or compiled.
    """

    read: Callable[[], Any]
    write: Callable[[Any], object]
    in_programs: bool = False


def read() -> dict[str, Any]:
    """The values of all settings."""
    return {name: setting.read() for name, setting in SETTINGS.items()}


def write(values: Mapping[str, Any]) -> list[str]:
    """Put values in place where others are now.

    Returns:
        The names of those that cannot be put back.
    """
    left = []
    for name, value in values.items():
        if not is_equal(SETTINGS[name].read(), value):
            with suppress(Exception):  # what the system or a library refuses
                SETTINGS[name].write(value)
            if name not in _RANDOM and not is_equal(SETTINGS[name].read(), value):
                left.append(name)
    return left


def begin_random() -> None:
    """Let random numbers, and the names of layers, begin as if nothing had been drawn or made before."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the generator that all code of the process shares
    SETTINGS[_PASSING].write({})


def is_equal(one: Any, other: Any) -> bool:
    """Whether two values of a setting are the same, as far as they can be compared."""
    try:
        return bool(one == other)
    except ValueError:  # arrays
        return False


def _of_keras(wanted: Callable[[str], bool], *, in_programs: bool) -> Setting:
    """What Keras (3.15) keeps of a thread, policies, scopes and switches, as attributes of an object internal to it."""

    def read() -> dict[str, Any]:
        now = vars(global_state.GLOBAL_STATE_TRACKER)
        return {name: _copied(value) for name, value in now.items() if wanted(name) and value not in (None, [], {})}

    def write(values: Mapping[str, Any]) -> None:
        now = vars(global_state.GLOBAL_STATE_TRACKER)
        for name in read().keys() - values.keys():
            del now[name]
        now.update({name: _copied(value) for name, value in values.items()})

    return Setting(read, write, in_programs=in_programs)


def _is_passing(name: str) -> bool:
    """Whether Keras changes an attribute while it makes layers or draws random numbers."""
    return name == "object_name_uids" or name.startswith("global_")


def _is_lasting(name: str) -> bool:
    return not _is_passing(name) and not name.startswith("_keras")


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, dict | list | set) else value


def _put_environment(values: Mapping[str, str]) -> None:
    for name in os.environ.keys() - values.keys():
        del os.environ[name]
    os.environ.update(values)
    time.tzset()  # it goes by a variable


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - as text, which is what it is put back by
    except FileNotFoundError:
        return ""


def _umask() -> int:
    before = os.umask(0)
    os.umask(before)
    return before


def _warnings() -> list[Any]:
    return list(warnings.filters)


def _put_warnings(filters: list[Any]) -> None:
    warnings.resetwarnings()  # so that what was seen before is asked anew
    warnings.filters[:] = filters  # type: ignore[index]


def _loggers() -> dict[str, Any]:
    named = {name: each for name, each in logging.root.manager.loggerDict.items() if isinstance(each, logging.Logger)}
    found = {name: (each.level, each.disabled, each.propagate, tuple(each.handlers)) for name, each in named.items()}
    return {
        **found,
        "": (logging.root.level, False, True, tuple(logging.root.handlers)),
        "disable": logging.root.manager.disable,
    }


def _put_loggers(values: Mapping[str, Any]) -> None:
    logging.disable(values["disable"])
    for name, value in values.items():
        if name != "disable":
            logger = logging.getLogger(name)
            level, logger.disabled, logger.propagate, handlers = value
            logger.setLevel(level)
            logger.handlers[:] = handlers


def _signals() -> dict[int, Any]:
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {number: signal.getsignal(number) for number in _SIGNALS}
    return {number: handler for number, handler in found.items() if handler is not None}  # those that Python set


def _put_signals(handlers: Mapping[int, Any]) -> None:
    for number, handler in handlers.items():
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)


def _limits() -> dict[int, Any]:
    return {limit: resource.getrlimit(limit) for limit in _LIMITS}


def _put_limits(limits: Mapping[int, Any]) -> None:
    for limit, (soft, hard) in limits.items():
        if resource.getrlimit(limit) != (soft, hard):
            resource.setrlimit(limit, (soft, resource.getrlimit(limit)[1]))  # what was lowered for good stays so


def _streams() -> dict[str, Any]:
    return {**{name: getattr(sys, name) for name in _STREAMS}, "hooks": (tuple(sys.meta_path), tuple(sys.path_hooks))}


def _put_streams(values: Mapping[str, Any]) -> None:
    for name in _STREAMS:
        setattr(sys, name, values[name])
    sys.meta_path[:], sys.path_hooks[:] = values["hooks"]


def _put_path(path: list[str]) -> None:
    sys.path[:] = path


def _put_threads(numbers: list[int]) -> None:
    for pool, number in zip(_POOLS.lib_controllers, numbers, strict=True):
        pool.set_num_threads(number)


def _put_optimizer_options(options: dict[str, Any]) -> None:
    context.context()._optimizer_experimental_options.clear()  # noqa: SLF001 - its setter cannot take one back
    tf.config.optimizer.set_experimental_options(options)


def _op_callbacks() -> tuple[Any, ...]:
    return tuple(context.context().op_callbacks)


def _put_op_callbacks(callbacks: tuple[Any, ...]) -> None:
    there = _op_callbacks()
    for callback in there:
        context.context().remove_op_callback(callback)
    for callback in callbacks:
        context.context().add_op_callback(callback)


def _put_jit(value: Any) -> None:
    tf.config.optimizer.set_jit(value or False)


def _decimal() -> tuple[Any, ...]:
    now = decimal.getcontext()
    flags, traps = ([signal for signal, is_set in each.items() if is_set] for each in (now.flags, now.traps))
    return now.prec, now.rounding, now.Emin, now.Emax, now.capitals, now.clamp, flags, traps


def _put_collection(value: tuple[bool, tuple[int, int, int]]) -> None:
    (gc.enable if value[0] else gc.disable)()
    gc.set_threshold(*value[1])


_tf = tf.config.experimental
SETTINGS: Mapping[str, Setting] = {
    "keras.config": _of_keras(_is_lasting, in_programs=True),
    _PASSING: _of_keras(_is_passing, in_programs=False),
    "tf.config.optimizer": Setting(
        lambda: dict(context.context()._optimizer_experimental_options),  # noqa: SLF001
        _put_optimizer_options,
        in_programs=True,
    ),
    "tf.config.optimizer jit": Setting(tf.config.optimizer.get_jit, _put_jit, in_programs=True),
    "tf device placement": Setting(
        tf.config.get_soft_device_placement, tf.config.set_soft_device_placement, in_programs=True
    ),
    "tf device policy": Setting(_tf.get_device_policy, _tf.set_device_policy, in_programs=True),
    "tf eager execution": Setting(tf.executing_eagerly, lambda value: None),
    "tf synchronous execution": Setting(_tf.get_synchronous_execution, _tf.set_synchronous_execution),
    "tf tensor float 32": Setting(
        _tf.tensor_float_32_execution_enabled, _tf.enable_tensor_float_32_execution, in_programs=True
    ),
    "tf determinism": Setting(_pywrap_determinism.is_enabled, _pywrap_determinism.enable, in_programs=True),
    "tf operation callbacks": Setting(_op_callbacks, _put_op_callbacks, in_programs=True),
    "numpy errors": Setting(np.geterr, lambda value: np.seterr(**value)),
    "numpy error function": Setting(np.geterrcall, np.seterrcall),
    "numpy buffer": Setting(np.getbufsize, np.setbufsize),
    "numpy print options": Setting(np.get_printoptions, lambda value: np.set_printoptions(**value)),
    "numpy random": Setting(np.random.get_state, np.random.set_state),
    "random": Setting(random.getstate, random.setstate),
    "threads of numpy": Setting(lambda: [pool.num_threads for pool in _POOLS.lib_controllers], _put_threads),
    "environment": Setting(lambda: dict(os.environ), _put_environment),
    "working directory": Setting(_folder, os.chdir),
    "import path": Setting(lambda: list(sys.path), _put_path),
    "umask": Setting(_umask, os.umask),
    "locale": Setting(lambda: locale.setlocale(locale.LC_ALL), lambda value: locale.setlocale(locale.LC_ALL, value)),
    "decimal": Setting(_decimal, lambda value: decimal.setcontext(decimal.Context(*value))),
    "warnings": Setting(_warnings, _put_warnings),
    "logging": Setting(_loggers, _put_loggers),
    "signals": Setting(_signals, _put_signals),
    "limits": Setting(_limits, _put_limits),
    "streams": Setting(_streams, _put_streams),
    "recursion limit": Setting(sys.getrecursionlimit, sys.setrecursionlimit),
    "garbage collection": Setting(lambda: (gc.isenabled(), gc.get_threshold()), _put_collection),
}
