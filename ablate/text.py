"""Text that comes from files, made fit to be shown: to a terminal, on one line of it, in the cell of a table."""

import re

_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(\x07|\x1b\\)?|.)")
_FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # as in the page's script; the last four are wide ones


def clean(text: str) -> str:
    """A text without escape sequences and without characters that a terminal would obey instead of show.

    Lines and tabs stay. Control characters of either kind, those that turn the direction of writing, those without a
    width and halves of characters become a replacement character.
    """
    text = _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text)


def line(text: str, most: int | None = None) -> str:
    """The same on one line, so that no file can add lines of its own; cut to a length, if one is given."""
    shown = clean(text if most is None else text[: 2 * most]).replace("\n", " ").replace("\t", " ")
    return shown if most is None or len(shown) <= most else f"{shown[: most - 1]}…"


def cell(content: object) -> object:
    """A cell of a CSV file, or the name of a column: what a spreadsheet takes for a formula gets a leading quote."""
    return f"'{content}" if isinstance(content, str) and content.startswith(_FORMULA_STARTS) else content
