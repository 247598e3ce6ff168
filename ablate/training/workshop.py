"""What a worker process keeps between runs: tensors of data, compiled programs, models of the user's."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import keras

from ablate.data.dataset import Dataset
from ablate.data.splits import Rows
from ablate.results.record import TrainerName
from ablate.settings.network_levels import DropoutSchedule
from ablate.settings.run import RunSettings
from ablate.settings.structure import structure_name
from ablate.training import blueprint as blueprints
from ablate.training import data as run_data
from ablate.training import inputs
from ablate.training import model as plain_model
from ablate.training.blueprint import Blueprint
from ablate.training.callbacks import Weights
from ablate.training.data import Tensors
from ablate.training.isolation.isolation import Isolation
from ablate.training.networks.scheduled_dropout import with_variable_rates
from ablate.training.program import Program, UnsupportedError
from ablate.training.run import Run
from ablate.training.scores.evaluation import Evaluator, Predictor
from ablate.training.scores.probe import Prober

DATASETS = 2  # kept in a process as networks take them; a table has one for every seed


@dataclass(frozen=True)
class Bench:
    """A model with the tools that look at it, and its program unless `model.fit` trains it."""

    model: keras.Model
    evaluator: Evaluator | Predictor
    prober: Prober
    read_weights: Callable[[], Weights]
    program: Program | None = None

    @classmethod
    def around(cls, model: keras.Model, run: Run, program: Program | None = None) -> "Bench":
        """A model with its tools, for a run."""
        shape, hidden = run.scaling.shape, run.settings.model
        split = run.blueprint.split if run.blueprint else None
        prober = Prober(model, shape, hidden.activation if hidden.hidden else None, split)
        read = plain_model.weights_reader(model)
        scorer = (
            Predictor(model, shape) if run.settings.is_regression else Evaluator(model, shape, logits=hidden.logits)
        )
        return cls(model, scorer, prober, read, program)

    @property
    def compile_seconds(self) -> float:
        """Time that was spent compiling so far."""
        return self.program.compile_seconds if self.program else 0.0


@dataclass
class Workshop:
    """What a process keeps between runs: tensors of its data sets and compiled programs.

    Attributes:
        capacity: programs kept; the one unused for longest is dropped.
    """

    capacity: int = 32
    _tensors: dict[str, Tensors] = field(default_factory=dict)
    _encoded: dict[str, Dataset] = field(default_factory=dict)
    _benches: dict[str, Bench] = field(default_factory=dict)
    _unsupported: dict[str, str] = field(default_factory=dict)
    _blueprints: dict[str, Blueprint] = field(default_factory=dict)
    _shown: set[tuple[str, str]] = field(default_factory=set)  # data that models of the user's were shown
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

    def bench(self, trainer: TrainerName, run: Run) -> Bench:
        """The model of a run, for one of the trainers; programs are shared by all runs of a structure.

        Raises:
            UnsupportedError: an earlier run of this structure could not be compiled.
        """
        settings, features, outputs = run.settings, run.dataset.x.shape[1], run.dataset.outputs
        image = run.scaling.shape if run.blueprint is None and len(run.scaling.shape) > 1 else ()
        if trainer == "fit":
            model = plain_model.build(settings, features, outputs, run.seed, run.blueprint, image)
            if isinstance(settings.remedies.dropout, DropoutSchedule):
                model, plain = with_variable_rates(model), model
                plain_model.compile_model(model, settings, jit_compile=plain.jit_compile)
            return Bench.around(model, run)
        key = run.program_key(trainer)
        if key in self._unsupported:
            raise UnsupportedError(self._unsupported[key])
        found = self._benches.pop(key, None)
        made = found is None
        if found is None:
            xla = trainer == "compiled"
            program = Program(key, settings, features, outputs, xla=xla, blueprint=run.blueprint, image=image)
            found = Bench.around(program.model, run, program)
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
        if (key, dataset.digest) not in self._shown:
            inputs.check_range(found.model, dataset)
            self._shown.add((key, dataset.digest))
        self._meet(key, made=made)
        self._blueprints[key] = found
        if len(self._blueprints) > self.capacity:
            self._blueprints.pop(next(iter(self._blueprints)))
        return found

    def refuse(self, trainer: TrainerName, run: Run, why: str) -> None:
        """Remember that a structure cannot be trained this way, so that it is not tried for every run."""
        key = run.program_key(trainer)
        self._benches.pop(key, None)
        self._unsupported[key] = why
