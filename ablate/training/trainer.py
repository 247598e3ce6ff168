"""Trains one run to its record: by a compiled epoch, or by `model.fit`, which is its oracle and takes every model."""

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ablate.data import class_weights, scorable
from ablate.data.dataset import Dataset
from ablate.data.ondisk import OnDisk
from ablate.data.splits import Split, split
from ablate.errors import StudyError
from ablate.results.held_out import HeldOut
from ablate.results.record import (
    KEPT_EPOCH,
    MEASURED,
    MOMENTUM,
    PUT_IN,
    SCALING,
    Probe,
    Record,
    TrainerName,
    weights_digest,
)
from ablate.results.ways import Way
from ablate.settings.levels import EarlyStopping
from ablate.settings.metrics import Measured
from ablate.settings.network_levels import DropoutSchedule
from ablate.settings.run import RunSettings
from ablate.training import data as run_data
from ablate.training import inputs
from ablate.training import kept as kept_weights
from ablate.training import model as plain_model
from ablate.training.callbacks import (
    AddScores,
    History,
    Logs,
    Snapshots,
    Tick,
    schedule,
    stopping,
)
from ablate.training.choice import measure
from ablate.training.kept import Kept
from ablate.training.networks import layers, surgery
from ablate.training.networks.scheduled_dropout import ScheduledDropout
from ablate.training.program import AlteredError, Program, UnsupportedError
from ablate.training.remedies import description
from ablate.training.run import Run
from ablate.training.scores import number_scores, scoring
from ablate.training.scores.evaluation import Evaluator, Predictor, Scored
from ablate.training.scores.scoring import AnyScorer, predicted_classes
from ablate.training.user_callbacks import UserCallbacks
from ablate.training.workshop import Bench, Workshop
from ablate.version import __version__

Array = npt.NDArray[np.float32]

Choose = Callable[[str, Callable[[], Way]], Way]

