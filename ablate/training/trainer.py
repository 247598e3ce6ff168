"""Trains one run to its record, by the compiled epoch or by `model.fit`, which is its oracle."""

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ablate.results.record import Moment, Probe, Record, TrainerName
from ablate.study.levels import EarlyStopping
from ablate.study.settings import RunSettings
from ablate.study.sources import Dataset
from ablate.study.splits import Rows, Split, split
from ablate.training import data as run_data
from ablate.training import model as plain_model
from ablate.training.callbacks import AddScores, History, Logs, Snapshots, Tick, Weights, stopping
from ablate.training.data import Scaling, Tensors
from ablate.training.evaluation import Evaluator
from ablate.training.probe import Prober
from ablate.training.program import Program, structure_key

FINAL_GAP_EPOCHS = 5


@dataclass
class Workshop:
    """What a process keeps between runs: tensors of its data sets and compiled programs.

    Attributes:
        capacity: programs kept; the one unused for longest is dropped.
    """

    capacity: int = 32
    _tensors: dict[str, Tensors] = field(default_factory=dict)
    _benches: dict[str, "_Bench"] = field(default_factory=dict)

    def tensors(self, dataset: Dataset) -> Tensors:
        """The tensors of a data set."""
        if dataset.digest not in self._tensors:
            self._tensors[dataset.digest] = run_data.tensors(dataset)
        return self._tensors[dataset.digest]

    def bench(self, settings: RunSettings, dataset: Dataset, rows: Split) -> "_Bench":
        """The program of a run's structure, with the tools that look at its model."""
        features, classes = dataset.x.shape[1], len(dataset.classes)
        key = structure_key(settings, dataset, rows)
        found = self._benches.pop(key, None)
        if found is None:
            program = Program(settings, features, classes)
            found = _Bench(program, Evaluator(program.model), Prober(program.model, settings.model.activation))
        self._benches[key] = found
        if len(self._benches) > self.capacity:
            self._benches.pop(next(iter(self._benches)))
        return found


@dataclass(frozen=True)
class _Bench:
    program: Program
    evaluator: Evaluator
    prober: Prober


@dataclass(frozen=True)
class _Run:
    """One run and everything both trainers need for it."""

    settings: RunSettings
    seed: int
    data: Tensors
    rows: Split
    scaling: Scaling
    callbacks: list[keras.callbacks.Callback]

    def order(self, epoch: int) -> Rows:
        return run_data.batch_order(self.rows.train, self.seed, epoch)


def train(
    key: str,
    settings: RunSettings,
    seed: int,
    dataset: Dataset,
    workshop: Workshop,
    *,
    trainer: TrainerName = "compiled",
    tick: Callable[[int], None] = lambda epochs: None,
) -> Record:
    """Train one run.

    Args:
        key: the run's key, for the record.
        settings: its treatment.
        seed: its replicate's seed.
        dataset: what `settings.data` names.
        workshop: what earlier runs of this process left to be used again.
        trainer: the compiled epoch, or `model.fit`.
        tick: called with the number of epochs done after each; what it raises ends the run.

    Raises:
        StudyError: the data is too small for the split that the settings ask for.
    """
    started = time.perf_counter()
    rows = split(dataset, settings.data, seed)
    level = settings.remedies.early_stopping
    rules = level if isinstance(level, EarlyStopping) else None
    history = History()
    snapshots = Snapshots(rules.monitor, rules.min_delta) if rules else Snapshots()
    callbacks = [history, snapshots, *stopping(level, settings.training.epochs), Tick(tick)]
    scaling = run_data.scaling(dataset, rows.train)
    run = _Run(settings, seed, workshop.tensors(dataset), rows, scaling, callbacks)
    probe_sample = scaling(tf.gather(run.data.x, rows.probe))

    if trainer == "compiled":
        bench = workshop.bench(settings, dataset, rows)
        model, evaluator, prober = bench.program.model, bench.evaluator, bench.prober
        compiled_before = bench.program.compile_seconds
        bench.program.load(settings, seed)
        probes = prober.look(probe_sample, "initial")
        _train_compiled(run, bench.program)
        compile_seconds = bench.program.compile_seconds - compiled_before
    else:
        model = plain_model.build(settings, dataset.x.shape[1], len(dataset.classes), seed)
        evaluator, prober = Evaluator(model), Prober(model, settings.model.activation)
        probes = prober.look(probe_sample, "initial")
        _train_with_fit(run, model, evaluator)
        compile_seconds = 0.0

    probes += _look_back(model, prober, probe_sample, snapshots)
    restored = rules is not None and rules.restore_best_weights
    result = _result(history, snapshots.best_epoch, restored=restored)
    result["test_loss"], result["test_accuracy"] = evaluator.score(run.data, scaling, rows.test)
    result["parameters"] = _parameters(model)
    return Record(
        key=key,
        seed=seed,
        settings=settings.model_dump(mode="json", exclude_none=True),
        status="diverged" if history.diverged else "ok",
        trainer=trainer,
        history=history.columns,
        result=result,
        probes=tuple(probes),
        seconds={
            "train": sum(history.columns["seconds"]),
            "compile": compile_seconds,
            "total": time.perf_counter() - started,
        },
        environment=_environment(rows),
    )


