"""What code of the user's does to its process reaches no other run: not in any order, nor in any company."""

import decimal
import gc
import locale
import logging
import os
import random
import resource
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ablate.data import sources
from ablate.data.sources import Dataset
from ablate.results.record import Record
from ablate.settings.run import Data
from ablate.studies import spec
from ablate.training import trainer
from ablate.training.isolation.isolation import Isolation
from ablate.training.workshop import Workshop

KINDS = {  # what code may do to its process, and what shows it
    "dtype policy": ("keras.config.set_dtype_policy('mixed_float16')", "keras.config.dtype_policy().name"),
    "floatx": ("keras.config.set_floatx('float16')", "keras.config.floatx()"),
    "epsilon": ("keras.config.set_epsilon(0.1)", "keras.config.epsilon()"),
    "image data format": (
        "keras.config.set_image_data_format('channels_first')",
        "keras.config.image_data_format()",
    ),
    "traceback filtering": (
        "keras.config.disable_traceback_filtering()",
        "keras.config.is_traceback_filtering_enabled()",
    ),
    "interactive logging": (
        "keras.config.disable_interactive_logging()",
        "keras.config.is_interactive_logging_enabled()",
    ),
    "flash attention": ("keras.config.disable_flash_attention()", "keras.config.is_flash_attention_enabled()"),
    "custom objects": (
        "keras.saving.get_custom_objects()['mine'] = Dataset",
        "keras.saving.get_registered_object('mine')",
    ),
    "most epochs": ("keras.config.set_max_epochs(1)", "keras.config.max_epochs()"),
    "eager functions": ("tf.config.run_functions_eagerly(True)", "tf.config.functions_run_eagerly()"),
    "optimizer options": (
        "tf.config.optimizer.set_experimental_options({'constant_folding': False})",
        "tf.config.optimizer.get_experimental_options()",
    ),
    "jit": ("tf.config.optimizer.set_jit('autoclustering')", "tf.config.optimizer.get_jit()"),
    "soft placement": ("tf.config.set_soft_device_placement(False)", "tf.config.get_soft_device_placement()"),
    "determinism": ("tf.config.experimental.enable_op_determinism()", "_determinism()"),
    "tensor float 32": (
        "tf.config.experimental.enable_tensor_float_32_execution(False)",
        "tf.config.experimental.tensor_float_32_execution_enabled()",
    ),
    "checked numbers": ("tf.debugging.enable_check_numerics()", "_numbers_are_checked()"),
    "numpy behaviour of tensors": (
        "tf.experimental.numpy.experimental_enable_numpy_behavior()",
        "hasattr(tf.constant(1), 'reshape')",
    ),
    "numpy errors": ("np.seterr(all='raise')", "np.geterr()"),
    "numpy printing": ("np.set_printoptions(precision=2)", "str(np.array([1 / 3]))"),
    "numpy random": ("np.random.seed(5)", "np.random.get_state()[1].tobytes()"),
    "random": ("random.seed(5)", "random.getstate()"),
    "environment": ("os.environ['MINE'] = '1'", "os.environ.get('MINE')"),
    "time zone": ("os.environ['TZ'] = 'Asia/Seoul'; time.tzset()", "time.tzname"),
    "working directory": ("os.chdir('/')", "os.getcwd()"),
    "import path": ("sys.path.insert(0, '/')", "list(sys.path)"),
    "warnings": ("warnings.simplefilter('ignore')", "list(warnings.filters)"),
    "locale": ("locale.setlocale(locale.LC_ALL, 'C.UTF-8')", "locale.setlocale(locale.LC_ALL)"),
    "umask": ("os.umask(0o077)", "(os.umask(0o077), os.umask(0o022))[0]"),
    "signals": ("signal.signal(signal.SIGUSR1, signal.SIG_IGN)", "signal.getsignal(signal.SIGUSR1)"),
    "logging": ("logging.getLogger('absl').setLevel(1)", "logging.getLogger('absl').level"),
    "decimal": ("decimal.getcontext().prec = 3", "decimal.Decimal(1) / 3"),
    "recursion": ("sys.setrecursionlimit(5000)", "sys.getrecursionlimit()"),
    "collection": ("gc.disable()", "gc.isenabled()"),
    "limits": (
        "resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))",
        "resource.getrlimit(resource.RLIMIT_NOFILE)[0]",
    ),
    "a class that is replaced": ("keras.layers.Dense = keras.layers.Dropout", "keras.layers.Dense"),
    "a method that is replaced": ("keras.layers.Dense.call = print", "keras.layers.Dense.call"),
    "a method that is added": ("keras.layers.Dense.__eq__ = print", "keras.layers.Dense.__eq__"),
    "a function of numpy": ("np.mean = np.median", "np.mean"),
    "a function of TensorFlow": ("tf.nn.relu = tf.nn.elu", "tf.nn.relu"),
    "a table of Keras": (
        "keras.src.activations.ALL_OBJECTS_DICT['relu'] = keras.activations.elu",
        "keras.activations.get('relu')",
    ),
    "a module's data": ("keras.src.losses.loss.mine = 1", "getattr(keras.src.losses.loss, 'mine', 0)"),
}


def _determinism() -> bool:
    from tensorflow.python.framework import config

    return bool(config.is_op_determinism_enabled())


def _numbers_are_checked() -> bool:
    from tensorflow.python.eager import context

    return bool(context.context().op_callbacks)


NAMES: dict[str, Any] = {
    **{module.__name__: module for module in (decimal, gc, keras, locale, logging, os, random, resource, signal)},
    "sys": sys,
    "time": time,
    "warnings": warnings,
    "np": np,
    "tf": tf,
    "Dataset": Dataset,
    "_determinism": _determinism,
    "_numbers_are_checked": _numbers_are_checked,
}