TRAINERS: tuple[TrainerName, ...] = get_args(TrainerName)  # from the fastest to the one that takes every model


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
    choose: Choose | None = None,
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
        choose: finds the way of a structure by its name and a function that measures it; without it, the trainer is
            the first that can.

    Returns:
        The record; `trainer_reason` in its environment says why the first trainer did not make it.

    Raises:
        StudyError: the data is too small for the split that the settings ask for, or a metric is undefined on it.
        ModelError: a model of the user's cannot be trained.
    """
    started = time.perf_counter()
    with workshop.isolated(settings, always=callbacks is not tuple) as isolated:
        rows = split(dataset, settings.data, seed)
        if wrong := scorable.of_split(dataset, settings.data, settings.measured, rows, seed):
            raise StudyError("data", wrong)
        dataset = workshop.encoded(dataset, rows.train)
        blueprint = workshop.blueprint(settings, dataset, folder)
        taken = inputs.as_taken(dataset, settings, blueprint, folder)
        scaling = run_data.scaling(taken, rows.train, inputs.shape(taken, settings, blueprint))
        tensors = workshop.tensors(dataset)
        weights = class_weights.by_class(settings.training.class_weight, dataset, rows.train)
        run = Run(key, settings, seed, dataset, tensors, rows, scaling, tick, keep, start, blueprint, "", weights)
        own = UserCallbacks(callbacks, isolated) if isolated and callbacks is not tuple else None
        if trainer != "fit" and (reason := _only_fit(dataset, own)):
            return _by_the_first_that_can(run, workshop, "fit", own, started, reason)
        if trainer == "compiled" and choose is not None and blueprint is not None and blueprint.convolves:
            way = choose(run.program_key(trainer), lambda: measure(run))
            run, reason = replace(run, measured=way.why), way.why if way.trainer != trainer else ""
            return _by_the_first_that_can(run, workshop, way.trainer, own, started, reason)
        return _by_the_first_that_can(run, workshop, trainer, own, started, "")


def _only_fit(dataset: Dataset, own: UserCallbacks | None) -> str:
    """Why a run has no compiled epoch; empty if it may have one."""
    if isinstance(dataset.x, OnDisk):
        return f"its data, {dataset.x.nbytes / 1e9:.3g} GB, does not fit into memory"
    hooked = own.with_batch_hooks() if own else []
    return f"{', '.join(hooked)} has hooks for every batch" if hooked else ""


def _by_the_first_that_can(
    run: Run, workshop: Workshop, trainer: TrainerName, own: UserCallbacks | None, started: float, reason: str
) -> Record:
    """Train by a trainer, or by one that takes more models; see `train`."""
    left = list(TRAINERS[TRAINERS.index(trainer) :])
    while left:
        name = left.pop(0)
        try:
            with own.isolation.part() if own else nullcontext():
                bench = workshop.bench(name, run)
                return _train(run, name, bench, own.made(run, name, bench.program) if own else (), started, reason)
        except AlteredError as error:
            left, reason = ["fit"], str(error)
        except UnsupportedError as error:
            workshop.refuse(name, run, str(error))
            reason = str(error)
    raise AssertionError("the last trainer, model.fit, takes every model")


def _train(
    run: Run,
    trainer: TrainerName,
    bench: Bench,
    own: Sequence[keras.callbacks.Callback],
    started: float,
    reason: str,
) -> Record:
    level = run.settings.remedies.early_stopping
    rules = level if isinstance(level, EarlyStopping) else None
    history = History(run.settings.measured)
    scorer = _scorer(run)
    watched = (rules.monitor, rules.min_delta) if rules else ()
    start = (rules and rules.start_from_epoch) or 0
    snapshots = Snapshots(bench.read_weights, *watched, start=start, follow=bool(own))
    epochs = run.settings.training.epochs
    rates = schedule(run.settings.remedies.learning_rate_schedule, plain_model.learning_rate(run.settings), epochs)
    callbacks = [
        history,
        snapshots,
        *rates,
        *_dropout_schedule(run, bench.model),
        *stopping(level, epochs),
        *own,
        Tick(run.tick),
    ]
    sample = run.scaling(run.data.take(run.rows.probe)[0])
    compiled_before = bench.compile_seconds
    if bench.program:
        bench.program.load(run.settings, run.seed, run.data, run.scaling, run.rows, run.class_weights)
    if run.start is not None:
        layers.put_weights(bench.model, run.start)
    probes = bench.prober.look(sample, "initial")
    if bench.program:
        _train_compiled(run, bench.program, scorer, callbacks)
    else:
        _train_with_fit(run, bench.model, bench.evaluator, scorer, callbacks)

    kept = kept_weights.find(bench.read_weights(), snapshots, restored=rules is not None and rules.restore_best_weights)
    probes += bench.prober.look_back(sample, kept.moments)
    compiling = bench.compile_seconds - compiled_before
    return _record(run, trainer, bench, history, scorer, kept, probes, compiling, started, reason)


def _scorer(run: Run) -> AnyScorer:
    """What a run is scored by."""
    if run.settings.is_regression:
        return number_scores.of(run.settings, run.dataset, run.scaling.target)
    return scoring.of(run.settings.measured, run.dataset, run.positive)


def _dropout_schedule(run: Run, model: keras.Model) -> list[keras.callbacks.Callback]:
    """What switches the dropouts of the remedy on and off; a network of the user's may have others of its own."""
    level = run.settings.remedies.dropout
    if not isinstance(level, DropoutSchedule):
        return []
    dropouts = surgery.dropouts(model)
    meant = run.blueprint.dropouts if run.blueprint else dropouts.keys()
    return [ScheduledDropout(level, [layer for name, layer in dropouts.items() if name in meant])]


