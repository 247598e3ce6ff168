"""The page's tables: runs, treatments, effects and layers as rows of text."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ablate.analysis.layers import normal_distance
from ablate.analysis.mean_curves import mean_curves
from ablate.report import wording
from ablate.report.figures import paths
from ablate.report.figures.distributions import Distribution, Panel
from ablate.results.embedded import thinned
from ablate.settings.metrics import with_unit

MOST_RUNS = 1_000  # rows of the table; browsers lay out a few thousand without a pause
SPARK_WIDTH, SPARK_HEIGHT, SPARK_POINTS = 84, 20, 14


@dataclass(frozen=True)
class TreatmentRow:
    """One treatment: mean and standard deviation over its runs, as text."""

    name: str
    runs: str
    test: str
    validation: str
    train: str
    gap: str
    best_epoch: str
    diagnosis: str
    is_best: bool


@dataclass(frozen=True)
class EffectRow:
    """One level against its baseline, as text."""

    factor: str
    level: str
    baseline: str
    replicates: str
    mean: str
    interval: str
    bootstrap: str
    p_holm: str
    p_sign_flip: str
    detectable: str
    verdict: str


@dataclass(frozen=True)
class CurveRow:
    """The mean curves of one treatment at a few epochs, as text: training / validation."""

    treatment: str
    cells: tuple[str, ...]
    best_epoch: str
    stopped_epoch: str


@dataclass(frozen=True)
class RunRow:
    """One run, as text; `points` is the path of its sparkline, `place` that of its treatment in the page's details."""

    treatment: str
    place: int
    seed: int
    diagnosis: str
    test: str
    validation: str
    train: str
    gap: str
    best_epoch: str
    stopped_epoch: str
    seconds: str
    points: str


@dataclass(frozen=True)
class LayerRow:
    """The spread of one layer of one treatment before and after training, as text."""

    treatment: str
    layer: str
    initial: str
    best: str
    end: str
    zeros: str
    saturated: str
    dead: str
    normal_distance: str


def treatment_rows(
    runs: pd.DataFrame, counts: pd.DataFrame, best: str | None, score: str = "accuracy"
) -> list[TreatmentRow]:
    """One row per treatment, in the order of the plan.

    Args:
        runs: rows of the runs table, failed ones included.
        counts: what `analysis.diagnosis.counts` returns.
        best: the treatment to mark.
        score: what is shown, as columns have it.
    """
    rows = []
    for name, own in runs.groupby("treatment", sort=False):
        ok = own[own["status"] == "ok"]
        labels = counts[counts["treatment"] == name].itertuples()
        rows.append(
            TreatmentRow(
                name=str(name),
                runs=f"{len(ok)} of {len(own)}" if len(ok) < len(own) else str(len(ok)),
                test=_spread(ok, f"test_{score}"),
                validation=_spread(ok, f"val_{score}"),
                train=_spread(ok, f"train_{score}"),
                gap=_spread(ok, "gap", with_unit("gap", score)),
                best_epoch=wording.number(float(ok["best_epoch"].astype("float64").mean()), 1),
                diagnosis=", ".join(f"{row.diagnosis} {row.runs}/{row.of}" for row in labels) or "–",
                is_best=name == best,
            )
        )
    return rows


def effect_rows(effects: pd.DataFrame) -> list[EffectRow]:
    """One row per level that is not a baseline."""
    rows = []
    for row in effects.to_dict("records"):
        metric = row["metric"]
        dropped = f" ({wording.plural(row['dropped'], 'pair')} dropped)" if row["dropped"] else ""
        detectable = wording.bare(row["detectable"], metric)
        rows.append(
            EffectRow(
                factor=row["factor"],
                level=row["level"],
                baseline=row["baseline"],
                replicates=f"{row['n']}{dropped}",
                mean=wording.signed(row["mean"], metric),
                interval=wording.interval(row["low"], row["high"], metric),
                bootstrap=wording.interval(row["bca_low"], row["bca_high"], metric),
                p_holm=wording.p_value(row["p_holm"]),
                p_sign_flip=wording.p_value(row["p_sign_flip"]),
                detectable=detectable,
                verdict=row["verdict"],
            )
        )
    return rows


def curve_epochs(histories: pd.DataFrame) -> list[int]:
    """The epochs of a table of curves: the first, three between, and the last that any run has."""
    last = int(histories["epoch"].max())
    return sorted({max(1, round(last * share)) for share in (0, 0.25, 0.5, 0.75, 1)})


