"""The heat map of interactions: what two levels do together beyond the sum of each."""

import warnings

import numpy as np
import pandas as pd
import seaborn as sns

from ablate.report import wording
from ablate.report.figures.canvas import (
    INK,
    Picture,
    panels,
    picture,
    theme,
)
from ablate.settings.metrics import lower_is_better

MOST_CELLS = 14  # rows, and columns, of the heat map
_MARKS = {"synergistic": " ▲", "antagonistic": " ▼"}


def figure(table: pd.DataFrame) -> Picture:
    """A heat map of interactions: for every pair of levels, what they do together beyond the sum of each.

    Args:
        table: what `analysis.factorial.interactions` returns, not empty.
    """
    metric = str(table["metric"].iloc[0])
    scale = wording.scale(metric)
    names, others = table["factor"] + "=" + table["level"], table["other_factor"] + "=" + table["other_level"]
    rows, columns = list(dict.fromkeys(names))[:MOST_CELLS], list(dict.fromkeys(others))[:MOST_CELLS]
    values = np.full((len(rows), len(columns)), np.nan)
    texts = np.full(values.shape, "", dtype=object)
    for name, other, mean, verdict in zip(names, others, table["mean"], table["verdict"], strict=True):
        if name in rows and other in columns:
            place = rows.index(name), columns.index(other)
            values[place], texts[place] = mean * scale, f"{wording.signed(mean, metric)}{_MARKS.get(verdict, '')}"
    shown = int((texts != "").sum())
    reach = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    better = "BrBG_r" if lower_is_better(metric) else "BrBG"
    with theme():
        figure, (axes,) = panels(1, 1, 3.2 + 1.05 * len(columns), 1.9 + 0.42 * len(rows))
        with warnings.catch_warnings():
            # seaborn 0.13.2 asks matplotlib 3.11 for something that a later version will not have.
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            sns.heatmap(
            values, annot=texts, fmt="", cmap=better, center=0, vmin=-2.2 * reach, vmax=2.2 * reach, cbar=False,
            linewidths=1, linecolor="white", annot_kws={"fontsize": 8.5, "color": INK}, ax=axes,
        )  # fmt: skip
        axes.set(xlabel="", ylabel="")
        axes.tick_params(length=0, colors=INK)
        short = [[wording.cut(name, 34) for name in side] for side in (columns, rows)]
        axes.set_xticks(np.arange(len(columns)) + 0.5, short[0], rotation=30, ha="right", rotation_mode="anchor")
        axes.set_yticks(np.arange(len(rows)) + 0.5, short[1], rotation=0)
        note = (
            "Each cell: what the two do together beyond the sum of each, "
            f"{wording.unit(metric) or wording.metric_name(metric)}; green is for the better, brown for the worse. "
            "▲ synergistic and ▼ antagonistic are clear of zero."
        )
        if shown < len(table):
            note += f" The first {shown} of {len(table)} pairs; the table has all."
        title = f"Interactions of levels in {wording.metric_name(metric)}"
        return picture(figure, "interactions", title, _strongest(table, metric), note)


def _strongest(table: pd.DataFrame, metric: str) -> str:
    """The interaction that is farthest from zero."""
    known = table[np.isfinite(table["mean"])]
    if known.empty:
        return "No pair of levels has finished runs yet."
    row = known.loc[known["mean"].abs().idxmax()]
    size = wording.difference(row["mean"], row["low"], row["high"], metric, int(row["n"]))
    return (
        f"The strongest is that of {row['factor']}={row['level']} with {row['other_factor']}={row['other_level']}: "
        f"{size}, {row['verdict']}."
    )
