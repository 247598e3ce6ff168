"""What a record promises, over small studies made at random: it is of its settings, seed, data and code alone."""

import functools
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from ablate.data import sources
from ablate.data.sources import Dataset
from ablate.results.record import Record
from ablate.settings.run import Data, RunSettings
from ablate.studies import spec
from ablate.training import trainer
from ablate.training.callbacks import own_callbacks
from ablate.training.workshop import Workshop

EPOCHS = 2
FEW = rules(
    phases=[Phase.explicit, Phase.generate],
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
MODULE = """
import keras

class Idle(keras.callbacks.Callback):
    pass

def idle():
    return [Idle(), keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)]
"""
UNDERFITTING = ("init", "batch_norm", "optimizer", "learning_rate_schedule")
Run = tuple[dict[str, Any], int]

# Two structures, so that few programs are compiled; the levels of all other remedies are variables of them.
REMEDIES = st.fixed_dictionaries(
    {},
    optional={
        "optimizer": st.sampled_from(["sgd", {"name": "sgd", "learning_rate": 0.3}, {"name": "adam"}]),
        "dropout": st.sampled_from([0.2, 0.9]),
        "l2": st.sampled_from([0.1, 10.0]),
        "init": st.sampled_from(["he_normal", "zeros"]),
        "early_stopping": st.sampled_from([{"patience": 1}, {"monitor": "val_accuracy", "patience": 1}]),
        "learning_rate_schedule": st.just({"name": "cosine"}),
    },
)
RUNS = st.lists(st.tuples(REMEDIES, st.integers(1, 3)), min_size=2, max_size=4)
NEUTRAL = st.fixed_dictionaries(  # what no training can feel, written otherwise than by leaving it out
    {},
    optional={
        "dropout": st.sampled_from([0.0, [0.0]]),
        "l2": st.just(0.0),
        "batch_norm": st.sampled_from([False, [False]]),
        "init": st.just({"name": "glorot_uniform"}),
        "early_stopping": st.just({"patience": EPOCHS, "restore_best_weights": False}),
        "learning_rate_schedule": st.sampled_from(
            [{"name": "step", "every": EPOCHS, "factor": 0.5}, {"name": "step", "every": 9, "factor": 0.1}]
        ),
    },
)


@functools.cache
def data() -> Dataset:
    return sources.load(Data(source="iris"), Path())


def settings_of(remedies: dict[str, Any], **training: Any) -> RunSettings:
    families: dict[str, dict[str, Any]] = {"underfitting": {}, "overfitting": {}}
    for name, level in remedies.items():
        families["underfitting" if name in UNDERFITTING else "overfitting"][name] = [level]
    document: dict[str, Any] = {
        "study": {"name": "s"},
        "data": {"source": "iris"},
        "model": {"hidden": [4]},
        "training": {"epochs": EPOCHS, **training},
        **families,
    }
    for family in families.values():
        if level := family.get("early_stopping"):
            family["early_stopping"] = level[0]
    return spec.build(document, Path("ablations.toml")).base


def train(run: Run, workshop: Workshop, folder: Path = Path(), **training: Any) -> Record:
    settings = settings_of(run[0], **training)
    named = settings.training.callbacks
    callbacks: Any = (lambda: own_callbacks(named)) if named else tuple
    return trainer.train("k", settings, run[1], data(), workshop, trainer="graph", callbacks=callbacks, folder=folder)


def measured(record: Record) -> str:
    history = {name: values for name, values in record.history.items() if name != "seconds"}
    return repr((record.status, record.trainer, history, record.result, record.probes, record.weights))


def all_measured(runs: Iterable[Run], workshop: Workshop) -> list[str]:
    return [measured(train(run, workshop)) for run in runs]


@functools.cache
def used(number: int) -> Workshop:
    """The programs of one of two processes, which see the runs of all examples in different orders."""
    return Workshop()


@FEW
@given(runs=RUNS, turn=st.permutations(range(4)))
def test_order_and_company_change_nothing(runs: list[Run], turn: list[int]) -> None:
    order = [place for place in turn if place < len(runs)]
    one = all_measured(runs, used(0))
    other = dict(zip(order, all_measured([runs[place] for place in order], used(1)), strict=True))
    assert one == [other[place] for place in range(len(runs))]


@FEW
@given(runs=RUNS, share=st.integers(1, 3))
def test_a_part_of_a_study_and_the_rest_later_are_the_whole(runs: list[Run], share: int) -> None:
    """As `--only` and an interrupted study that goes on have it."""
    whole = all_measured(runs, used(0))
    part, rest = runs[:share], runs[share:]
    later = all_measured(rest, used(1))
    assert whole == [*all_measured(part, used(1)), *later]


@rules(FEW, max_examples=3)
@given(runs=RUNS)
def test_a_fresh_process_and_a_used_one_measure_the_same(runs: list[Run]) -> None:
    assert measured(train(runs[0], Workshop())) == all_measured(itertools.chain(runs[1:], runs[:1]), used(0))[-1]


@FEW
@given(neutral=NEUTRAL, seed=st.integers(1, 3))
def test_neutral_levels_are_the_baseline(neutral: dict[str, Any], seed: int) -> None:
    assert measured(train((neutral, seed), used(0))) == measured(train(({}, seed), used(0)))


@FEW
@given(run=st.tuples(REMEDIES, st.integers(1, 3)))
def test_a_callback_that_does_nothing_changes_nothing(tmp_path_factory: pytest.TempPathFactory, run: Run) -> None:
    folder = tmp_path_factory.mktemp("idle")
    (folder / "idle_code.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        with_it = train(run, used(0), folder, callbacks=["idle_code:idle"])
    assert measured(with_it) == measured(train(run, used(1)))
