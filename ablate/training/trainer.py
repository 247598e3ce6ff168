"""Trains one run to its record: by a compiled epoch, or by `model.fit`, which is its oracle and takes every model."""

import hashlib
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

import ablate
from ablate.results.record import KEPT_EPOCH, MOMENTUM, Record, TrainerName, weights_digest
from ablate.study.dataset import Dataset
from ablate.study.levels import EarlyStopping
from ablate.study.ondisk import OnDisk
from ablate.study.seeds import Stream, derive
from ablate.study.settings import RunSettings
from ablate.study.splits import Rows, Split, split
from ablate.study.structure import structure_name
from ablate.training import blueprint as blueprints
from ablate.training import data as run_data
from ablate.training import inputs, layers
from ablate.training import kept as kept_weights
from ablate.training import model as plain_model
from ablate.training.blueprint import Blueprint
from ablate.training.callbacks import (
    AddScores,
    History,
    Logs,
    Snapshots,
    Tick,
    Weights,
    has_batch_hooks,
    schedule,
    stopping,
)
from ablate.training.data import Scaling, Tensors
from ablate.training.evaluation import Evaluator
from ablate.training.isolation import Isolation
from ablate.training.probe import Prober
from ablate.training.program import AlteredError, Program, UnsupportedError, structure_key

Array = npt.NDArray[np.float32]

DATASETS = 2  # kept in a process as networks take them; a table has one for every seed
TRAINERS: tuple[TrainerName, ...] = get_args(TrainerName)  # from the fastest to the one that takes every model


@dataclass(frozen=True)
class _Bench:
    """A model with the tools that look at it, and its program unless `model.fit` trains it."""

    model: keras.Model
    evaluator: Evaluator
    prober: Prober
    read_weights: Callable[[], Weights]
    program: Program | None = None

    @classmethod
    def around(cls, model: keras.Model, run: "_Run", program: Program | None = None) -> "_Bench":
        shape, hidden = run.scaling.shape, run.settings.model
        prober = Prober(model, shape, hidden.activation if hidden.hidden else None)
        read = plain_model.weights_reader(model)
        return cls(model, Evaluator(model, shape), prober, read, program)


