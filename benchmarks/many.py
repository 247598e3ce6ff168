"""What a study of many runs costs beyond their training, which a stand-in does in no time.

    python benchmarks/many.py [RUNS ...]      # 100 1000 10000 by default

For every number of runs: making them by `ablate run -j2`, planning, status, the page, going on after an interruption,
and what lies in the folder of results. A line of JSON each, and a table at the end.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
STUDY = """
[study]
name = "many"
replicates = {replicates}
save_models = "none"

[data]
source = "digits"
train_size = 200

[model]
hidden = [16, 8]

[training]
epochs = 2

[overfitting]
dropout = [0.0, 0.5]
l2 = [0.0, 0.001, 0.01, 0.1]
"""
TREATMENTS = 5  # one at a time


def main(numbers: list[int]) -> None:
    """Measure every number of runs, each in a folder of its own."""
    found = []
    for number in numbers:
        with tempfile.TemporaryDirectory(prefix="ablate-many-") as folder:
            found.append(measure(Path(folder), number))
        print(json.dumps(found[-1]), flush=True)
    names = list(found[0])
    print("\n" + "\n".join("| " + " | ".join([name, *(shown(each[name]) for each in found)]) + " |" for name in names))


def shown(value: float) -> str:
    """A figure for people."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def measure(folder: Path, runs: int) -> dict[str, float]:
    """Seconds of processor of every command, its workers included, and what a run takes of the disk."""
    (folder / "ablations.toml").write_text(STUDY.format(replicates=runs // TREATMENTS))
    most = ("--max-runs", str(max(runs, 1)))
    found: dict[str, float] = {"runs": runs}
    found["plan, nothing there"] = call(folder, "plan", *most)
    found["run"] = call(folder, "run", "-j2", *most)
    found["run, a run (ms)"] = 1000 * found["run"] / runs
    records = list(folder.glob("reports/many/runs/*/*.json"))
    assert len(records) == runs, f"{len(records)} of {runs} records"
    found["files"] = sum(path.is_file() for path in (folder / "reports").rglob("*"))
    found["bytes a run"] = sum(path.stat().st_size for path in records) / runs
    found["plan, all there"] = call(folder, "plan", *most)
    found["run, all there"] = call(folder, "run", *most)
    found["status"] = call(folder, "status")
    for path in sorted(records)[: max(1, runs // 100)]:
        path.unlink()
    found["run, a hundredth missing"] = call(folder, "run", "-j2", *most)
    found["report"] = call(folder, "report")
    found["page (MB)"] = (folder / "reports/many/report.html").stat().st_size / 1e6
    found["most memory of a command (MB)"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return found


def call(folder: Path, *arguments: str) -> float:
    """Seconds of processor that a command takes, and the processes that it starts."""
    path = os.pathsep.join([str(TOP / "tests" / "faults" / "stand_in"), str(TOP)])
    environment = {**os.environ, "PYTHONPATH": path}
    if arguments[0] in {"status", "report"}:
        environment["PYTHONPATH"] = str(TOP)  # they need the real libraries
    before = processor()
    command = [sys.executable, "-m", "ablate", *arguments, "--quiet"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}: {done.stderr[-500:]}")
    return processor() - before


def processor() -> float:
    """Seconds of processor of all processes that were started here and are over."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [100, 1000, 10000])
