"""What the page's script shows of a single run on demand: its exact settings and the command that repeats it."""

import shlex
from collections.abc import Iterable
from typing import Any

from ablate.report import wording
from ablate.results.snapshot import Snapshot
from ablate.settings.document import value_text
from ablate.settings.metrics import describe
from ablate.settings.run import RunSettings
from ablate.studies.design import Treatment

REPEATED = "again"  # folder of the results of a repeated run; in the study's own it would be there already


def document(snapshot: Snapshot, shown: Iterable[str]) -> dict[str, Any]:
    """The details of the treatments whose runs the page shows, for JSON.

    Args:
        snapshot: what is there of the study.
        shown: names of treatments.

    Returns:
        `factors`: the labels of every factor's levels; `meanings` of the diagnoses; `score`, the columns that are
        drawn; `settings` of the baseline, as TOML values by dotted key; `treatments`, in the order of `shown`: the
        `levels` (places in the labels), the `settings` that differ from the baseline's (`null` where one is absent) and
        the `command` that repeats a run, but for its seed.
    """
    treatments = {run.treatment.name: run.treatment for run in snapshot.planned}
    base = _settings(treatments["baseline"].settings) if "baseline" in treatments else {}
    return {
        "factors": snapshot.levels,
        "meanings": wording.diagnoses(snapshot.study.thresholds, snapshot.study.measured),
        "score": _score(snapshot.study.measured.score),
        "settings": base,
        "treatments": [_treatment(treatments[name], snapshot, base) for name in dict.fromkeys(shown)],
    }


def _score(score: str) -> dict[str, Any]:
    """Which columns the script draws of a run, and how."""
    sides = {side: f"{side}_{score}" for side in ("train", "val")}
    return {**sides, "title": describe(score).title, "percent": wording.scale(sides["val"]) > 1}


def _treatment(treatment: Treatment, snapshot: Snapshot, base: dict[str, str]) -> dict[str, Any]:
    own = _settings(treatment.settings)
    changed: dict[str, str | None] = {key: text for key, text in own.items() if base.get(key) != text}
    changed |= dict.fromkeys(base.keys() - own.keys())
    return {
        "levels": [labels.index(treatment.levels[name]) for name, labels in snapshot.levels.items()],
        "settings": dict(sorted(changed.items())),
        "command": command(treatment, snapshot),
    }


def command(treatment: Treatment, snapshot: Snapshot) -> str:
    """The command that trains a run of a treatment anew, to be ended with its seed, a bracket and a quote."""
    only = [f"--only {shlex.quote(f'{name}={treatment.levels[name]}')}" for name in snapshot.levels]
    return " ".join(["ablate run -c study.toml -o", REPEATED, *only, "-S 'study.seeds=["])


def _settings(settings: RunSettings) -> dict[str, str]:
    """All settings of a run, flat, as a study file would write them."""
    found: dict[str, str] = {}
    for section, values in settings.model_dump(mode="json", exclude_none=True).items():
        prefix = "" if section == "remedies" else f"{section}."
        found |= {f"{prefix}{key}": value_text(value) for key, value in values.items()}
    return found