def curve_rows(histories: pd.DataFrame, runs: pd.DataFrame, score: str = "accuracy") -> list[CurveRow]:
    """The numbers of the learning curves: see `analysis.mean_curves`; none after the last run of a treatment ended."""
    epochs = curve_epochs(histories)
    sides = [f"train_{score}", f"val_{score}"]
    means = mean_curves(histories, runs, sides)
    rows = []
    for name, own in runs.groupby("treatment", sort=False):
        curve = means[str(name)].reindex(epochs)
        rows.append(
            CurveRow(
                str(name),
                tuple(
                    f"{wording.bare(train, sides[0], -1)} / {wording.bare(held_out, sides[1], -1)}"
                    for train, held_out in curve[sides].to_numpy(dtype=np.float64)
                ),
                wording.number(float(own["best_epoch"].astype("float64").mean()), 1),
                wording.number(float(own["stopped_epoch"].astype("float64").mean()), 1),
            )
        )
    return rows


def run_rows(
    runs: pd.DataFrame, histories: pd.DataFrame, diagnosed: pd.DataFrame, score: str = "accuracy"
) -> list[RunRow]:
    """One row per finished or failed run, in the order of the plan."""
    labels = dict(zip(diagnosed["run"], diagnosed["diagnosis"], strict=True))
    once = histories.drop_duplicates(["run", "epoch"])  # treatments that train identically share their runs
    curves = {
        str(key): part.to_numpy(dtype=np.float64) for key, part in once.groupby("run", sort=False)[f"val_{score}"]
    }
    finite = [curve[np.isfinite(curve)] for curve in curves.values()]
    everything = np.concatenate(finite) if finite else np.empty(0)
    places = {name: place for place, name in enumerate(dict.fromkeys(runs["treatment"]))}
    low, high = (float(everything.min()), float(everything.max())) if everything.size else (0.0, 1.0)
    return [
        RunRow(
            treatment=row["treatment"],
            place=places[row["treatment"]],
            seed=row["seed"],
            diagnosis=labels.get(row["run"], row["status"]),
            test=wording.bare(row[f"test_{score}"], f"test_{score}"),
            validation=wording.bare(row[f"val_{score}"], f"val_{score}"),
            train=wording.bare(row[f"train_{score}"], f"train_{score}"),
            gap=wording.bare(row["gap"], with_unit("gap", score)),
            best_epoch=_whole(row["best_epoch"]),
            stopped_epoch=_whole(row["stopped_epoch"]),
            seconds=wording.number(row["seconds"], 1),
            points=sparkline(curves.get(row["run"], np.empty(0)), low, high),
        )
        for row in runs.to_dict("records")
    ]


def sparkline(values: "np.ndarray[Any, np.dtype[np.float64]]", low: float, high: float) -> str:
    """The path of a curve over its epochs, on a scale shared by all runs; empty if it has no finite value."""
    places = thinned(len(values), SPARK_POINTS)
    last, span = max(len(values) - 1, 1), (high - low) or 1.0
    points = [
        (1 + place / last * (SPARK_WIDTH - 2), 1 + (high - values[place]) / span * (SPARK_HEIGHT - 2))
        for place in places
        if math.isfinite(values[place])
    ]
    return paths.relative("M " + " L ".join(f"{x:.0f} {y:.1f}" for x, y in points)) if points else ""


def layer_rows(panels: Iterable[Panel]) -> list[LayerRow]:
    """The numbers of a figure of distributions.

    Args:
        panels: what `distributions.collect` returns.
    """
    rows = []
    for panel in panels:
        sds = {moment: f"{found.sd:.4g}" for moment, found in panel.moments.items()}
        end = panel.moments.get("end")
        rows.append(
            LayerRow(
                panel.treatment,
                panel.layer,
                initial=sds.get("initial", "–"),
                best=sds.get("best", "–"),
                end=sds.get("end", "–"),
                zeros=_share(end.zeros if end else None),
                saturated=_share(end.saturated if end else None),
                dead=_share(end.dead if end else None),
                normal_distance=f"{_normal_distance(end):.2f}" if end and end.sd > 0 else "–",
            )
        )
    return rows


def _spread(runs: pd.DataFrame, column: str, metric: str = "") -> str:
    return wording.spread(float(runs[column].mean()), float(runs[column].std(ddof=1)), metric or column)


def _share(value: float | None) -> str:
    return "–" if value is None else wording.percent(value, 1)


def _normal_distance(found: Distribution) -> float:
    counts = found.counts.astype(np.float64)
    return normal_distance(counts, float(found.edges[0]), float(found.edges[-1]), found.mean, found.sd)


def _whole(value: Any) -> str:
    return "–" if pd.isna(value) else str(int(value))