@dataclass
class Workshop:
    """What a process keeps between runs: tensors of its data sets and compiled programs.

    Attributes:
        capacity: programs kept; the one unused for longest is dropped.
    """

    capacity: int = 32
    _tensors: dict[str, Tensors] = field(default_factory=dict)
    _encoded: dict[str, Dataset] = field(default_factory=dict)
    _benches: dict[str, _Bench] = field(default_factory=dict)
    _unsupported: dict[str, str] = field(default_factory=dict)
    _blueprints: dict[str, Blueprint] = field(default_factory=dict)
    _isolation: Isolation | None = None

    @contextmanager
    def isolated(self, settings: RunSettings, *, always: bool = False) -> Iterator[Isolation | None]:
        """A run, or a part of one; what code of the user's does to the process ends with it.

        Args:
            settings: of its treatment; without code of the user's there is nothing to be done.
            always: there is such code that the settings do not name.
        """
        if not (settings.code or settings.model.file is not None or always):
            yield None
            return
        self._isolation = self._isolation or Isolation()
        with self._isolation.run():
            try:
                yield self._isolation
            finally:
                for key in self._isolation.used & self._benches.keys():
                    program = self._benches[key].program
                    if program and program.is_altered:
                        self._isolation.forget(key)
                for key in self._isolation.stale():
                    self._benches.pop(key, None)
                    self._blueprints.pop(key, None)

    @property
    def spent(self) -> str:
        """Why nothing else should be trained in this process; empty if it may be."""
        return self._isolation.spent if self._isolation else ""

    def _meet(self, key: str, *, made: bool) -> None:
        if self._isolation:
            self._isolation.meet(key, made=made)

    def tensors(self, dataset: Dataset) -> Tensors:
        """The tensors of a data set."""
        if dataset.digest not in self._tensors:
            while len(self._tensors) >= DATASETS:
                self._tensors.pop(next(iter(self._tensors)))
            self._tensors[dataset.digest] = run_data.tensors(dataset)
        return self._tensors[dataset.digest]

    def encoded(self, dataset: Dataset, train: Rows) -> Dataset:
        """A data set as a network takes it, by what a run's training rows make of it; kept for runs with the same."""
        if dataset.recipe is None:
            return dataset
        key = hashlib.sha256(f"{dataset.digest} {train.shape}".encode() + train.tobytes()).hexdigest()
        if key not in self._encoded:
            while len(self._encoded) >= DATASETS:
                self._encoded.pop(next(iter(self._encoded)))
            self._encoded[key] = dataset.encoded(dataset.mapping(train))
        return self._encoded[key]

    def bench(self, trainer: TrainerName, run: "_Run") -> _Bench:
        """The model of a run, for one of the trainers; programs are shared by all runs of a structure.

        Raises:
            UnsupportedError: an earlier run of this structure could not be compiled.
        """
        settings, features, classes = run.settings, run.dataset.x.shape[1], len(run.dataset.classes)
        if trainer == "fit":
            return _Bench.around(plain_model.build(settings, features, classes, run.seed, run.blueprint), run)
        key = run.program_key(trainer)
        if key in self._unsupported:
            raise UnsupportedError(self._unsupported[key])
        found = self._benches.pop(key, None)
        made = found is None
        if found is None:
            xla = trainer == "compiled"
            program = Program(key, settings, features, classes, xla=xla, blueprint=run.blueprint)
            found = _Bench.around(program.model, run, program)
        self._meet(key, made=made)
        self._benches[key] = found
        if len(self._benches) > self.capacity:
            self._benches.pop(next(iter(self._benches)))
        return found

    def blueprint(self, settings: RunSettings, dataset: Dataset, folder: Path) -> Blueprint | None:
        """The user's model of a treatment, which its builder makes once; `None` for hidden layers.

        Raises:
            ModelError: it cannot be trained on this data.
        """
        if settings.model.hidden:
            return None
        key = repr((structure_name(settings), dataset.shape, len(dataset.classes)))
        found = self._blueprints.pop(key, None)
        made = found is None
        found = found or blueprints.draw(settings, dataset.shape, len(dataset.classes), folder)
        self._meet(key, made=made)
        self._blueprints[key] = found
        if len(self._blueprints) > self.capacity:
            self._blueprints.pop(next(iter(self._blueprints)))
        return found

    def refuse(self, trainer: TrainerName, run: "_Run", why: str) -> None:
        """Remember that a structure cannot be trained this way, so that it is not tried for every run."""
        key = run.program_key(trainer)
        self._benches.pop(key, None)
        self._unsupported[key] = why


@dataclass(frozen=True)
class _Run:
    """One run and everything the trainers need for it."""

    key: str
    settings: RunSettings
    seed: int
    dataset: Dataset
    data: Tensors
    rows: Split
    scaling: Scaling
    tick: Callable[[int], None]
    keep: Callable[[Mapping[str, Array]], None] | None
    start: Mapping[str, Array] | None
    blueprint: Blueprint | None

    def order(self, epoch: int) -> Rows:
        return run_data.batch_order(self.rows.train, self.seed, epoch)

    def program_key(self, trainer: TrainerName) -> str:
        return f"{trainer} {structure_key(self.settings, self.dataset, self.rows)}"


