"""What is wrong with each run, if anything: one label from its losses, and from accuracies or R²."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from ablate.analysis.pairs import side_by_side
from ablate.settings.metrics import USUAL
from ablate.settings.thresholds import DEFAULTS, Thresholds

Diagnosis = Literal[
    "diverged", "one class only", "untrained", "still improving", "underfit", "overfit", "gap only", "good fit"
]
DIAGNOSES: tuple[Diagnosis, ...] = get_args(Diagnosis)


MOVED = 0.5  # share of the pairs that a level has to move into or out of a label to be said to move it


def diagnose(
    runs: pd.DataFrame,
    histories: pd.DataFrame,
    guess: float | Mapping[str, float],
    thresholds: Thresholds = DEFAULTS,
    score: str = USUAL.score,
) -> pd.DataFrame:
    """Label every finished run; the first rule that matches decides, in the order of `DIAGNOSES`.

    Args:
        runs: one row per run, see `runs_table`; with `predicted_classes` where the study names metrics.
        histories: one row per run and epoch, see `histories_table`.
        guess: what guessing achieves, one for all or by run key; see `guessing`.
        thresholds: where the labels begin.
        score: how much was learned, from what guessing achieves to 1: a share, whose own the gap is; or `r2` of
            predicted numbers, where guessing the mean achieves 0.

    Returns:
        Columns `treatment`, `seed`, `run`, `diagnosis`; failed runs have no row.
    """
    finished = runs[runs["status"] != "failed"]
    trained = finished[finished["status"] == "ok"]
    best = float(trained.groupby("treatment")[f"train_{score}"].mean().max()) if len(trained) else math.nan
    once = histories.drop_duplicates(["run", "epoch"])  # treatments that train identically share their runs
    losses = {str(key): part.to_numpy(dtype=np.float64) for key, part in once.groupby("run", sort=False)["val_loss"]}
    labels = [
        _label(
            diverged=run["status"] == "diverged",
            one_class=run.get("predicted_classes") == 1,
            learned=run[f"train_{score}"],
            gap=run[f"train_{score}"] - run[f"val_{score}"] if score == "r2" else run["gap"],
            kept_loss=run["val_loss"],
            val_loss=losses.get(run["run"], np.empty(0)),
            guess=guess if isinstance(guess, float) else guess[run["run"]],
            best=best,
            thresholds=thresholds,
        )
        for run in finished.to_dict("records")
    ]
    return finished[["treatment", "seed", "run"]].assign(diagnosis=labels).reset_index(drop=True)


def guessing(score: str, largest_class: float, classes: int) -> float:
    """What a network achieves in a score that answers the same class, the largest, for every example.

    Args:
        score: of the table of metrics. 0 where it depends on more than the size of that class.
        largest_class: its share.
        classes: how many there are.
    """
    match score:
        case "accuracy":
            return largest_class
        case "balanced_accuracy":
            return 1 / classes
        case "f1_macro":
            return 2 * largest_class / (1 + largest_class) / classes
        case "roc_auc":
            return 0.5
        case _:
            return 0.0


def counts(diagnosed: pd.DataFrame) -> pd.DataFrame:
    """How many runs of each treatment got which label.

    Args:
        diagnosed: what `diagnose` returns.

    Returns:
        Columns `treatment`, `diagnosis`, `runs`, `of` (the treatment's finished runs); treatments in their order,
        the most frequent label first.
    """
    columns = ["treatment", "diagnosis", "runs", "of"]
    rows = []
    for treatment, labels in diagnosed.groupby("treatment", sort=False)["diagnosis"]:
        tally = [(label, int((labels == label).sum())) for label in DIAGNOSES]
        tally.sort(key=lambda entry: -entry[1])
        rows += [(treatment, label, number, len(labels)) for label, number in tally if number]
    return pd.DataFrame(rows, columns=columns)


def moved(runs: pd.DataFrame, diagnosed: pd.DataFrame, levels: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Which level moved which symptom: how often each label occurs with it and with its baseline, in paired runs.

    Counts, not tests: the effects say how sure a change is.

    Args:
        runs: one row per run.
        diagnosed: what `diagnose` returns of them.
        levels: the labels of every factor's levels, the baseline first.

    Returns:
        Columns `factor`, `level`, `diagnosis`, `before` (pairs whose baseline run has the label), `after` (whose
        other run has it), `of` (pairs); only where the count changes by at least half of the pairs.
    """
    labels = diagnosed.set_index(["treatment", "run"])["diagnosis"]
    places = pd.MultiIndex.from_frame(runs[["treatment", "run"]])
    found = labels[~labels.index.duplicated()].reindex(places).to_numpy()
    table = runs[["seed", *levels]].assign(diagnosis=found)
    rows = []
    for factor, (baseline, *others) in levels.items():
        for level in others:
            pairs = side_by_side(table, {factor: [level]}, {factor: [baseline]}, list(levels)).dropna()
            for name in DIAGNOSES:
                before, after = (int((pairs[side] == name).sum()) for side in ("diagnosis_second", "diagnosis"))
                if len(pairs) and abs(after - before) >= MOVED * len(pairs):
                    rows.append((factor, level, name, before, after, len(pairs)))
    return pd.DataFrame(rows, columns=["factor", "level", "diagnosis", "before", "after", "of"])


def _label(
    *,
    diverged: bool,
    one_class: bool,
    learned: float,
    gap: float,
    kept_loss: float,
    val_loss: npt.NDArray[np.float64],
    guess: float,
    best: float,
    thresholds: Thresholds,
) -> Diagnosis:
    if diverged or not math.isfinite(kept_loss) or not np.isfinite(val_loss).all():
        return "diverged"
    if one_class:
        return "one class only"
    if learned < guess + thresholds.untrained * (1 - guess):
        return "untrained"
    lowest = float(val_loss.min()) if len(val_loss) else kept_loss
    has_risen = len(val_loss) > 0 and float(val_loss[-1]) > lowest * (1 + thresholds.loss_rise)
    if _fall(val_loss, thresholds.improving_span) > thresholds.improving and not has_risen:
        return "still improving"
    if learned < best - thresholds.underfit:
        return "underfit"
    if not gap > thresholds.gap:
        return "good fit"
    return "overfit" if kept_loss > lowest * (1 + thresholds.loss_rise) else "gap only"


def _fall(losses: npt.NDArray[np.float64], span: float) -> float:
    """Relative fall over the last part of the epochs; 0 if there is only one epoch."""
    back = min(max(1, round(len(losses) * span)), len(losses) - 1)
    if back < 1 or losses[-1 - back] <= 0:
        return 0.0
    return float(1 - losses[-1] / losses[-1 - back])
