"""Comparisons of two results: folders, stored baselines or pages, for scripts and for the commands."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.api.results import read_folder, studies_in
from ablate.errors import AblateError, EmptyResultsError, StoreError, StudyError
from ablate.results import baseline as baselines
from ablate.results.baseline import Baseline
from ablate.results.identity import data_name
from ablate.results.store import Store
from ablate.settings.metrics import PRIMARY, Measured, gap_of, with_unit
from ablate.studies import design, spec

if TYPE_CHECKING:
    from ablate.report.nightly.comparison import Comparison  # noqa: TC004 - commands annotate with it; scipy comes later

__all__ = ["Comparison", "compare", "comparison_markdown", "open_side"]


def compare(
    one: str | os.PathLike[str],
    other: str | os.PathLike[str],
    *,
    metric: str | None = None,
    floor: float | None = None,
) -> "Comparison":
    """Compare the treatments of two results that have the same names.

    Args:
        one: a folder of results, a stored baseline, or a page: what the other is compared with.
        other: likewise.
        metric: what is compared; by default the primary metric of `other` if both have it, else the test accuracy, or
            the test RMSE of predicted numbers.
        floor: the smallest change that counts, in points for accuracies and the gap, else in the unit of the metric.

    Raises:
        AblateError: one of them is neither; `StoreError`, `EmptyResultsError` as those say.
    """
    from ablate.analysis.baseline import gated_metric
    from ablate.report import wording
    from ablate.report.nightly import comparison

    before, now = open_side(one), open_side(other)
    wanted = metric or gated_metric(now.primary, now.runs.columns)
    if metric is None and not (wanted in before.runs and wanted in now.runs):
        wanted = PRIMARY[Measured.of_columns(now.runs.columns).task]
    named = with_unit(wanted, gap_of(now.primary, Measured.of_columns(now.runs.columns).task))
    scaled = None if floor is None else floor / wording.scale(named)
    return comparison.compare(before, now, wanted, scaled, strict=False)


def open_side(path: str | os.PathLike[str]) -> Baseline:
    """What can be compared of a folder of results, a stored baseline or a page.

    Raises:
        AblateError: it is none of these; `StoreError`, `EmptyResultsError` as those say.
    """
    place = Path(path)
    if place.is_dir():
        return _folder(place)
    if not place.exists():
        raise AblateError(f"{place}: there is no such file or folder; takes results, a stored baseline or a page")
    return _page(place) if place.suffix.lower() in (".html", ".htm") else baselines.read(place)


def _folder(place: Path) -> Baseline:
    kept = [Store(place)] if Store(place).has(place / "study.toml") else studies_in(place)
    if len(kept) != 1:
        several = ", ".join(store.root.name for store in kept)
        names = f"several studies ({several}); name the folder of one" if kept else "none"
        raise EmptyResultsError(f"{place} should be the folder of a study's results; it holds {names}")
    results = read_folder(kept[0].root)
    if not results.snapshot.records:
        raise EmptyResultsError(f"no finished runs in {kept[0].root}; 'ablate run' trains them")
    return results.findings.baseline


def _page(place: Path) -> Baseline:
    from ablate.results import embedded

    found = embedded.read(place)
    try:
        study = spec.read(found.study, place)
        treatments = design.treatments(study, design.MOST_RUNS_SHOWN)
    except StudyError as error:
        raise AblateError(f"{place}: the study inside cannot be read by this version of ablate: {error}") from None
    known = found.identity.data
    if missing := [each.name for each in treatments if data_name(each.settings.data) not in known]:
        raise StoreError(f"{place} is damaged: it does not say which data {missing[0]} was trained on")
    return baselines.make(study, treatments, found.identity, found.identity.libraries, found.runs)


def comparison_markdown(found: "Comparison", one: str, other: str) -> str:
    """A comparison in Markdown, short enough for a comment on a pull request."""
    from ablate.report.nightly import side_by_side

    return side_by_side.render(found, one, other)