def _look_back(model: keras.Model, prober: Prober, sample: tf.Tensor, snapshots: Snapshots) -> list[Probe]:
    """Probes of the best epoch and of the end; the model has its kept weights before and after."""
    kept = model.get_weights()
    moments: tuple[tuple[Moment, Weights], ...] = (("best", snapshots.best), ("end", snapshots.end))
    probes = []
    for moment, weights in moments:
        model.set_weights(weights)
        probes += prober.look(sample, moment)
    model.set_weights(kept)
    return probes


def _train_compiled(run: _Run, program: Program) -> None:
    epochs = run.settings.training.epochs
    program.model.stop_training = False
    callbacks = keras.callbacks.CallbackList(
        run.callbacks, add_history=False, add_progbar=False, model=program.model, epochs=epochs, verbose=0
    )
    logs: Logs = {}
    callbacks.on_train_begin()
    for epoch in range(epochs):
        callbacks.on_epoch_begin(epoch)
        logs = program.epoch(run.data, run.scaling, run.rows, run.order(epoch))
        callbacks.on_epoch_end(epoch, logs)
        if program.model.stop_training:
            break
    callbacks.on_train_end(logs)


def _train_with_fit(run: _Run, model: keras.Model, evaluator: Evaluator) -> None:
    def scores() -> Logs:
        train_loss, train_accuracy = evaluator.score(run.data, run.scaling, run.rows.train_sample)
        val_loss, val_accuracy = evaluator.score(run.data, run.scaling, run.rows.validation)
        return {
            "train_loss": train_loss,
            "train_accuracy": train_accuracy,
            "val_loss": val_loss,
            "val_accuracy": val_accuracy,
        }

    plain_model.materialize(model)
    model.fit(
        _batches(run),
        epochs=run.settings.training.epochs,
        shuffle=False,
        steps_per_epoch=-(-len(run.rows.train) // run.settings.training.batch_size),
        verbose=0,
        callbacks=[AddScores(scores), *run.callbacks],
    )


def _batches(run: _Run) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """The batches of the compiled epoch, in the same order, one epoch after the other."""
    size = run.settings.training.batch_size
    for epoch in range(run.settings.training.epochs):
        order = run.order(epoch)
        for start in range(0, len(order), size):
            rows = tf.constant(order[start : start + size])
            yield run.scaling(tf.gather(run.data.x, rows)), tf.gather(run.data.y, rows)


def _result(history: History, best_epoch: int, *, restored: bool) -> dict[str, float]:
    """The figures of the kept weights: of the best epoch if restored, else of the last."""
    columns = history.columns
    epochs = len(columns["loss"])
    kept = best_epoch if restored else epochs - 1
    result = {name: values[kept] for name, values in columns.items() if name != "seconds"}
    if not restored:
        result["gap"] = float(np.mean(columns["gap"][-min(FINAL_GAP_EPOCHS, epochs) :]))
    return {**result, "best_epoch": best_epoch + 1, "stopped_epoch": epochs}


def _parameters(model: keras.Model) -> int:
    """Weights of the network; the variables of replaced layers do not count."""
    kinds = keras.layers.Dense | keras.layers.BatchNormalization
    return sum(layer.count_params() for layer in model.layers if isinstance(layer, kinds))


def _environment(rows: Split) -> Mapping[str, Any]:
    return {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "threads": int(os.environ.get("TF_NUM_INTRAOP_THREADS", "0")),
        "rows": {"train": len(rows.train), "validation": len(rows.validation), "test": len(rows.test)},
    }
