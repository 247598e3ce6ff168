"""How long a study takes with `ablate run` and in three other ways, side by side on this machine.

    python benchmarks/compare.py digits            # the bundled study; about ten minutes on two cores
    python benchmarks/compare.py mnist             # four runs of thirty epochs; needs MNIST and about ten minutes
    python benchmarks/compare.py mnist --batch-size 100

Needs `pip install -e '.[bench]'`. Every way is a fresh process, timed from outside, imports and compilation included,
and its turn comes once in every repetition. The slow ways train a part of the runs and the rest is added at their
median; `ablate` trains all of them, first without and then with programs in XLA's cache. Early stopping, which the
tuner does not know, costs it the epochs that the others save.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ablate
from ablate.api import default_jobs, make_plan
from ablate.studies.spec import Study

HERE = Path(__file__).parent
STUDIES = {"digits": HERE.parent / "ablations.toml", "mnist": HERE / "mnist.toml"}
NAMES = {
    "plain": "model.fit in a loop",
    "tuned": "fit, jit_compile, best steps_per_execution",
    "tuner": "KerasTuner GridSearch",
    "cold": "ablate run, empty XLA cache",
    "warm": "ablate run, filled XLA cache",
}


def main() -> None:
    """Run every way as often as asked and print medians, ranges and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--part", type=int, help="runs that the slow ways train; default: 7 of digits, 1 of mnist")
    arguments = parser.parse_args()
    overrides = [f"training.batch_size={arguments.batch_size}"] if arguments.batch_size else []
    study = ablate.load(STUDIES[arguments.study], overrides)
    part = arguments.part or {"digits": 7, "mnist": 1}[arguments.study]
    with tempfile.TemporaryDirectory() as scratch:
        total = len(make_plan(study, out=scratch).selected)
        subprocess.run([sys.executable, "-c", "import tensorflow, keras, keras_tuner, ablate.api"], check=True)
        slow = ["plain", "tuned", "tuner"] if arguments.study == "digits" else ["plain", "tuned"]
        measured: dict[str, list[dict[str, Any]]] = {way: [] for way in [*slow, "cold", "warm"]}
        for repeat in range(arguments.repeats):
            for way in slow:
                measured[way].append(measure_part(way, study, overrides, part, total))
            for way in ("cold", "warm"):
                measured[way].append(measure_ablate(study, overrides, Path(scratch), f"{repeat}-{way}"))
            print(f"repetition {repeat + 1} of {arguments.repeats} done", file=sys.stderr)
    show(measured, f"{study.name}, batch size {study.base.training.batch_size}, {total} runs", part)


def measure_part(way: str, study: Study, overrides: list[str], part: int, total: int) -> dict[str, Any]:
    """Seconds that a slow way takes for the whole study, from a part of its runs; and of its epochs."""
    command = [sys.executable, str(HERE / "ways.py"), way, str(study.source), str(part), *overrides]
    started = time.perf_counter()
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds = time.perf_counter() - started
    found = json.loads(output)
    rest = (total - part) * statistics.median(found["runs"])
    return {**found, "whole": seconds - found.get("uncounted", 0.0) + rest, "epoch": statistics.median(found["epochs"])}


def measure_ablate(study: Study, overrides: list[str], scratch: Path, name: str) -> dict[str, Any]:
    """Seconds of `ablate run`, all runs; an epoch's seconds are those of the machine, which trains several at once."""
    out = scratch / name
    cache = scratch / "cache" / name.split("-", maxsplit=1)[0]  # the cold run of a repetition fills it for the warm one
    command = [sys.executable, "-m", "ablate", "run", "--quiet", "--config", str(study.source), "--out", str(out)]
    command += [part for override in overrides for part in ("--set", override)]
    started = time.perf_counter()
    subprocess.run(command, check=True, env={**os.environ, "ABLATE_XLA_CACHE": str(cache)})
    seconds = time.perf_counter() - started
    results = ablate.open_results(study.source, overrides, out=out)
    assert not results.snapshot.missing
    epochs = results.histories.query("epoch > 1")["seconds"].median()
    return {"whole": seconds, "epoch": epochs / default_jobs()}


def show(measured: dict[str, list[dict[str, Any]]], what: str, part: int) -> None:
    """Print a table in Markdown."""
    print(
        f"\n{what}; {platform.processor() or platform.machine()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}"
    )
    print(f"Medians of {len(measured['cold'])} repetitions (least to most); the slow ways trained {part} runs.\n")
    print("| way | whole process, s | times `ablate` cold | epoch, ms | times `ablate` |")
    print("|---|---|---|---|---|")
    for way, repetitions in measured.items():
        cells = []
        for key, unit in (("whole", 1.0), ("epoch", 1e3)):
            values = [each[key] * unit for each in repetitions]
            ratios = [
                each[key] / cold[key] for each, cold in zip(repetitions, measured["cold"], strict=True)
            ]  # within a repetition
            cells += [_median(values), _median(ratios)]
        print(f"| {NAMES[way]} | {' | '.join(cells)} |")
    steps = [each["steps_per_execution"] for each in measured["tuned"]]
    print(f"\nBest steps_per_execution: {', '.join(map(str, steps))}.")


def _median(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


if __name__ == "__main__":
    main()
