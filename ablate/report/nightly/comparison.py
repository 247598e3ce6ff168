"""Two results side by side: what can be compared, what changed around it, and what that did to every treatment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from ablate.analysis import baseline as analysis
from ablate.report import wording
from ablate.results.baseline import Baseline
from ablate.settings import document
from ablate.settings.metrics import Measured, gap_of, with_unit

MOST_NAMED = 12  # treatments or settings that a sentence lists


@dataclass(frozen=True)
class Setting:
    """A setting that the two sides have otherwise.

    Attributes:
        key: of the study file.
        before, now: its values as TOML; `not set` where a side has none.
        treatments: whose it is.
    """

    key: str
    before: str
    now: str
    treatments: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """What became of a study.

    Attributes:
        metric: what is compared.
        floor: the smallest change that counts, on the metric's scale.
        table: see `analysis.baseline.compare`; the treatments that both sides have with equal settings and data.
        settings: what is set otherwise in treatments of the same name.
        data: treatments of the same name that were trained on other data.
        changed: code, versions and names that differ; what is compared may differ for these reasons.
        only_before, only_now: treatments that one side alone has.
        seeds_before, seeds_now: seeds that one side alone has.
        obstacles: why the two are not comparable; empty if they are.
    """

    metric: str
    floor: float
    table: pd.DataFrame
    settings: tuple[Setting, ...]
    data: tuple[str, ...]
    changed: tuple[str, ...]
    only_before: tuple[str, ...]
    only_now: tuple[str, ...]
    seeds_before: tuple[int, ...]
    seeds_now: tuple[int, ...]
    obstacles: tuple[str, ...]

    @cached_property
    def by_treatment(self) -> Mapping[str, dict[Any, Any]]:
        """The rows of the table by the names of their treatments."""
        return {row["treatment"]: row for row in self.table.to_dict("records")}

    def of(self, verdict: str) -> list[dict[Any, Any]]:
        """The rows of the table with a verdict."""
        return self.table[self.table["verdict"] == verdict].to_dict("records")

    @property
    def around(self) -> tuple[str, ...]:
        """What differs beside the metrics, but for settings: treatments and seeds of one side, data, code, versions."""
        found: dict[str, Sequence[object]] = {
            "treatments only in A": self.only_before,
            "treatments only in B": self.only_now,
            "seeds only in A": self.seeds_before,
            "seeds only in B": self.seeds_now,
            "trained on other data": self.data,
            "changed": self.changed,
        }
        return tuple(f"{what}: {named(names)}" for what, names in found.items() if names)


def compare(
    before: Baseline, now: Baseline, metric: str | None = None, floor: float | None = None, *, strict: bool = True
) -> Comparison:
    """Compare results with earlier ones of the same study.

    Args:
        before: the earlier ones.
        now: the later ones.
        metric: a column of both; by default the primary metric of `now`, or the test accuracy if that is a time.
        floor: the smallest change that counts, on the metric's scale; `analysis.baseline.default_floor` by default.
        strict: compare only treatments with equal settings and data; otherwise all that have the same name.
    """
    metric = metric or analysis.gated_metric(now.primary, now.runs.columns)
    floor = analysis.default_floor(metric, before.runs) if floor is None else floor
    common = [name for name in now.treatments if name in before.treatments]
    settings = _settings(before, now, common)
    data = tuple(name for name in common if before.treatments[name].data != now.treatments[name].data)
    other = {*data, *(name for setting in settings for name in setting.treatments)} if strict else set()
    without = [side for side in (before, now) if metric not in side.runs]
    fit = [name for name in common if name not in other and not without]
    old, new = (side.runs[side.runs["treatment"].isin(fit)] for side in (before, now))
    table = analysis.compare(new, old, metric, floor)
    metric = with_unit(metric, gap_of(now.primary, Measured.of_columns(now.runs.columns).task))
    table["metric"] = metric
    seeds_before, seeds_now = (set(side.runs["seed"]) for side in (before, now))
    obstacles = [*(f"no {metric} in what was kept of study {side.study}" for side in without)]
    obstacles += _obstacles(settings, data) if strict else []
    if not common:
        obstacles.append("no treatment in common")
    elif not seeds_before & seeds_now:
        obstacles.append(f"no seed in common: {_seeds(seeds_before)} then, {_seeds(seeds_now)} now")
    return Comparison(
        metric,
        floor,
        table,
        settings,
        data,
        tuple(_changed(before, now)),
        tuple(name for name in before.treatments if name not in now.treatments),
        tuple(name for name in now.treatments if name not in before.treatments),
        tuple(sorted(seeds_before - seeds_now)),
        tuple(sorted(seeds_now - seeds_before)),
        tuple(obstacles),
    )


def change(row: Mapping[Any, Any]) -> str:
    """The change of one treatment with its interval, as text."""
    if not row["n"]:
        return row["reason"] or "nothing to compare"
    return wording.difference(row["mean"], row["low"], row["high"], row["metric"], row["n"])


def told(row: Mapping[Any, Any]) -> str:
    """What is said of one treatment: its change, the adjusted p, and the reason of the verdict."""
    parts = [change(row)] if row["n"] else []
    if row["verdict"] in ("regression", "improvement") and row["p_holm"] < 1:
        parts.append(f"adjusted p {wording.p_value(row['p_holm'])}")
    return "; ".join([*parts, *([row["reason"]] if row["reason"] else [])])


def floor_text(metric: str, floor: float) -> str:
    """A floor with its unit."""
    return f"{floor * wording.scale(metric):g} {wording.unit(metric)}".strip()


def named(names: Iterable[object]) -> str:
    """Names in a sentence; a few of them, and how many more there are."""
    every = [str(name) for name in names]
    more = f" and {len(every) - MOST_NAMED} more" if len(every) > MOST_NAMED else ""
    return ", ".join(every[:MOST_NAMED]) + more


def _settings(before: Baseline, now: Baseline, common: Iterable[str]) -> tuple[Setting, ...]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for name in common:
        old, new = before.treatments[name].settings, now.treatments[name].settings
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                values = _value(old.get(key)), _value(new.get(key))
                found.setdefault((key, *values), []).append(name)
    return tuple(Setting(*texts, tuple(names)) for texts, names in found.items())


def _value(value: Any) -> str:
    return "not set" if value is None else document.value_text(value)


def _obstacles(settings: Iterable[Setting], data: tuple[str, ...]) -> Iterable[str]:
    if data:
        yield f"other data: {named(data)}"
    listed = [f"{each.key} was {each.before} and is {each.now} ({named(each.treatments)})" for each in settings]
    if listed:
        yield f"other settings: {'; '.join(listed[:MOST_NAMED])}" + ("; ..." if len(listed) > MOST_NAMED else "")


def _changed(before: Baseline, now: Baseline) -> Iterable[str]:
    if before.study != now.study:
        yield f"study: {before.study}, now {now.study}"
    for name in sorted(before.code.keys() & now.code.keys()):
        if before.code[name] != now.code[name]:
            yield f"code of {name}"
    for name in sorted(before.versions.keys() & now.versions.keys()):
        if not _same_version(before.versions[name], now.versions[name]):
            yield f"{name} {before.versions[name]}, now {now.versions[name]}"


def _same_version(one: str, other: str) -> bool:
    """Whether two versions may be the same; a page knows `2.21` only of what is `2.21.0`."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _seeds(seeds: set[int]) -> str:
    return named(sorted(seeds)) or "none"
