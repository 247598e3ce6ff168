"""Two results side by side in Markdown, short enough for a comment on a pull request."""

from collections.abc import Iterator

from ablate.report import wording
from ablate.report.nightly import comparison
from ablate.report.nightly.comparison import Comparison
from ablate.report.nightly.markdown import code, cut, table, text
from ablate.report.nightly.summary import compared

LIMIT = 64_000  # bytes; GitHub takes 65,536 characters


def render(found: Comparison, one: str, other: str) -> str:
    """The comparison as Markdown.

    Args:
        found: what is compared.
        one: what A is called.
        other: what B is called.
    """
    return wording.redact(cut(list(_lines(found, one, other)), LIMIT, "'ablate compare'"))


def _lines(found: Comparison, one: str, other: str) -> Iterator[str]:
    counts = found.table["verdict"].value_counts()
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    yield f"# {text(other)} against {text(one)}: {said or 'no treatment to compare'}"
    yield from compared(found, one)
    if found.around:
        yield ""
        yield from (f"- {text(line)}" for line in found.around)
    if found.settings:
        yield from ("", "## Settings that differ", "")
        rows = [
            (code(each.key), code(each.before), code(each.now), code(comparison.named(each.treatments)))
            for each in found.settings
        ]
        yield from table(("Setting", "A", "B", "Treatments"), rows)
