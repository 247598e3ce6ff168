"""`ablate store`: look after folders of results."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ablate.cli.console import EXIT_FAILED_RUNS, EXIT_IO, EXIT_NOT_COMPARABLE, Output
from ablate.cli.console import command as handled
from ablate.cli.options import trust_option
from ablate.errors import StoreError

if TYPE_CHECKING:
    from ablate.api import Retrained
    from ablate.results.store import Store
    from ablate.results.upkeep import Finding

FolderCommand = Callable[..., None]
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group("store")
def command() -> None:
    """Check, tidy and merge folders of results.

    A study's folder, such as reports/digits-remedies, holds an unchangeable record of every finished run.
    """


def _folder_options(function: FolderCommand) -> FolderCommand:
    """`--config` and `--out`, which name the folder where no path does."""
    out = click.option("-o", "--out", type=_FOLDER, help="Results folder; default: reports, beside the study file.")
    config = click.option(
        "-c", "--config", type=click.Path(path_type=Path), help="Study file; else the nearest ablations.toml."
    )
    return config(out(function))


def _store(folder: Path | None, config: Path | None, out: Path | None) -> "Store":
    from ablate import api
    from ablate.results.store import Store

    return Store(folder or api.results_folder(api.load(config), out))


@command.command("verify")
@click.argument("folder", type=_FOLDER, required=False)
@_folder_options
@click.option(
    "--retrain", type=click.IntRange(min=1), metavar="N", help="Also train N finished runs again, and compare."
)
@click.option("--seed", type=int, help="Random seed by which --retrain chooses its runs; default: a new one.")
@trust_option
@handled
def verify(
    folder: Path | None,
    config: Path | None,
    out: Path | None,
    retrain: int | None,
    seed: int | None,
    trust_model: bool,
    output: Output,
) -> None:
    """Compare every record, all kept weights and confirmations with their digests; change nothing.

    Of a kept network (.keras) it is seen whether its file is whole, by the checksums in it; whether it has the weights
    of its record is what 'ablate model evaluate' says.

    FOLDER holds the results of one study; the study file's by default. With --retrain N finished runs, chosen at
    random, are trained again, each alone in a process of its own, and everything that was measured but times is
    compared bit for bit.

    Ends with exit code 74 if something is damaged, or if a run is measured otherwise on the machine and with the
    versions of its record; 4 if it is on another machine or with others; 3 if a run cannot be trained again.
    """
    from ablate.results import upkeep

    store = _store(folder, config, out)
    found = upkeep.verify(store)
    _print_findings(found.findings, store, output)
    kinds = Counter(finding.kind for finding in found.findings)
    others = "".join(f", {count} {kind}" for kind, count in kinds.items())
    output.data(f"{store.root}: {_count(len(found.records), 'record')} in order{others}")
    again = _retrain(folder, config, out, retrain, seed, output, trust_model=trust_model) if retrain else []
    document = {"out": str(store.root), "records": len(found.records), "findings": _documents(found.findings)}
    output.document({**document, **({"retrained": [asdict(each) for each in again]} if retrain else {})})
    if not found.is_sound:
        if any(finding.kind == "damaged" for finding in found.findings):
            output.say("'ablate run' sets damaged records, weights and confirmations aside, and trains them again.")
        if any(finding.kind == "newer" for finding in found.findings):
            output.say("Records of a newer version are in order; upgrade ablate to read them.")
        if any(finding.path.suffix == ".keras" for finding in found.findings if finding.kind == "damaged"):
            output.say("A damaged network stays until you remove it; its record is complete without it.")
        sys.exit(EXIT_IO)
    codes = {"different": EXIT_IO, "elsewhere": EXIT_NOT_COMPARABLE, "failed": EXIT_FAILED_RUNS}
    for verdict, code in codes.items():
        if any(each.verdict == verdict for each in again):
            sys.exit(code)


def _retrain(
    folder: Path | None,
    config: Path | None,
    out: Path | None,
    count: int,
    seed: int | None,
    output: Output,
    *,
    trust_model: bool,
) -> "list[Retrained]":
    """Train runs again, and say of each what came of it."""
    from ablate import api

    def tell(each: "Retrained") -> None:
        because = "".join(f"; {name}: {text}" for name, text in each.environment.items())
        verdict = {
            "equal": "as recorded",
            "different": "NOT as recorded, on the same machine and versions",
            "elsewhere": "not as recorded, on another machine or with other versions",
            "failed": "could not be trained again",
        }[each.verdict]
        text = f"{verdict}{': ' if each.differences else ''}{'; '.join(each.differences)}{because}"
        output.data(f"{each.run[:12]}  {each.treatment} seed {each.seed}, {each.trainer}: {text}")

    results = api.read_folder(folder) if folder else api.open_results(config, out=out)
    return api.retrain(results, count, seed=seed, trust_model=trust_model, listener=tell)


@command.command("gc")
@click.argument("folder", type=_FOLDER, required=False)
@_folder_options
@click.option("--quarantine", is_flag=True, help="Also what was set aside as damaged.")
@click.option(
    "--unused",
    is_flag=True,
    help="Also runs that the study file does not ask for, with all in callbacks/<key>/.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be removed, and change nothing.")
@handled
def gc(
    folder: Path | None,
    config: Path | None,
    out: Path | None,
    quarantine: bool,
    unused: bool,
    dry_run: bool,
    output: Output,
) -> None:
    """Remove what no result needs: files that killed processes left, and failures of runs that succeeded later.

    Only files with the whole key of a run in their name, in the place that ablate puts them, are looked at; others are
    counted and left alone. With --unused, the folder callbacks/<key>/ of a run goes as a whole: files that callbacks
    wrote, and whatever else lies there. What is unused is said by the study file at hand; without one, by the study as
    it was run last. Everything is moved to trash/ in the folder before the first file is deleted, and put back
    if something cannot be. Safe while 'ablate run' works in the same folder.
    """
    from ablate import api
    from ablate.results import trash, upkeep

    store = _store(folder, config, out)
    inventory = upkeep.verify(store)
    findings = upkeep.garbage(store, inventory, quarantine=quarantine)
    if unused:
        results = api.open_asked(store.root, config, out=out)
        if store.root.resolve() != results.store.root.resolve():
            raise StoreError(f"--unused goes by the study file, whose results are in {results.store.root}")
        output.say(f"--unused goes by {results.study.source}")
        content = results.snapshot
        asked = (*content.planned, *(content.confirmation.planned if content.confirmation else ()))
        findings += upkeep.unused(store, {run.key for run in asked})
    _print_findings(findings, store, output)
    freed = 0 if dry_run else trash.remove(store, [finding.path for finding in findings])
    done = "would be removed" if dry_run else f"removed, {freed:,} bytes freed"
    others = "; 1 other is not ablate's and was left alone" if inventory.foreign == 1 else ""
    if inventory.foreign > 1:
        others = f"; {inventory.foreign} others are not ablate's and were left alone"
    what = "1 file or folder" if len(findings) == 1 else f"{len(findings)} files or folders"
    output.data(f"{store.root}: {what} {done}{others}")
    figures = {"removed": not dry_run, "bytes": freed, "left_alone": inventory.foreign}
    output.document({"out": str(store.root), **figures, "findings": _documents(findings)})


@command.command("merge")
@click.argument("sources", type=_FOLDER, nargs=-1, required=True)
@_folder_options
@click.option("--into", type=_FOLDER, help="Folder to bring them into, instead of the study file's.")
@handled
def merge(sources: tuple[Path, ...], config: Path | None, out: Path | None, into: Path | None, output: Output) -> None:
    """Bring the runs of other folders into this one: from another machine, or from a CI job's artifact.

    A run that is in both is kept as it is here.
    """
    from ablate.results import upkeep
    from ablate.results.store import Store

    target = _store(into, config, out)
    counts: Counter[str] = Counter()
    for source in sources:
        merged = upkeep.merge(Store(source), target)
        _print_findings(merged.refused, Store(source), output)
        figures = {"added": merged.added, "there": merged.there, "different": merged.different}
        counts.update({name: len(keys) for name, keys in figures.items()})
        counts["refused"] += len(merged.refused)
        for key in merged.different:
            output.say(f"Note: {source} measured something else for run {key}; the record that was here is kept")
        refused = f", {len(merged.refused)} left out" if merged.refused else ""
        there = f"{len(merged.there)} {'was' if len(merged.there) == 1 else 'were'} there"
        output.data(f"{source}: {_count(len(merged.added), 'run')} added, {there}{refused}")
    output.document({"out": str(target.root), **{name: counts[name] for name in (*figures, "refused")}})
    if counts["refused"]:
        sys.exit(EXIT_IO)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _print_findings(findings: "Iterable[Finding]", store: "Store", output: Output) -> None:
    for finding in findings:
        output.data(f"{finding.kind}  {finding.path.relative_to(store.root)}  {finding.reason}")


def _documents(findings: "Iterable[Finding]") -> list[dict[str, Any]]:
    return [{**asdict(finding), "path": str(finding.path)} for finding in findings]
