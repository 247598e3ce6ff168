"""Puts the results of the chapter's studies into docs/chapter6.md and docs/guide/: every number there is made here.

    python tools/chapter6.py RESULTS               writes the tables between their markers
    python tools/chapter6.py RESULTS --measure     first measures what epochs of a plain `fit` loop take (minutes)

RESULTS is the folder (`-o`) that the studies of examples/chapter6 were run in.
"""

import argparse
import json
import math
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ablate import api
from ablate.analysis import durations, estimates
from ablate.report import answers, wording

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "docs" / "chapter6.md", *sorted((ROOT / "docs" / "guide").glob("*.md")))
FOLDER = ROOT / "examples" / "chapter6"
STUDIES = {path.stem.partition("-")[0]: path for path in sorted(FOLDER.glob("*.toml"))}
PLACE = re.compile(r"(<!-- (table|number): ([a-z0-9 -]+) -->)(.*?)(<!-- end -->)", re.DOTALL)
FIT_SECONDS = "fit-seconds.json"
MEASURED = ("e01", "e09")  # batches of 32 and of 100
EPOCHS_MEASURED = 4
RESTORED = (
    "data.validation=test",
    "training.epochs=200",
    "early_stopping=(monitor=val_accuracy,patience=10,restore_best_weights=true,stop_when_equal=true)",
)
Row = Sequence[str]


class Chapter:
    """The results of all studies that are there, by experiment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results: dict[str, api.Results] = {}
        for name, path in STUDIES.items():
            kept = folder / api.load(path).name / "study.toml"
            if kept.is_file():
                seeds = len(api.load(kept).seeds)
                self.results[name] = api.open_results(path, [f"study.replicates={seeds}"], out=folder)

    def runs(self, name: str, metric: str | None = None) -> pd.DataFrame:
        """The runs of an experiment, with the gap by the history and with a metric."""
        results = self.results[name]
        found = results.findings.runs(metric) if metric else results.runs
        return found.assign(running_gap=found["accuracy"] - found["val_accuracy"])


def table(head: Row, rows: Iterable[Row]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)


def claims(chapter: Chapter, name: str) -> str:
    """The claims of a study: what was expected, what was found, and the verdict."""
    judged = chapter.results[name].claims()
    rows = []
    for row, reproduces in zip(answers.claim_rows(judged), judged["reproduces"], strict=True):
        verdict = (
            {"supported": "reproduced", "refuted": "**not reproduced**"} if reproduces else {"refuted": "**refuted**"}
        )
        found = row.found + (f"; {row.more}" if row.more else "")
        rows.append((row.says, found, f"{row.symbol} {verdict.get(row.verdict, row.verdict)}"))
    return table(("claim", "found", "verdict"), rows)


def treatments(chapter: Chapter, name: str) -> str:
    """Means and standard deviations of every treatment; accuracies and gaps in percent and points."""
    columns = {
        "running accuracy": "accuracy",
        "training accuracy": "train_accuracy",
        "test accuracy": "test_accuracy",
        "test loss": "test_loss",
        "gap": "gap",
        "gap by history": "running_gap",
        "epochs": "stopped_epoch",
    }
    rows = []
    for treatment, own in chapter.runs(name).groupby("treatment", sort=False):
        cells = [spread(own[column].astype("float64"), column) for column in columns.values()]
        rows.append((f"`{shorter(str(treatment))}`", str(len(own)), *cells))
    return table(("treatment", "n", *columns), rows)


def spread(values: "pd.Series[float]", column: str) -> str:
    """Mean and standard deviation, shares in percent."""
    scale = 100 if "accuracy" in column or "gap" in column else 1
    digits = 4 if "loss" in column else 0 if column == "stopped_epoch" else 2
    sd = "" if len(values) < 2 or not values.std() > 0 else f" ± {values.std() * scale:.{digits}f}"
    return wording.number(float(values.mean()) * scale, digits) + sd


def shorter(treatment: str) -> str:
    """A treatment's name without what all of the chapter's stopping rules have in common."""
    for long, short in (
        ("monitor=val_loss,patience=10,", ""),
        ("monitor=val_accuracy,patience=10,", ""),
        (",stop_when_equal=true", ""),
        ("restore_best_weights=false", "last weights"),
        ("0.1666667", "held out"),
    ):
        treatment = treatment.replace(long, short)
    return treatment


def estimate(values: Iterable[float], metric: str) -> str:
    """A mean difference with its 95% interval."""
    numbers = np.asarray(list(values), dtype=np.float64)
    found = estimates.estimate_mean(numbers)
    return wording.difference(found.mean, found.low, found.high, metric, len(numbers))


def by_seed(runs: pd.DataFrame, column: str, **levels: str) -> "pd.Series[float]":
    """A column of one treatment's runs, by seed; levels by factor, `__` for the dot."""
    for name, level in levels.items():
        runs = runs[runs[name.replace("__", ".")] == level]
    return runs.set_index("seed")[column].astype("float64")


