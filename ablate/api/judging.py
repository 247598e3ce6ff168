"""The nightly gate, for scripts and for the commands: a night is judged, and told as JUnit XML and Markdown."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.api.current import study_now
from ablate.errors import StudyError
from ablate.results import baseline as baselines
from ablate.results.baseline import Baseline
from ablate.results.files import replace_file
from ablate.studies import design
from ablate.studies.spec import Study
from ablate.usercode import code

if TYPE_CHECKING:
    from ablate.report.findings import Findings
    from ablate.report.nightly.gate import Night  # noqa: TC004 - commands annotate with it; scipy comes later

__all__ = ["SUMMARY_LIMIT", "Night", "Stored", "check", "junit", "read_baseline", "summary", "write_file"]

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
    findings: "Findings",
    root: Path,
    baseline: "str | os.PathLike[str] | Stored | None" = None,
    *,
    save_baseline: str | os.PathLike[str] | None = None,
    floor: float | None = None,
) -> "Night":
    """Judge what is there of a study: its claims, its failed and missing runs, and its change since a stored baseline.

    Args:
        findings: what the analysis says of the study.
        root: the folder of its results.
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
    from ablate.report.nightly.gate import Night

    if save_baseline is not None:
        baselines.check_replaceable(Path(save_baseline))
    stored = baseline if isinstance(baseline, Stored) else read_baseline(baseline)
    scale = wording.scale(gated_metric(findings.snapshot.study.primary, findings.snapshot.runs.columns))
    night = Night(
        findings,
        stored.content,
        wanted=stored.wanted,
        floor=None if floor is None else floor / scale,
        stored=save_baseline is not None,
        outdated=tuple(_other_code(findings, root)),
    )
    if save_baseline is not None and not night.problems:
        write_file(save_baseline, findings.baseline.to_json())
    return night


def _other_code(findings: "Findings", root: Path) -> Iterator[str]:
    """What to say if the user's code is no longer what the runs were trained with."""
    now = study_now(findings.snapshot.study, root)
    if now is None:
        return
    folder, named = now.source.resolve().parent, _named_code(now)
    for reference, digest in findings.snapshot.identity.code.items():
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
    """A night as JUnit XML; see `ablate.report.nightly.junit`.

    Args:
        night: what `check` returns, or why there is none.
    """
    from ablate.report.nightly import junit as made

    return made.nothing(night) if isinstance(night, str) else made.render(night)


def summary(night: "Night | str", *, page: str = "", link: str = "", limit: int | None = None) -> str:
    """A night in Markdown; see `ablate.report.nightly.summary`.

    Args:
        night: what `check` returns, or why there is none.
        page: name or path of the HTML page, if there is one.
        link: address where the page can be had, if one is known, percent-encoded.
        limit: bytes; 900,000 by default.
    """
    from ablate.report.nightly import summary as made

    limit = SUMMARY_LIMIT if limit is None else limit
    return made.nothing(night) if isinstance(night, str) else made.render(night, page=page, link=link, limit=limit)


def write_file(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file as a whole, with the folders on the way."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(target, content)
    return target