def _record(
    run: Run,
    trainer: TrainerName,
    bench: Bench,
    history: History,
    scorer: AnyScorer,
    kept: Kept,
    probes: Sequence[Probe],
    compiling: float,
    started: float,
    reason: str,
) -> Record:
    """What is kept of a training, as its network is now."""
    scores = {} if kept.epoch is not None else _inference_scores(run, bench.evaluator, scorer)
    result = kept_weights.figures(history.columns, kept, scores, run.settings.measured)
    tested, held_out = _tested(run, bench.evaluator, scorer)
    result |= tested
    result["parameters"] = layers.parameters(bench.model)
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
            SCALING: run.scaling.words,
            "programs_compiled": int(compiling > 0),
            KEPT_EPOCH: None if kept.epoch is None else kept.epoch + 1,
            **({MOMENTUM: momentum} if (momentum := layers.batch_norm_momentum(bench.model)) is not None else {}),
            **({PUT_IN: description.summary(run.blueprint.notes)} if run.blueprint and run.blueprint.notes else {}),
            **({"trainer_reason": reason} if reason else {}),
            **({MEASURED: run.measured} if run.measured else {}),
        },
        held_out=held_out,
    )


def _tested(run: Run, evaluator: Evaluator | Predictor, scorer: AnyScorer) -> tuple[Logs, HeldOut | None]:
    """The columns of the test set, as a model is now, and what else is kept of its answers."""
    rows = run.rows.test
    found = evaluator.score(run.data, run.scaling, rows)
    columns = _as_columns("test", found, run.settings.measured)
    columns |= scorer.columns("test", rows, found.predictions)
    if run.settings.is_regression:
        return columns, scorer.held_out(rows, found.predictions)
    if not run.settings.measured.held_out:
        return columns, None
    held_out = scorer.held_out(rows, found.predictions)
    return {**columns, "predicted_classes": predicted_classes(found.predictions)}, held_out


def _as_columns(side: str, found: Scored, measured: Measured) -> Logs:
    """The columns that every network has of a part of the data; a regression's are computed from its predictions."""
    return {f"{side}_{name}": float(getattr(found, name)) for name in measured.running}


def _train_compiled(
    run: Run, program: Program, scorer: AnyScorer, callbacks: Sequence[keras.callbacks.Callback]
) -> None:
    epochs = run.settings.training.epochs
    program.model.stop_training = False
    told = keras.callbacks.CallbackList(
        callbacks, add_history=True, model=program.model, epochs=epochs, verbose=0, steps=run.steps
    )
    logs: Logs = {}
    told.on_train_begin()
    for epoch in range(epochs):
        told.on_epoch_begin(epoch)
        logs, predictions = program.epoch(run.order(epoch))
        logs |= {**scorer.running(logs), **scorer.every_epoch(run.rows, predictions)}
        told.on_epoch_end(epoch, logs)
        if program.model.stop_training:
            break
    program.model.optimizer.finalize_variable_values(program.model.trainable_weights)  # as `fit` does
    told.on_train_end(logs)


def _train_with_fit(
    run: Run,
    model: keras.Model,
    evaluator: Evaluator | Predictor,
    scorer: AnyScorer,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:

    def columns(logs: Logs) -> Logs:
        return {**scorer.running(logs), **_inference_scores(run, evaluator, scorer)}

    plain_model.materialize(model, run.scaling.shape)
    model.fit(
        run.batches(),
        epochs=run.settings.training.epochs,
        shuffle=False,
        steps_per_epoch=run.steps,
        verbose=0,
        callbacks=[
            AddScores(columns),
            *callbacks,
        ],
    )


def _inference_scores(run: Run, evaluator: Evaluator | Predictor, scorer: AnyScorer) -> Logs:
    """All scores of the training sample and of the validation rows, as a model is now."""
    train = evaluator.score(run.data, run.scaling, run.rows.train_sample)
    held_out = evaluator.score(run.data, run.scaling, run.rows.validation)
    return {
        **_as_columns("train", train, run.settings.measured),
        **_as_columns("val", held_out, run.settings.measured),
        **scorer.every_epoch(run.rows, {"train": train.predictions, "val": held_out.predictions}),
    }


def _environment(rows: Split) -> Mapping[str, Any]:
    return {
        "ablate": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "process": os.getpid(),
        "threads": int(os.environ.get("TF_NUM_INTRAOP_THREADS", "0")),
        "rows": {"train": len(rows.train), "validation": len(rows.validation), "test": len(rows.test)},
    }