def optimism(chapter: Chapter, name: str) -> str:
    """What restoring the best weights brings on the test set, by the images that chose them, and the difference."""
    runs = chapter.runs(name)
    if "training.epochs" in runs:
        runs = runs[runs["training.epochs"] == "200"]
    rules = next(f.labels for f in chapter.results[name].study.factors if f.name == "early_stopping")
    gains: dict[str, pd.Series[float]] = {}
    rows = []
    for chosen, level in (("the test set", "test"), ("10,000 held-out images", "0.1666667")):
        kept, last = (by_seed(runs, "test_accuracy", early_stopping=rule, data__validation=level) for rule in rules[:2])
        gains[level] = (kept - last).dropna()
        rows.append((f"chosen on {chosen}", estimate(gains[level], "test_accuracy")))
    extra = (gains["test"] - gains["0.1666667"]).dropna()
    rows.append(("**what choosing on the test set adds**", estimate(extra, "test_accuracy")))
    own = runs[(runs["early_stopping"] == rules[0]) & (runs["data.validation"] == "0.1666667")]
    difference = (own["val_accuracy"] - own["test_accuracy"]).astype("float64")
    rows.append(("held-out accuracy that chose, minus test accuracy", estimate(difference, "test_accuracy")))
    return table(("restored minus last weights, on the test set", "mean difference"), rows)


def thresholds(chapter: Chapter, name: str) -> str:
    """Median epochs of every treatment until training accuracy reaches a threshold, and how many runs got there."""
    metrics = {
        "99%, by history": "epochs_to_accuracy_0.99",
        "99.9%, by history": "epochs_to_accuracy_0.999",
        "100%, by history": "epochs_to_accuracy_0.99995",
        "99.9%, inference": "epochs_to_train_accuracy_0.999",
        "100%, inference": "epochs_to_train_accuracy_1.0",
        "97% test accuracy": "epochs_to_val_accuracy_0.97",
    }
    columns = {
        head: durations.median_epochs(chapter.results[name].findings.runs(metric), metric).set_index("treatment")
        for head, metric in metrics.items()
    }
    rows = []
    for treatment in next(iter(columns.values())).index:
        cells = [_median(own.loc[treatment]) for own in columns.values()]
        rows.append((f"`{shorter(str(treatment))}`", *cells))
    return table(("treatment", *columns), rows)


def _median(row: Any) -> str:
    reached = "" if row["reached"] == row["of"] else f" ({row['reached']:.0f} of {row['of']:.0f})"
    return wording.number(row["median"], 0) + reached


def continued(chapter: Chapter) -> str:
    """Experiment 3 beside experiment 1, paired by seed."""
    before = chapter.runs("e01").set_index("seed")
    after = by_seed_table(chapter.runs("e03"), "training.epochs", "100")
    rows = []
    for column in ("accuracy", "train_accuracy", "test_accuracy", "test_loss", "gap"):
        change = (after[column] - before[column]).astype("float64").dropna()
        rows.append((wording.metric_name(column), estimate(change, column)))
    return table(("100 epochs more", "mean change from experiment 1"), rows)