def train(
    key: str,
    settings: RunSettings,
    seed: int,
    dataset: Dataset,
    workshop: Workshop,
    *,
    trainer: TrainerName = "compiled",
    callbacks: Callable[[], Sequence[keras.callbacks.Callback]] = tuple,
    tick: Callable[[int], None] = lambda epochs: None,
    keep: Callable[[Mapping[str, Array]], None] | None = None,
    start: Mapping[str, Array] | None = None,
    folder: Path = Path(),
) -> Record:
    """Train one run by the first trainer that can: its epoch compiled by XLA, as a plain graph, or `model.fit`.

    Args:
        key: the run's key, for the record.
        settings: its treatment.
        seed: its replicate's seed.
        dataset: what `settings.data` names.
        workshop: what earlier runs of this process left to be used again.
        trainer: the first to try.
        callbacks: makes the user's Keras callbacks for one training. Their hooks are called as `fit` calls them,
            with the columns of the history as logs; those with hooks for batches are left to `fit`.
        tick: called with the number of epochs done after each; what it raises ends the run.
        keep: given the kept weights, as `saving.plain_network` takes them.
        start: the weights to start from, likewise, instead of freshly drawn ones.
        folder: of the study, where the user's models are.

    Returns:
        The record; `trainer_reason` in its environment says why the first trainer did not make it.

    Raises:
        StudyError: the data is too small for the split that the settings ask for.
        ModelError: a model of the user's cannot be trained.
    """
    started = time.perf_counter()
    with workshop.isolated(settings, always=callbacks is not tuple) as isolated:
        rows = split(dataset, settings.data, seed)
        dataset = workshop.encoded(dataset, rows.train)
        blueprint = workshop.blueprint(settings, dataset, folder)
        taken = inputs.as_taken(dataset, settings, blueprint, folder)
        scaling = run_data.scaling(taken, rows.train, blueprint.shape if blueprint else None)
        tensors = workshop.tensors(dataset)
        run = _Run(key, settings, seed, dataset, tensors, rows, scaling, tick, keep, start, blueprint)
        around = isolated.part if isolated and callbacks is not tuple else nullcontext
        with around():
            reason = _only_fit(dataset, callbacks()) if trainer != "fit" else ""
        left = list(TRAINERS[TRAINERS.index("fit" if reason else trainer) :])
        while left:
            name = left.pop(0)
            try:
                with around():
                    bench = workshop.bench(name, run)
                    own = _own(run, name, bench, callbacks, isolated) if isolated and callbacks is not tuple else ()
                    return _train(run, name, bench, own, started, reason)
            except AlteredError as error:
                left, reason = ["fit"], str(error)
            except UnsupportedError as error:
                workshop.refuse(name, run, str(error))
                reason = str(error)
    raise AssertionError("the last trainer, model.fit, takes every model")


def _own(
    run: _Run,
    trainer: TrainerName,
    bench: _Bench,
    callbacks: Callable[[], Sequence[keras.callbacks.Callback]],
    isolated: Isolation,
) -> list[keras.callbacks.Callback]:
    """The user's callbacks, and behind them one that leaves the run to `fit` where they change what is to be traced.

    A program is shared: variables may differ between the runs that it trains, and nothing else.
    """
    key, program = run.program_key(trainer), bench.program

    def look(epoch: int, _logs: Logs | None = None) -> None:
        if epoch == 0 and program and (program.is_altered or isolated.has_program_changes(key)):
            raise AlteredError

    keras.utils.set_random_seed(derive(run.seed, Stream.CODE))
    made = callbacks()
    return [*made, keras.callbacks.LambdaCallback(on_epoch_begin=look)] if made else []


def _only_fit(dataset: Dataset, callbacks: Sequence[keras.callbacks.Callback]) -> str:
    """Why a run has no compiled epoch; empty if it may have one."""
    if isinstance(dataset.x, OnDisk):
        return f"its data, {dataset.x.nbytes / 1e9:.3g} GB, does not fit into memory"
    hooked = [type(callback).__name__ for callback in callbacks if has_batch_hooks(callback)]
    return f"{', '.join(hooked)} wants to be called for every batch" if hooked else ""


