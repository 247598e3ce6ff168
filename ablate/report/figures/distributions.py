"""Distributions of weights and activations, layer by layer: replicates added up, then drawn at three moments."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ablate.report import wording
from ablate.report.figures.canvas import BLUE, GREEN, MUTED, VERMILION, Picture, panels, picture, theme
from ablate.results.record import Moment, Probe, Record

Kind = Literal["weights", "activations"]
MOMENTS: tuple[tuple[Moment, str, str, tuple[float, ...]], ...] = (
    ("initial", "initialization", BLUE, (1, 1)),
    ("best", "best epoch", GREEN, (4, 1.5)),
    ("end", "end", VERMILION, ()),
)
NORMAL_POINTS = 41
NORMAL: dict[str, Any] = {"color": MUTED, "linewidth": 1.1, "dashes": (1, 1.2)}
MOST_TREATMENTS = 6  # that are drawn
MOST_LISTED = 12  # whose numbers are listed
MOST_LAYERS = 5
TAIL = 0.002  # share of the values that the axis may leave out on either side
MANY_ZEROS = 0.01

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Distribution:
    """A histogram of a layer's weights or activations, replicates added up.

    Attributes:
        edges: of the bins, shape (bins + 1,).
        counts: values per bin, shape (bins,).
        sd: of all values together.
        mean: of all values together.
        zeros, saturated, dead: shares, the mean over the replicates; `None` where they do not apply.
    """

    edges: Floats
    counts: npt.NDArray[np.int64]
    mean: float
    sd: float
    zeros: float
    saturated: float | None
    dead: float | None


@dataclass(frozen=True)
class Panel:
    """One layer of one treatment, by moment."""

    treatment: str
    layer: str
    moments: Mapping[Moment, Distribution]


def merge(probes: Sequence[Probe]) -> Distribution:
    """Add up histograms of one family exactly.

    Their edges are powers of two on one or both sides of zero, so every narrow bin lies inside one wide bin; a value
    on an edge of a narrow histogram's end is counted there.

    Args:
        probes: of one layer, kind and moment; at least one.
    """
    reach = max(probe.high for probe in probes)
    two_sided = any(probe.low < 0 for probe in probes)
    width = max((probe.high - probe.low) / len(probe.counts) for probe in probes)
    if two_sided:
        width = max(width, 2 * reach / len(probes[0].counts))
    below = round(reach / width) if two_sided else 0
    counts = np.zeros(below + round(reach / width), dtype=np.int64)
    for probe in probes:
        own = (probe.high - probe.low) / len(probe.counts)
        first = round(probe.low / own)
        ratio = round(width / own)
        np.add.at(counts, (first + np.arange(len(probe.counts))) // ratio + below, probe.counts)
    sizes = np.array([sum(probe.counts) for probe in probes], dtype=np.float64)
    mean, sd = _pooled(probes, sizes)
    edges = np.asarray((np.arange(len(counts) + 1) - below) * width, dtype=np.float64)
    return Distribution(
        edges,
        counts,
        mean,
        sd,
        float(np.mean([probe.zeros for probe in probes])),
        _mean(probe.saturated for probe in probes),
        _mean(probe.dead for probe in probes),
    )


def collect(records: Mapping[str, Record], runs: pd.DataFrame, treatments: Sequence[str], kind: Kind) -> list[Panel]:
    """The merged distributions of some treatments, by treatment and layer.

    Args:
        records: by key.
        runs: rows of the runs table; `treatment` and `run` say which records belong together.
        treatments: names of treatments.
        kind: what to look at.
    """
    found = []
    for treatment in treatments:
        keys = runs.loc[runs["treatment"] == treatment, "run"]
        probes = [probe for key in keys if key in records for probe in records[key].probes if probe.kind == kind]
        layers = list(dict.fromkeys(probe.layer for probe in probes))
        for layer in layers:
            moments: dict[Moment, Distribution] = {}
            for moment, *_ in MOMENTS:
                # A layer that went non-finite has no distribution left to add up.
                usable = [
                    probe
                    for probe in probes
                    if probe.layer == layer and probe.moment == moment and any(probe.counts) and math.isfinite(probe.sd)
                ]
                if usable:
                    moments[moment] = merge(usable)
            if moments:
                found.append(Panel(treatment, layer, moments))
    return found


def worth_showing(runs: pd.DataFrame, noted: Collection[str] = ()) -> list[str]:
    """The treatments whose distributions tell most: the baseline, what stands out, init and batch norm, then others.

    Args:
        runs: rows of the runs table.
        noted: names of treatments whose layers stand out.
    """
    names = list(dict.fromkeys(runs["treatment"]))
    telling = [name for name in names if name.startswith(("init=", "batch_norm=")) and ", " not in name]
    first = [name for name in names if name == "baseline" or name in noted]
    return list(dict.fromkeys([*first, *telling, *names]))[:MOST_TREATMENTS]


def figure(panels_of: Sequence[Panel], kind: Kind, activation: str = "") -> Picture:
    """Histograms by treatment (rows) and layer (columns), at initialization, best epoch and end.

    Args:
        panels_of: what `collect` returns, not empty.
        kind: what they show.
        activation: name of the hidden layers' activation, for the description.
    """
    by_treatment: dict[str, list[Panel]] = {}
    for panel in panels_of:
        by_treatment.setdefault(panel.treatment, []).append(panel)
    rows = [_telling_layers(row) for row in by_treatment.values()]  # treatments may differ in their layers
    columns = max(map(len, rows))
    with theme():
        drawing, grid = panels(len(rows), columns, max(2.2, 10 / columns), 2.15)
        for number, row in enumerate(rows):
            axes_of_row = grid[number * columns : (number + 1) * columns]
            for axes, panel in zip(axes_of_row, row, strict=False):
                _histograms(axes, panel, kind)
                axes.set_title(f"\n{panel.layer}", fontweight="normal", color=MUTED)
            for axes in axes_of_row[len(row) :]:
                axes.set_visible(False)
            _name_row(axes_of_row[0], row[0].treatment)
        handles = [
            Line2D([], [], color=colour, linewidth=1.6, dashes=dashes or (None, None), label=name)
            for _, name, colour, dashes in MOMENTS
        ]
        if kind == "weights":
            handles.append(Line2D([], [], **NORMAL, label="normal of mean and sd at the end"))
        drawing.legend(handles=handles, loc="outside upper left", ncols=4, handlelength=2.8)
    note = (
        "Each curve is the replicates' histograms added up and scaled to its own peak, so compare shapes and widths, "
        f"not heights; sd is the standard deviation at initialization → end. The outer {TAIL:.1%} may lie off the axis."
    )
    if kind == "activations":
        note += " Exact zeros are left out of the curves; their share at the end is printed."
    title = f"{kind.capitalize()} by layer, at initialization and after training"
    if kind == "activations" and activation:
        title += f" ({activation})"
    return picture(drawing, kind, title, _finding(panels_of, kind), note)


def _histograms(axes: Axes, panel: Panel, kind: Kind) -> None:
    low, high = _visible(panel.moments.values())
    axes.set(yticks=[])
    for moment, _, colour, dashes in reversed(MOMENTS):
        if moment not in panel.moments:
            continue
        found = panel.moments[moment]
        counts = nonzero_counts(found) if kind == "activations" else found.counts.astype(np.float64)
        if not counts.sum():
            continue
        # Bins of different widths only compare as densities; the peak then sets the height.
        inside = (found.edges[:-1] < high) & (found.edges[1:] > low)
        first, last = int(np.argmax(inside)), len(inside) - int(np.argmax(inside[::-1]))
        edges, density = found.edges[first : last + 1], counts[first:last]
        if not density.sum():
            continue
        style = (0, dashes) if dashes else "-"
        axes.stairs(density / density.max(), edges, color=colour, linewidth=1.5, linestyle=style)
    reference = panel.moments.get("end")
    if kind == "weights" and reference and reference.sd > 0:
        places = np.linspace(low, high, NORMAL_POINTS)
        axes.plot(places, np.exp(-(((places - reference.mean) / reference.sd) ** 2) / 2), **NORMAL)
    axes.set_xlim(low, high)
    axes.set(xlabel="", ylabel="")
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    text = _figures(panel, kind)
    axes.set_ylim(0, 1.12 + 0.3 * (text.count("\n") + 1))
    axes.annotate(text, (0.99, 1), xycoords="axes fraction", ha="right", va="top", fontsize=8.5, linespacing=1.3)


def nonzero_counts(found: Distribution) -> Floats:
    """Counts without the exact zeros, which for ReLU would tower over everything else."""
    counts = found.counts.astype(np.float64)
    if found.zeros >= MANY_ZEROS:
        place = int(np.searchsorted(found.edges, 0.0, side="right")) - 1
        counts[place] = max(0.0, counts[place] - round(found.zeros * float(counts.sum())))
    return counts


def _figures(panel: Panel, kind: Kind) -> str:
    first, last = panel.moments.get("initial"), panel.moments.get("end")
    text = f"sd {_short(first.sd) if first else '–'} → {_short(last.sd) if last else '–'}"
    if kind == "activations" and last:
        for share, name in ((last.zeros, "zeros"), (last.saturated, "saturated"), (last.dead, "dead units")):
            if share is not None and share >= MANY_ZEROS:
                text += f"\n{share:.0%} {name}"
    return text


def _finding(panels_of: Iterable[Panel], kind: Kind) -> str:
    changes = [
        (panel.moments["end"].sd / panel.moments["initial"].sd, panel)
        for panel in panels_of
        if {"initial", "end"} <= set(panel.moments) and panel.moments["initial"].sd > 0
    ]
    if not changes:
        return "No layer has both moments."
    if len(changes) == 1:
        ((_, panel),) = changes
        first, last = (_short(panel.moments[moment].sd) for moment in ("initial", "end"))
        return f"The spread of the {kind} in {panel.layer} of {panel.treatment} went from {first} to {last}."
    most, least = max(changes, key=lambda change: change[0]), min(changes, key=lambda change: change[0])
    return " ".join(
        f"The spread of the {kind} {word} in {panel.layer} of {panel.treatment}, from "
        f"{_short(panel.moments['initial'].sd)} to {_short(panel.moments['end'].sd)}."
        for word, (_, panel) in (("grew most", most), ("grew least or shrank", least))
    )


def _visible(distributions: Iterable[Distribution]) -> tuple[float, float]:
    """The part of the axis that holds all but the tails at every moment."""
    lows, highs = [], []
    for found in distributions:
        cumulative = np.cumsum(found.counts) / found.counts.sum()
        lows.append(found.edges[int(np.searchsorted(cumulative, TAIL))])
        highs.append(found.edges[min(int(np.searchsorted(cumulative, 1 - TAIL)) + 1, len(found.counts))])
    return float(min(lows)), float(max(highs))


def _pooled(probes: Sequence[Probe], sizes: Floats) -> tuple[float, float]:
    means = np.array([probe.mean for probe in probes])
    variances = np.array([probe.sd for probe in probes]) ** 2
    mean = float(np.average(means, weights=sizes))
    return mean, math.sqrt(float(np.average(variances + (means - mean) ** 2, weights=sizes)))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _name_row(axes: Axes, treatment: str) -> None:
    name = axes.annotate(
        wording.cut(treatment, 90),
        (0, 1), xycoords="axes fraction", xytext=(0, 25), textcoords="offset points",
        fontweight="bold", fontsize=10, annotation_clip=False,
    )  # fmt: skip
    name.set_in_layout(False)


def _telling_layers(row: Sequence[Panel]) -> list[Panel]:
    """The first and last layers of a deep network."""
    if len(row) <= MOST_LAYERS:
        return list(row)
    return [*row[:2], *row[-(MOST_LAYERS - 2) :]]


def _short(value: float) -> str:
    return wording.number(value, 2) if value >= 0.1 else f"{value:.2g}"
