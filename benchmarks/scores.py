"""What metrics cost an epoch: runs of the digits with and without them, in turns, in one process.

    python benchmarks/scores.py

Prints the median time of the processor in an epoch, which other work on the machine does not change as it does the wall
clock's, and what scikit-learn's functions would take for the same scores.
"""

import os

os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import itertools
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn import metrics as sklearn_metrics

from ablate.data import sources
from ablate.studies import spec
from ablate.training import trainer
from ablate.training.workshop import Workshop

METRICS = ["balanced_accuracy", "f1_macro", "roc_auc"]
EPOCHS, TURNS, COMPILING = 150, 6, 5


def run(metrics: list[str], workshop: Workshop) -> list[float]:
    """The milliseconds of the processor that the epochs of a run took, without the first ones."""
    document = {
        "study": {"name": "scores", "metrics": metrics},
        "data": {"source": "digits"},
        "model": {"hidden": [64, 32, 64]},
        "training": {"epochs": EPOCHS},
    }
    settings = spec.build(document, Path("ablations.toml")).base
    dataset = sources.load(settings.data, Path())
    clock: list[float] = []
    trainer.train("k", settings, 1, dataset, workshop, tick=lambda _: clock.append(time.process_time()))
    return [(after - before) * 1000 for before, after in itertools.pairwise(clock[COMPILING:])]


def by_scikit_learn() -> float:
    """The milliseconds that the same scores of one epoch take there."""
    random = np.random.default_rng(0)
    taken = []
    for _ in range(20):
        started = time.process_time()
        for rows in (1149, 288):
            labels, chances = random.integers(0, 10, rows), random.dirichlet(np.ones(10), rows)
            answers = chances.argmax(axis=1)
            sklearn_metrics.balanced_accuracy_score(labels, answers)
            sklearn_metrics.f1_score(labels, answers, average="macro")
            sklearn_metrics.roc_auc_score(labels, chances, multi_class="ovr")
        taken.append((time.process_time() - started) * 1000)
    return statistics.median(taken)


def main() -> None:
    """Measure and print."""
    workshop = Workshop()
    turns = [(run([], workshop), run(METRICS, workshop)) for _ in range(TURNS)]
    ratios = [statistics.median(scored) / statistics.median(plain) for plain, scored in turns]
    plain, scored = (min(statistics.median(turn[side]) for turn in turns) for side in (0, 1))
    print(f"an epoch: {plain:.2f} ms without metrics, {scored:.2f} ms with {', '.join(METRICS)}: {scored / plain:.2f}")
    print(f"ratios of the turns: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(f"scikit-learn's functions would take {by_scikit_learn():.2f} ms more")


if __name__ == "__main__":
    main()