def by_seed_table(runs: pd.DataFrame, factor: str, level: str) -> pd.DataFrame:
    """The runs of one level, by seed."""
    return runs[runs[factor] == level].set_index("seed")


def touches(chapter: Chapter) -> str:
    """Where training accuracy, by history and in inference mode, first passes test accuracy in experiment 9."""
    histories = chapter.results["e09"].histories
    rules = next(f.labels for f in chapter.results["e09"].study.factors if f.name == "early_stopping")
    own = histories[(histories["early_stopping"] == rules[-1]) & (histories["data.validation"] == "test")]
    rows = []
    for what, column in (("as fit prints it", "accuracy"), ("in inference mode", "train_accuracy")):
        first = []
        crossings = []
        for _, run in own.groupby("run"):
            above = (run[column] > run["val_accuracy"]).to_numpy()
            first.append(int(np.argmax(above)) + 1)
            crossings.append(int(np.count_nonzero(above[1:] != above[:-1])))
        rows.append((what, _range(first), _range(crossings)))
    return table(("training accuracy", "first above test accuracy, epoch", "crossings in 100 epochs"), rows)


def _range(values: Sequence[float]) -> str:
    return f"{statistics.median(values):g} ({min(values):g} to {max(values):g})"


def sides(chapter: Chapter) -> str:
    """How often test accuracy was above training accuracy in experiment 10: by history, and in inference mode."""
    results = chapter.results["e10"]
    rules = next(f.labels for f in results.study.factors if f.name == "early_stopping")
    histories = results.histories
    rows = []
    for treatment, own in histories.groupby("treatment", sort=False):
        if own["data.validation"].iloc[0] != "test" or own["early_stopping"].iloc[0] == rules[1]:
            continue
        running = own["val_accuracy"] > own["accuracy"]
        inference = own["val_accuracy"] > own["train_accuracy"]
        rows.append((f"`{shorter(str(treatment))}`", f"{running.mean():.0%}", f"{inference.mean():.0%}"))
    return table(("treatment", "epochs with test above training, by history", "in inference mode"), rows)


def reloaded(chapter: Chapter) -> str:
    """Experiment 11: the kept networks, loaded and scored by Keras."""
    results = chapter.results["e10"]
    scored = api.evaluate_networks(results, api.find_runs(results, only=RESTORED))
    assert all(each.agrees for each in scored)
    rows = []
    for what, figure, values in (
        ("test accuracy", 0.9765, [each.test_accuracy for each in scored]),
        ("test loss, as Keras reports it, with the penalty", 0.1266, [each.loss_with_penalties for each in scored]),
        ("test loss without the penalty", 0.1266, [each.test_loss for each in scored]),
    ):
        found = estimates.predict(np.asarray(values))
        verdict = "reproduced" if found.low <= figure <= found.high else "**not reproduced**"
        rows.append((what, f"{figure:.4f}", f"{found.mean:.4f}", f"{found.low:.4f} to {found.high:.4f}", verdict))
    head = ("loaded networks", "the chapter", f"ours, mean of {len(scored)}", "95% prediction interval", "")
    return table(head, rows)


def times(chapter: Chapter) -> str:
    """Machine time of every study, and that of a plain `fit` loop of the same epochs by its measured part."""
    path = chapter.folder / FIT_SECONDS
    fit = json.loads(path.read_text()) if path.is_file() else {}
    rows, sums = [], np.zeros(4)
    seen: set[str] = set()
    for name, results in chapter.results.items():
        own = results.runs.drop_duplicates("run")
        own = own[~own["run"].isin(seen)]  # runs that two studies share were trained once
        seen |= set(own["run"])
        epochs, seconds = float(own["stopped_epoch"].sum()), float(own["seconds"].sum())
        plain = math.nan
        data = results.study.base.data
        if fit and data.source == "mnist" and data.train_size is None:
            plain = sum(_plain(results, fit, row) for row in own.to_dict("records"))
        sums += (len(own), epochs, seconds, 0 if math.isnan(plain) else plain)
        rows.append((STUDIES[name].name, f"{len(own)}", f"{epochs:,.0f}", _minutes(seconds), _minutes(plain)))
    rows.append(("**together**", f"{sums[0]:.0f}", f"{sums[1]:,.0f}", _minutes(sums[2]), _minutes(sums[3])))
    return table(("study", "runs", "epochs", "`ablate run`, one worker, min", "a plain `fit` loop, min"), rows)


