"""Draws the figures of docs/guide from the results of the chapter's studies.

    python tools/chapter6_figures.py RESULTS

Learning curves are those of the quick study, examples/chapter6/chapter6.toml; histograms are those of the init section.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ablate import api

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "guide" / "images"
STUDIES = ROOT / "examples" / "chapter6"
BLUE, ORANGE, GREY = "#0b62a3", "#c8500a", "#555555"
SIGMOID = {
    "sd 1: at both ends": "random_normal(stddev=1)",
    "sd 0.01: at the mean": "random_normal(stddev=0.01)",
    "sd √(1/n): spread out": "variance_scaling(scale=1,mode=fan_in,distribution=untruncated_normal)",
}
CURVES: Mapping[str, tuple[str, str]] = {
    "batch-norm": ("batch_norm", "true"),
    "optimizer": ("optimizer", "adam"),
    "dropout": ("dropout", "0.2"),
    "l2": ("l2", "0.01"),
    "early-stopping": ("early_stopping", "(monitor=val_loss,patience=10)"),
}


def curves(histories: pd.DataFrame, name: str, factor: str, level: str) -> None:
    """Training and validation accuracy of the baseline and of one level, the mean over the seeds that still train."""
    figure, axes = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
    baseline = histories[histories["treatment"] == "baseline"]
    other = histories[histories["treatment"] == f"{factor}={level}"]
    for own, colour, label in ((baseline, GREY, "baseline"), (other, BLUE, f"{factor} = {level}")):
        by_epoch = own.groupby("epoch")[["train_accuracy", "val_accuracy"]].mean()
        axes.plot(by_epoch.index, by_epoch["train_accuracy"], color=colour, label=f"{label}, training")
        axes.plot(by_epoch.index, by_epoch["val_accuracy"], color=colour, linestyle="--", label=f"{label}, validation")
    axes.set(ylim=(0.8, 1.005), xlim=(0, 60), xlabel="epoch", ylabel="accuracy (inference mode)")
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    save(figure, name)


def histograms(layers: pd.DataFrame) -> None:
    """Activations of five sigmoid layers before any training, for three scales of the weights."""
    figure, panels = plt.subplots(1, len(SIGMOID), figsize=(8.4, 2.6), layout="constrained", sharex=True)
    own = layers[(layers["moment"] == "initial") & (layers["kind"] == "activations")]
    for axes, (title, level) in zip(panels, SIGMOID.items(), strict=True):
        runs = own[own["treatment"].isin({treatment_of(level)})]
        for number in range(1, 6):
            rows = runs[runs["layer"] == f"hidden {number}"]
            counts = np.sum([np.asarray(row) for row in rows["counts"]], axis=0)
            shade = plt.get_cmap("viridis")((number - 1) / 5)
            axes.stairs(counts / counts.sum(), np.linspace(0, 1, len(counts) + 1), color=shade, label=f"layer {number}")
        axes.set(title=title, xlabel="sigmoid output", yticks=[])
    panels[0].legend(fontsize=7, frameon=False)
    save(figure, "init")


def treatment_of(level: str) -> str:
    """The treatment of the init section's study with sigmoid and this initializer."""
    return "baseline" if level == "random_normal(stddev=1)" else f"init={level}"


def save(figure: plt.Figure, name: str) -> None:
    """Write a figure as a small PNG."""
    figure.savefig(FOLDER / f"{name}.png", dpi=110, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    """Draw them all."""
    results = Path(sys.argv[1])
    FOLDER.mkdir(parents=True, exist_ok=True)
    histories = api.open_results(STUDIES / "chapter6.toml", out=results).histories
    for name, (factor, level) in CURVES.items():
        curves(histories, name, factor, level)
    histograms(api.open_results(STUDIES / "init-activations.toml", out=results).snapshot.layers)


if __name__ == "__main__":
    main()
