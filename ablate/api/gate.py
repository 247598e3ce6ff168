"""The nightly gate and comparisons, for scripts and for the commands."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.api.plans import load
from ablate.api.results import Results, read_folder, studies_in
from ablate.errors import AblateError, EmptyResultsError, StoreError, StudyError
from ablate.results import baseline as baselines
from ablate.results.baseline import Baseline
from ablate.results.files import replace_file
from ablate.results.identity import data_name
from ablate.results.store import Store
from ablate.study import code, design, spec
from ablate.study.spec import Study

if TYPE_CHECKING:
    from ablate.report.comparison import Comparison  # noqa: TC004 - commands annotate with these; scipy comes later
    from ablate.report.gate import Night  # noqa: TC004

__all__ = [
    "SUMMARY_LIMIT",
    "Comparison",
    "Night",
    "Stored",
    "check",
    "compare",
    "comparison_markdown",
    "junit",
    "open_side",
    "read_baseline",
    "summary",
    "write_file",
]

SUMMARY_LIMIT = 900_000  # bytes; GitHub takes 1 MiB from a step


@dataclass(frozen=True)
class Stored:
    """A stored baseline, as far as there is one.

    Attributes:
        wanted: whether one was asked for.
        content: what it holds; `None` where there is none.
    """

    wanted: bool
    content: Baseline | None


def read_baseline(path: str | os.PathLike[str] | None) -> Stored:
    """Read a stored baseline; that its file is missing is no error here.

    Raises:
        NotComparableError: a newer version wrote it.
        AblateError: the file is no stored baseline, or a damaged one.
        StoreError: the file cannot be read.
    """
    try:
        return Stored(path is not None, None if path is None else baselines.read(Path(path)))
    except FileNotFoundError:
        return Stored(wanted=True, content=None)


def check(
    results: Results,
    baseline: "str | os.PathLike[str] | Stored | None" = None,
    *,
    save_baseline: str | os.PathLike[str] | None = None,
    floor: float | None = None,
) -> "Night":
    """Judge what is there of a study: its claims, its failed and missing runs, and its change since a stored baseline.

    Args:
        results: the study.
        baseline: file of the stored baseline that it is compared with, or what `read_baseline` made of it; without
            one nothing is compared.
        save_baseline: file to store these results in, if nothing is wrong with them. Then a missing `baseline` is
            nothing wrong either.
        floor: the smallest change that counts, in points for accuracies and the gap, else in the unit of the metric;
            0.5 points, 0.01 for losses, one epoch by default.

    Raises:
        NotComparableError: a newer version wrote the stored baseline.
        AblateError: the file is no stored baseline, or a damaged one; or `save_baseline` is another kind of file.
        StoreError: a file cannot be read or written.
    """
    from ablate.analysis.baseline import gated_metric
    from ablate.report import wording
    from ablate.report.gate import Night

    if save_baseline is not None:
        baselines.check_replaceable(Path(save_baseline))
    stored = baseline if isinstance(baseline, Stored) else read_baseline(baseline)
    scale = wording.scale(gated_metric(results.study.primary))
    night = Night(
        results.findings,
        stored.content,
        wanted=stored.wanted,
        floor=None if floor is None else floor / scale,
        stored=save_baseline is not None,
        outdated=tuple(_other_code(results)),
    )
    if save_baseline is not None and not night.problems:
        write_file(save_baseline, results.findings.baseline.to_json())
    return night


def _other_code(results: Results) -> Iterator[str]:
    """What to say if the code at hand is not what the runs were trained with."""
    study, now = results.study, results.study
    if study.source.resolve().parent == results.store.root.resolve():  # as it was kept among its results
        with suppress(StudyError):
            now = load()
    folder = now.source.resolve().parent
    if now.name != study.name or folder == results.store.root.resolve():
        return
    named = _named_code(now)
    for reference, digest in results.snapshot.identity.code.items():
        if reference not in named:
            continue  # what only a folder of results names is not looked for
        with suppress(StudyError):
            if code.digest(reference, folder, "") != digest:
                yield (
                    f"the code of {reference} has changed since these runs were trained; 'ablate run' trains them anew"
                )


def _named_code(study: Study) -> set[str]:
    """The functions that a study names."""
    try:
        treatments = design.treatments(study, design.MOST_RUNS_SHOWN)
    except StudyError:
        return set()
    return {reference for each in treatments for reference in each.settings.code}


def junit(night: "Night | str") -> bytes:
    """A night as JUnit XML; see `ablate.report.junit`.

    Args:
        night: what `check` returns, or why there is none.
    """
    from ablate.report import junit as made

    return made.nothing(night) if isinstance(night, str) else made.render(night)


def summary(night: "Night | str", *, page: str = "", link: str = "", limit: int | None = None) -> str:
    """A night in Markdown; see `ablate.report.summary`.

    Args:
        night: what `check` returns, or why there is none.
        page: name or path of the HTML page, if there is one.
        link: address where the page can be had, if one is known, percent-encoded.
        limit: bytes; 900,000 by default.
    """
    from ablate.report import summary as made

    limit = SUMMARY_LIMIT if limit is None else limit
    return made.nothing(night) if isinstance(night, str) else made.render(night, page=page, link=link, limit=limit)


def comparison_markdown(found: "Comparison", one: str, other: str) -> str:
    """A comparison in Markdown, short enough for a comment on a pull request."""
    from ablate.report import side_by_side

    return side_by_side.render(found, one, other)


def write_file(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file as a whole, with the folders on the way."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(target, content)
    return target


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
        metric: what is compared; by default the primary metric of `other` if both have it, else the test accuracy.
        floor: the smallest change that counts, in points for accuracies and the gap, else in the unit of the metric.

    Raises:
        AblateError: one of them is neither; `StoreError`, `EmptyResultsError` as those say.
    """
    from ablate.analysis.baseline import gated_metric
    from ablate.report import comparison, wording

    before, now = open_side(one), open_side(other)
    wanted = metric or gated_metric(now.primary)
    if metric is None and not (wanted in before.runs and wanted in now.runs):
        wanted = "test_accuracy"
    scaled = None if floor is None else floor / wording.scale(wanted)
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