def _plain(results: api.Results, fit: dict[str, float], row: dict[Any, Any]) -> float:
    batch = results.study.base.training.batch_size
    return float(row["stopped_epoch"]) * fit[str(batch)]


def _minutes(seconds: float) -> str:
    return wording.number(seconds / 60, 1)


def remedies(chapter: Chapter, language: str) -> str:
    """What every level of the quick study changes, with 95% intervals."""
    heads = {
        "en": ("level", "test accuracy", "gap", "epochs to 99% training accuracy", "verdict on test accuracy"),
        "ko": ("수준", "테스트 정확도", "격차", "훈련 정확도 99%까지의 에폭", "테스트 정확도에 대한 판정"),
    }
    verdicts = {"helps": "도움", "hurts": "해로움", "undecided": "미정", "exploratory": "탐색", "inert": "변화 없음"}
    findings = chapter.results["chapter6"].findings
    tables = [findings.effects(metric) for metric in ("test_accuracy", "gap", "epochs_to_train_accuracy_0.99")]
    rows = []
    for place, entry in enumerate(tables[0].to_dict("records")):
        own = [each.iloc[place] for each in tables]
        cells = [_change(row, language) for row in own]
        verdict = entry["verdict"] if language == "en" else verdicts[entry["verdict"]]
        rows.append((f"`{shorter(entry['factor'] + ' = ' + entry['level'])}`", *cells, verdict))
    return table(heads[language], rows)


def _change(row: Any, language: str) -> str:
    """An effect with its interval; epochs that most runs never saw are no number."""
    if 2 * row["censored"] > row["n"]:
        return {"en": "not in 60 epochs", "ko": "60에폭 안에 도달하지 못함"}[language]
    low, high = (wording.signed(row[side], row["metric"]) for side in ("low", "high"))
    between = f"{low} to {high}" if language == "en" else f"{low} ~ {high}"
    return f"{wording.signed(row['mean'], row['metric'])} ({between})"


def measure(folder: Path) -> None:
    """Seconds of an epoch of a plain `fit` loop, by batch size, and of an epoch of ours beside it."""
    found: dict[str, float] = {}
    for name in MEASURED:
        study = api.load(STUDIES[name])
        short = [f"training.epochs={EPOCHS_MEASURED}"]
        command = [sys.executable, str(ROOT / "benchmarks" / "ways.py"), "plain", str(STUDIES[name]), "1", *short]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = statistics.median(json.loads(done.stdout)["epochs"])
        batch = str(study.base.training.batch_size)
        found[batch] = min(found.get(batch, math.inf), seconds)
        print(f"{name}: batches of {batch}, {seconds:.2f} s an epoch")
    (folder / FIT_SECONDS).write_text(json.dumps(found) + "\n")


MADE: dict[str, Callable[[Chapter, str], str]] = {
    "claims": claims,
    "treatments": treatments,
    "optimism": optimism,
    "thresholds": thresholds,
    "continued": lambda chapter, _: continued(chapter),
    "touches": lambda chapter, _: touches(chapter),
    "sides": lambda chapter, _: sides(chapter),
    "reloaded": lambda chapter, _: reloaded(chapter),
    "remedies": remedies,
    "times": lambda chapter, _: times(chapter),
}


def main() -> int:
    """Write the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--measure", action="store_true")
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.results)
    chapter = Chapter(arguments.results)

    def made(match: re.Match[str]) -> str:
        what, _, name = match[3].partition(" ")
        if name in STUDIES and name not in chapter.results:
            return match[0]
        return f"{match[1]}\n\n{MADE[what](chapter, name)}\n\n{match[5]}"

    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(PLACE.sub(made, text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
