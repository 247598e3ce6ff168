"""A trainer that learns nothing: epochs of two milliseconds, and scores that follow from settings and seed."""

import math
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from ablate.results.record import Record, weights_digest
from ablate.settings.metrics import HISTORY_COLUMNS
from ablate.usercode import code, model_files

EPOCH_SECONDS = 0.002


class Model:
    """Weights that callbacks can look at and change."""

    def __init__(self, weights: list[Any]) -> None:
        self._weights = weights

    def get_weights(self) -> list[Any]:
        return self._weights

    def set_weights(self, weights: list[Any]) -> None:
        self._weights = weights


class Workshop:
    """What a worker keeps between runs: nothing."""

    spent = ""

    def isolated(self, *_: Any) -> AbstractContextManager[None]:
        return nullcontext()

    def blueprint(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Network:
    """A network to be saved."""

    weights: Mapping[str, Any]

    def save(self, path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in model_files.MEMBERS:
                archive.writestr(name, repr(self.weights))


def train(
    key: str,
    settings: Any,
    seed: int,
    dataset: Any,
    workshop: Workshop,
    *,
    callbacks: Callable[[], Sequence[Any]],
    tick: Callable[[int], None],
    keep: Callable[[Mapping[str, Any]], None] | None,
    **_: Any,
) -> Record:
    """A record of a run, with its callbacks called after every epoch."""
    plain = settings.model_dump(mode="json", exclude_none=True)
    random = np.random.default_rng([seed, zlib.crc32(repr(plain).encode())])
    epochs = settings.training.epochs
    model = Model([random.random((4, 3), np.float32)])
    own = callbacks()
    history: dict[str, list[float]] = {name: [] for name in HISTORY_COLUMNS}
    for epoch in range(epochs):
        time.sleep(EPOCH_SECONDS)
        for values in history.values():
            values.append(float(random.random()))
        for callback in own:
            callback.model = model
            callback.on_epoch_end(epoch, {})
        tick(epoch + 1)
        if not np.isfinite(model.get_weights()[0]).all():
            history["loss"][-1] = math.nan
            break
    weights = {"dense_1/0": model.get_weights()[0]}
    if keep:
        keep(weights)
    done = len(history["loss"])
    last = {name: values[-1] for name, values in history.items() if name != "seconds"}
    result = {"test_loss": 1.0, "test_accuracy": float(random.random()), "best_epoch": done, "stopped_epoch": done}
    return Record(
        key=key,
        seed=seed,
        settings=plain,
        status="ok" if math.isfinite(last["loss"]) else "diverged",
        trainer="compiled",
        history=history,
        result={**last, **result, "parameters": 12},
        probes=(),
        weights=weights_digest(weights),
        seconds={"train": 0.1, "compile": 0.0, "total": 0.1},
        environment={"rows": {"train": 10, "validation": 10, "test": 10}},
    )


def CallbackRun(*_: Any) -> None:  # noqa: N802 - as of `training.own`
    """What callbacks may ask for; ours do not."""


def own_callbacks(references: Sequence[str], run: None) -> list[Any]:
    """New callbacks of the user's, one of every function."""
    return [code.load(reference)() for reference in references]


def as_taken(dataset: Any, *_: Any) -> Any:
    """As of `training.inputs`."""
    return dataset


def shape(*_: Any) -> None:
    """As of `training.inputs`."""


def scaling(*_: Any) -> Any:
    """As of `training.data`."""
    return SimpleNamespace()


def plain_network(settings: Any, features: Any, classes: int, weights: Mapping[str, Any], blueprint: Any) -> Network:
    """As of `training.saving`."""
    return Network(weights)
