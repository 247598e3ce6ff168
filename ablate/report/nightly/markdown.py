"""Markdown that shows what it is given as text: nothing in a name is markup, a mention or a link."""

import re
from collections.abc import Iterable, Sequence

from ablate.text import line as one_line

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~$&])")
_NUMBERED = re.compile(r"^(\d+)([.)])(?=\s|$)")  # what would begin a list
_LINKS = re.compile(r"[@#](?=\w)|:(?=//)|\bwww(?=\.)", re.IGNORECASE)  # what GitHub links by itself
_BREAKS = re.compile(r"\s+")
_UNSEEN = "\N{ZERO WIDTH SPACE}"


def text(content: str) -> str:
    """A text in one line, as it is: no markup, no HTML, no mention of anybody, no reference, no link."""
    line = _LINKS.sub(rf"\g<0>{_UNSEEN}", _printable(content))
    line = _SPECIAL.sub(r"\\\1", line)
    return f"\\{line}" if line[:1] in ("-", "+", "=") else _NUMBERED.sub(r"\1\\\2", line)


def code(content: str) -> str:
    """A text in one line as code, for the cell of a table."""
    line = _printable(content).replace("|", "\\|")
    if not line:
        return ""
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    edge = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{fence}{edge}{line}{edge}{fence}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table; cells are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def cut(lines: Sequence[str], limit: int, what: str) -> str:
    """Lines as one text of at most so many bytes; says where it was cut.

    Args:
        lines: of Markdown.
        limit: bytes.
        what: where the rest is to be found.
    """
    whole = "\n".join(lines) + "\n"
    if len(whole.encode()) <= limit:
        return whole
    note = f"\n*Cut here to stay below {limit:,} bytes; {what} has the rest.*\n"
    kept, size = [], len(note.encode())
    for line in lines:
        size += len(line.encode()) + 1
        if size > limit:
            break
        kept.append(line)
    found = "\n".join(kept) + "\n" + note
    return found if len(found.encode()) <= limit else ""


def _printable(content: str) -> str:
    """One line without characters that a terminal or a page would obey instead of show."""
    return one_line(_BREAKS.sub(" ", content).strip())
