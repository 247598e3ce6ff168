"""`ablate model`: the trained networks of finished runs."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ablate.cli.console import EXIT_IO, Output
from ablate.cli.console import command as handled
from ablate.cli.options import study_options, trust_option

if TYPE_CHECKING:
    from ablate.api import Results
    from ablate.api.networks import Part
    from ablate.results.identity import PlannedRun

Command = Callable[..., None]


@click.group("model")
def command() -> None:
    """Score the networks that finished runs kept, or write them to a file.

    RUN is the beginning of a run's key, as in the column 'run' of the tables. --only and --seed choose by treatment and
    seed instead. Networks are kept of the baseline and the best treatment, or of all runs with save_models = "all".
    """


def _run_options(function: Command) -> Command:
    """`RUN`, `--only` and `--seed`."""
    runs = click.argument("runs", metavar="[RUN]...", nargs=-1)
    only = click.option("--only", multiple=True, metavar="FACTOR=LEVEL", help="Only runs with this level; repeatable.")
    seeds = click.option("--seed", "seeds", type=int, multiple=True, help="Only runs with this seed; repeatable.")
    return runs(only(seeds(function)))


@command.command("evaluate")
@_run_options
@trust_option
@study_options
@handled
def evaluate(
    config: Path | None,
    out: Path | None,
    overrides: tuple[str, ...],
    runs: tuple[str, ...],
    only: tuple[str, ...],
    seeds: tuple[int, ...],
    trust_model: bool,
    output: Output,
) -> None:
    """Load kept networks, score them on training sample, validation and test set, and compare with their records.

    All that are kept, if none are named. Ends with exit code 74 if a network does not score what its record says,
    or cannot be scored; the others are scored all the same.
    """
    from ablate.api import networks

    results, chosen = _chosen(config, out, overrides, runs, only, seeds)
    scored, unusable = networks.evaluate_all(results, chosen, trust_model=trust_model)
    for each in scored:
        penalties = each.loss_with_penalties - each.test_loss
        whole = f", with penalties {_shown(each.loss_with_penalties)}" if abs(penalties) > 5e-5 else ""
        others = [f"; {part.name} {_shown(part.score)}, {_shown(part.loss)}" for part in each.parts[:-1]]
        figures = f"test {each.metric} {_shown(each.test_score)}, test loss {_shown(each.test_loss)}{whole}"
        figures += "".join(others)
        verdict = ", ".join(_recorded(part) for part in each.parts if not part.agrees) or "as recorded"
        output.data(f"{each.run[:12]}  {each.treatment} seed {each.seed}: {figures}; {verdict}")
    for lost in unusable:
        output.data(f"{lost.run[:12]}  {lost.treatment} seed {lost.seed}: cannot be scored: {lost.reason}")
    output.document(
        {
            "out": str(results.store.root),
            "networks": [each.document() for each in scored],
            "unusable": [asdict(each) for each in unusable],
        }
    )
    if unusable:
        count = f"{len(unusable)} of {len(chosen)} networks"
        output.say(f"Error: {count} cannot be scored; 'ablate store verify' looks at all files.")
        sys.exit(EXIT_IO)
    if not all(each.agrees for each in scored):
        output.say("Some networks do not score what their records say; 'ablate store verify' looks at all files.")
        sys.exit(EXIT_IO)


def _recorded(part: "Part") -> str:
    """What the record says of a part of the data that the network scores otherwise on."""
    others = [f", {name} {part.recorded_scores[name]:.4f} and not {value:.4f}" for name, value in part.scores.items()]
    return f"recorded for {part.name} {_shown(part.recorded_score)}, {_shown(part.recorded_loss)}{''.join(others)}"


def _shown(figure: float) -> str:
    """A figure with four decimals, or with six digits where that would be more."""
    return f"{figure:.4f}" if abs(figure) < 100 else f"{figure:.6g}"


@command.command("save")
@_run_options
@click.option("--h5", is_flag=True, help="Write HDF5 files instead of .keras files.")
@click.option(
    "--to", "target", type=click.Path(path_type=Path), help="File, or folder for several; <key>.keras here by default."
)
@trust_option
@study_options
@handled
def save(
    config: Path | None,
    out: Path | None,
    overrides: tuple[str, ...],
    runs: tuple[str, ...],
    only: tuple[str, ...],
    seeds: tuple[int, ...],
    h5: bool,
    target: Path | None,
    trust_model: bool,
    output: Output,
) -> None:
    """Write kept networks to files: plain Keras models that load without this package.

    They take features as they are in the data; the scaling is their first layer.
    """
    from ablate import api

    if not (runs or only or seeds):
        raise click.UsageError("name a RUN, or choose by --only and --seed")
    results, chosen = _chosen(config, out, overrides, runs, only, seeds)
    targets = _targets(target, chosen, h5=h5)
    api.save_networks(results, targets, trust_model=trust_model)
    for path, run in targets.items():
        output.data(f"{path}  {run.treatment.name} seed {run.seed}")
    files = [
        {"path": str(path), "run": run.key, "treatment": run.treatment.name, "seed": run.seed}
        for path, run in targets.items()
    ]
    output.document({"out": str(results.store.root), "files": files})


def _chosen(
    config: Path | None,
    out: Path | None,
    overrides: tuple[str, ...],
    runs: tuple[str, ...],
    only: tuple[str, ...],
    seeds: tuple[int, ...],
) -> "tuple[Results, list[PlannedRun]]":
    from ablate import api

    results = api.open_results(config, overrides, out=out)
    return results, api.find_runs(results, runs, only, seeds)


def _targets(target: Path | None, chosen: "list[PlannedRun]", *, h5: bool) -> "dict[Path, PlannedRun]":
    """The file of every run."""
    from ablate import api

    target = (target or Path()).absolute()  # the worker that writes it may be elsewhere
    suffix = ".h5" if h5 else ".keras"
    if target.is_dir():
        return {target / f"{run.key[:12]}{suffix}": run for run in chosen}
    if len(chosen) > 1:
        raise click.UsageError(f"--to {target} is no folder, and {len(chosen)} networks do not fit into one file")
    if target.suffix not in api.SUFFIXES or (h5 and target.suffix != ".h5"):
        wanted = ".h5" if h5 else " or ".join(api.SUFFIXES)
        raise click.UsageError(f"--to {target}: the file's name should end in {wanted}")
    if not target.parent.is_dir():
        raise click.UsageError(f"--to {target}: there is no folder {target.parent}")
    return {target: chosen[0]}
