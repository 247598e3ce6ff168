"""The ways to train a study that compare.py compares, each for a fresh process: python benchmarks/ways.py WAY ...

Every way trains the networks that `ablate` would, from the same initial weights, on the same split; it prints what it
measured as one JSON document. TensorFlow is left to use all cores, as it does for anybody who calls `fit`.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np

import ablate
from ablate.data import sources, splits
from ablate.settings.run import RunSettings
from ablate.studies import design
from ablate.studies.spec import Study
from ablate.training.callbacks import stopping
from ablate.training.model import build, compile_model

CANDIDATES = (1, 4, 10, 32, 100, 480, 1500)  # steps per execution; those beyond an epoch's steps are left out
Arrays = tuple[np.ndarray, np.ndarray]


class EpochTimes(keras.callbacks.Callback):
    """Seconds of every epoch but the first, which compiles."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def __deepcopy__(self, memo: object) -> "EpochTimes":
        return self  # the tuner copies callbacks for every trial

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        if epoch:
            self.seconds.append(time.perf_counter() - self._started)


class Part:
    """Some runs of a study, as arrays and models: treatments of the first replicate, evenly spread over its list."""

    def __init__(self, study: Study, runs: int) -> None:
        treatments = design.treatments(study)
        chosen = [treatments[number * len(treatments) // runs] for number in range(runs)]
        self.runs = [(each.settings, study.seeds[0]) for each in chosen]
        self.dataset = sources.load(study.base.data, study.source.parent)
        self.divisor = np.float32(self.dataset.divisor)

    def arrays(self, settings: RunSettings, seed: int) -> tuple[Arrays, Arrays, Arrays]:
        rows = splits.split(self.dataset, settings.data, seed)
        parts = (rows.train, rows.validation, rows.test)
        train, validation, test = ((self.dataset.x[part] / self.divisor, self.dataset.y[part]) for part in parts)
        return train, validation, test

    def model(self, settings: RunSettings, seed: int) -> keras.Model:
        return build(settings, self.dataset.x.shape[1], len(self.dataset.classes), seed)


def plain(part: Part) -> dict[str, Any]:
    """A loop around `fit`, as a tutorial writes it: Keras' defaults, the validation data handed to `fit`."""
    return _loop(part, lambda model, settings: compile_model(model, settings, jit_compile="auto"))


def tuned(part: Part) -> dict[str, Any]:
    """The same loop with XLA and the number of steps per execution that is fastest; the search is not counted."""
    settings, seed = part.runs[0]
    started = time.perf_counter()
    steps = -(-len(part.arrays(settings, seed)[0][0]) // settings.training.batch_size)
    short = settings.model_copy(update={"training": settings.training.model_copy(update={"epochs": 4})})

    def with_steps(count: int) -> Callable[[keras.Model, RunSettings], None]:
        def compile_so(model: keras.Model, settings: RunSettings) -> None:
            compile_model(model, settings)
            model.steps_per_execution = count

        return compile_so

    tried = {
        count: statistics.median(_fit(part, short, seed, with_steps(count))) for count in CANDIDATES if count <= steps
    }
    best = min(tried, key=tried.__getitem__)
    searching = time.perf_counter() - started
    return {**_loop(part, with_steps(best)), "steps_per_execution": best, "uncounted": searching}


def tuner(part: Part) -> dict[str, Any]:
    """KerasTuner's GridSearch over the treatments; its checkpoints go to a temporary folder."""
    import keras_tuner

    settings, seed = part.runs[0]
    train, validation, _ = part.arrays(settings, seed)
    times = EpochTimes()

    def make(choices: keras_tuner.HyperParameters) -> keras.Model:
        chosen, seed = part.runs[choices.Choice("run", list(range(len(part.runs))))]
        model = part.model(chosen, seed)
        compile_model(model, chosen, jit_compile="auto")
        return model

    with tempfile.TemporaryDirectory() as folder:
        search = keras_tuner.GridSearch(make, objective="val_accuracy", directory=folder, project_name="runs")
        started = time.perf_counter()
        search.search(
            *train,
            epochs=settings.training.epochs,
            batch_size=settings.training.batch_size,
            validation_data=validation,
            callbacks=[times],
            verbose=0,
        )
        seconds = time.perf_counter() - started
    trained = len(times.seconds) / (settings.training.epochs - 1)
    assert trained == len(part.runs), f"the tuner trained {trained} of {len(part.runs)} runs"
    return {"runs": [seconds / len(part.runs)] * len(part.runs), "epochs": times.seconds}


def _loop(part: Part, compile_so: Callable[[keras.Model, RunSettings], None]) -> dict[str, Any]:
    runs, epochs = [], []
    for settings, seed in part.runs:
        started = time.perf_counter()
        epochs += _fit(part, settings, seed, compile_so)
        runs.append(time.perf_counter() - started)
    return {"runs": runs, "epochs": epochs}


def _fit(
    part: Part, settings: RunSettings, seed: int, compile_so: Callable[[keras.Model, RunSettings], None]
) -> Sequence[float]:
    """Train and test one run; returns the seconds of its epochs."""
    train, validation, test = part.arrays(settings, seed)
    model = part.model(settings, seed)
    compile_so(model, settings)
    times = EpochTimes()
    model.fit(
        *train,
        epochs=settings.training.epochs,
        batch_size=settings.training.batch_size,
        validation_data=validation,
        callbacks=[*stopping(settings.remedies.early_stopping, settings.training.epochs), times],
        verbose=0,
    )
    model.evaluate(*test, verbose=0)
    return times.seconds


def main() -> None:
    """Train a part of a study in one way and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=["plain", "tuned", "tuner"])
    parser.add_argument("study", type=Path)
    parser.add_argument("runs", type=int)
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    part = Part(ablate.load(arguments.study, arguments.overrides), arguments.runs)
    json.dump({"plain": plain, "tuned": tuned, "tuner": tuner}[arguments.way](part), sys.stdout)


if __name__ == "__main__":
    main()