def _train(
    run: _Run,
    trainer: TrainerName,
    bench: _Bench,
    own: Sequence[keras.callbacks.Callback],
    started: float,
    reason: str,
) -> Record:
    level = run.settings.remedies.early_stopping
    rules = level if isinstance(level, EarlyStopping) else None
    history = History()
    watched = (rules.monitor, rules.min_delta) if rules else ()
    start = (rules and rules.start_from_epoch) or 0
    snapshots = Snapshots(bench.read_weights, *watched, start=start, follow=bool(own))
    epochs = run.settings.training.epochs
    rates = schedule(run.settings.remedies.learning_rate_schedule, plain_model.learning_rate(run.settings), epochs)
    callbacks = [history, snapshots, *rates, *stopping(level, epochs), *own, Tick(run.tick)]
    sample = run.scaling(run.data.take(run.rows.probe)[0])
    compiled_before = bench.program.compile_seconds if bench.program else 0.0
    if bench.program:
        bench.program.load(run.settings, run.seed, run.data, run.scaling, run.rows)
    if run.start is not None:
        layers.put_weights(bench.model, run.start)
    probes = bench.prober.look(sample, "initial")
    if bench.program:
        _train_compiled(run, bench.program, callbacks)
    else:
        _train_with_fit(run, bench.model, bench.evaluator, callbacks)

    kept = kept_weights.find(bench.read_weights(), snapshots, restored=rules is not None and rules.restore_best_weights)
    probes += bench.prober.look_back(sample, kept.moments)
    scores = {} if kept.epoch is not None else _inference_scores(run, bench.evaluator)
    result = kept_weights.figures(history.columns, kept, scores)
    result["test_loss"], result["test_accuracy"] = bench.evaluator.score(run.data, run.scaling, run.rows.test)
    result["parameters"] = layers.parameters(bench.model)
    compiling = bench.program.compile_seconds - compiled_before if bench.program else 0.0
    weights = layers.weights_by_layer(bench.model)
    if run.keep:
        run.keep(weights)
    return Record(
        key=run.key,
        seed=run.seed,
        settings=run.settings.model_dump(mode="json", exclude_none=True),
        status="diverged" if history.diverged or not kept_weights.is_finite(result) else "ok",
        trainer=trainer,
        history=history.columns,
        result=result,
        probes=tuple(probes),
        weights=weights_digest(weights),
        seconds={
            "train": sum(history.columns["seconds"]),
            "compile": compiling,
            "total": time.perf_counter() - started,
        },
        environment={
            **_environment(run.rows),
            "scaling": run.scaling.words,
            "programs_compiled": int(compiling > 0),
            KEPT_EPOCH: None if kept.epoch is None else kept.epoch + 1,
            **({MOMENTUM: momentum} if (momentum := layers.batch_norm_momentum(bench.model)) is not None else {}),
            **({"trainer_reason": reason} if reason else {}),
        },
    )


def _train_compiled(run: _Run, program: Program, callbacks: Sequence[keras.callbacks.Callback]) -> None:
    epochs = run.settings.training.epochs
    program.model.stop_training = False
    told = keras.callbacks.CallbackList(
        callbacks, add_history=True, model=program.model, epochs=epochs, verbose=0, steps=_steps(run)
    )
    logs: Logs = {}
    told.on_train_begin()
    for epoch in range(epochs):
        told.on_epoch_begin(epoch)
        logs = program.epoch(run.order(epoch))
        told.on_epoch_end(epoch, logs)
        if program.model.stop_training:
            break
    program.model.optimizer.finalize_variable_values(program.model.trainable_weights)  # as `fit` does
    told.on_train_end(logs)


def _train_with_fit(
    run: _Run, model: keras.Model, evaluator: Evaluator, callbacks: Sequence[keras.callbacks.Callback]
) -> None:
    plain_model.materialize(model, run.scaling.shape)
    model.fit(
        _batches(run),
        epochs=run.settings.training.epochs,
        shuffle=False,
        steps_per_epoch=_steps(run),
        verbose=0,
        callbacks=[AddScores(lambda: _inference_scores(run, evaluator)), *callbacks],
    )


def _inference_scores(run: _Run, evaluator: Evaluator) -> Logs:
    """Loss and accuracy of the training sample and of the validation rows, as a model is now."""
    train_loss, train_accuracy = evaluator.score(run.data, run.scaling, run.rows.train_sample)
    val_loss, val_accuracy = evaluator.score(run.data, run.scaling, run.rows.validation)
    return {
        "train_loss": train_loss,
        "train_accuracy": train_accuracy,
        "val_loss": val_loss,
        "val_accuracy": val_accuracy,
    }


def _steps(run: _Run) -> int:
    return -(-len(run.rows.train) // run.settings.training.batch_size)


def _batches(run: _Run) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """The batches of the compiled epoch, in the same order, one epoch after the other."""
    size = run.settings.training.batch_size
    for epoch in range(run.settings.training.epochs):
        order = run.order(epoch)
        for start in range(0, len(order), size):
            features, labels = run.data.take(order[start : start + size])
            yield run.scaling(features), labels


def _environment(rows: Split) -> Mapping[str, Any]:
    return {
        "ablate": ablate.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "process": os.getpid(),
        "threads": int(os.environ.get("TF_NUM_INTRAOP_THREADS", "0")),
        "rows": {"train": len(rows.train), "validation": len(rows.validation), "test": len(rows.test)},
    }
