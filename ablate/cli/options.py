"""Options that several commands share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

Command = Callable[..., None]


def study_options(function: Command) -> Command:
    """`--config`, `--out`, `--set` and `--replicates`, passed on as `config`, `out` and `overrides`."""

    @click.option(
        "-c", "--config", type=click.Path(path_type=Path), help="Study file; else the nearest ablations.toml."
    )
    @click.option(
        "-o",
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        help="Results folder; default: reports, beside the study file.",
    )
    @click.option(
        "-S", "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Replace a value of the study file."
    )
    @click.option("--replicates", type=click.IntRange(min=1), help="Repeats of every treatment, with seeds 1 to N.")
    @wraps(function)
    def wrapped(settings: tuple[str, ...], replicates: int | None, **arguments: Any) -> None:
        extra = (f"study.replicates={replicates}",) if replicates is not None else ()
        function(overrides=(*settings, *extra), **arguments)

    return wrapped


def selection_options(function: Command) -> Command:
    """`--only` and `--max-runs`."""
    limit = click.option(
        "--max-runs",
        type=click.IntRange(min=1),
        default=10_000,
        show_default=True,
        help="Stop if the study has more runs than this.",
    )
    only = click.option(
        "--only", multiple=True, metavar="FACTOR=LEVEL", help="Only treatments with this level; may be repeated."
    )
    return only(limit(function))


def trust_option(function: Command) -> Command:
    """`--trust-model`, passed on as `trust_model`."""
    text = "Load the Keras model that the study names as a file, which may carry code."
    return click.option("--trust-model", is_flag=True, help=text)(function)


def floor_option(function: Command) -> Command:
    """`--floor`."""
    return click.option(
        "--floor",
        type=float,
        callback=_not_negative,
        metavar="NUMBER",
        help="Smallest change that counts: points for accuracies, else the metric's unit; default 0.5 points.",
    )(function)


def _not_negative(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 <= value < float("inf"):
        raise click.BadParameter(f"{value} is not a number from 0 on")
    return value


def table_kind(function: Command) -> Command:
    """`--format`, passed on as `kind`."""
    return click.option(
        "--format",
        "kind",
        type=click.Choice(["csv", "json", "parquet"]),
        default="csv",
        show_default=True,
        help="Output format; parquet needs the extra: pip install keras-ablate[parquet].",
    )(function)


def seconds(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Seconds of a time such as `90`, `90s`, `20m` or `1.5h`."""
    if value is None:
        return None
    unit = {"s": 1, "m": 60, "h": 3600}.get(value[-1:])
    try:
        found = float(value[:-1] if unit else value) * (unit or 1)
    except ValueError:
        found = -1.0
    if not 0 < found < float("inf"):
        raise click.BadParameter(f"{value!r} is not a time such as 90s, 20m or 1.5h")
    return found