@pytest.fixture(scope="module")
def isolation() -> Isolation:
    return Isolation()


@pytest.mark.parametrize("kind", KINDS)
def test_what_code_changes_is_as_before_after_its_run(kind: str, isolation: Isolation) -> None:
    statement, expression = KINDS[kind]
    before = eval(expression, NAMES)
    with isolation.run():
        exec(statement, NAMES)
        inside = eval(expression, NAMES)
    assert inside != before
    assert eval(expression, NAMES) == before
    assert isolation.spent == ""


MODULE = """
import os, random
from pathlib import Path
import keras
from keras import layers
import numpy as np

built = []
HERE = Path(__file__).parent


class Counting(layers.Dense):
    made = 0

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        Counting.made += 1

    def call(self, x):
        return super().call(x) * Counting.made


def network(input_shape, classes, units=6, kind=layers.Dense):
    found = [keras.Input(input_shape), kind(units), layers.Activation("relu"), layers.Dense(classes, "softmax")]
    return keras.Sequential(found)


def plain(input_shape, classes):
    return network(input_shape, classes)


def half_precision(input_shape, classes):
    keras.mixed_precision.set_global_policy("mixed_float16")
    return network(input_shape, classes)


def patching(input_shape, classes):
    layers.Activation.call = lambda self, x: keras.ops.abs(x)
    return network(input_shape, classes)


def counting(input_shape, classes):
    built.append(1)
    return network(input_shape, classes, units=len(built) // 2 + 4 if len(built) > 2 else 4)


def counting_layer(input_shape, classes):
    return network(input_shape, classes, kind=Counting)


def note():
    with (HERE / "noted").open("a") as noted:
        print(keras.config.dtype_policy().name, len(built), random.random(), np.random.random(), file=noted)
    return keras.callbacks.Callback()


def of_half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    keras.config.set_floatx("float16")
    return keras.callbacks.Callback()


def patch():
    keras.losses.SparseCategoricalCrossentropy.call = lambda self, y, p: -keras.ops.mean(p)
    return keras.callbacks.Callback()


class freeze(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.model.layers[1].trainable = False


class weaken(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.optimizer.momentum = 0.9
        self.model.loss = None


class noisy(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        kernel = self.model.layers[1].kernel
        shift = np.float32(random.random() + np.random.random())
        kernel.assign(kernel + 0.1 * keras.random.normal(kernel.shape) + shift)
"""
TREATMENTS: dict[str, dict[str, Any]] = {
    "hidden": {"model": {"hidden": [6]}},
    **{
        name: {"model": {"builder": f"user_state:{name}"}}
        for name in ("plain", "half_precision", "patching", "counting", "counting_layer")
    },
    **{
        name: {"model": {"hidden": [6]}, "training": {"callbacks": [f"user_state:{name}"]}}
        for name in ("note", "of_half_precision", "patch", "freeze", "weaken", "noisy")
    },
    "noted": {"model": {"builder": "user_state:half_precision"}, "training": {"callbacks": ["user_state:note"]}},
}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory, iris: Dataset) -> dict[str, str]:
    """What is measured of two treatments in processes of their own, where no other code was."""
    home = tmp_path_factory.mktemp("usual")
    (home / "user_state.py").write_text(MODULE)
    found = {name: facts(train(name, home, iris, Workshop())) for name in ("plain", "hidden")}
    sys.path[:] = [entry for entry in sys.path if entry != str(home)]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "user_state.py").write_text(MODULE)
    yield tmp_path
    sys.path[:] = [entry for entry in sys.path if entry != str(tmp_path)]
    assert "user_state" not in sys.modules


@pytest.fixture(scope="module")
def iris() -> Dataset:
    return sources.load(Data(source="iris"), Path())


def train(name: str, folder: Path, dataset: Dataset, workshop: Workshop, seed: int = 1, by: Any = "graph") -> Record:
    """One run, as a worker trains it; `graph` takes less time to compile."""
    from ablate.training.callbacks import own_callbacks
    from ablate.usercode import code

    sections = {section: dict(keys) for section, keys in TREATMENTS[name].items()}
    training = {"epochs": 2, **sections.get("training", {})}
    document = {"study": {"name": "s"}, "data": {"source": "iris"}, "model": sections["model"], "training": training}
    settings = spec.build(document, Path("ablations.toml")).base
    code.open_folder(folder)
    named = settings.training.callbacks
    callbacks: Any = (lambda: own_callbacks(named)) if named else tuple
    return trainer.train("k", settings, seed, dataset, workshop, trainer=by, folder=folder, callbacks=callbacks)


def facts(record: Record) -> str:
    """Everything that was measured."""
    history = {name: values for name, values in record.history.items() if name != "seconds"}
    return repr((record.trainer, history, record.result, record.probes, record.status, record.weights))


@pytest.mark.parametrize("name", [name for name in TREATMENTS if name not in ("hidden", "plain", "note", "noted")])
def test_code_of_one_level_changes_no_run_of_another_nor_its_own_next(
    name: str, folder: Path, iris: Dataset, usual: dict[str, str]
) -> None:
    alone = {**usual, name: facts(train(name, folder, iris, Workshop()))}
    company, other = Workshop(), "plain" if "builder" in TREATMENTS[name]["model"] else "hidden"
    for each in (name, other, name, other):
        assert facts(train(each, folder, iris, company)) == alone[each], each
    if name not in ("counting", "weaken"):
        assert alone[name] not in (alone["plain"], alone["hidden"])  # it has had its own effect
