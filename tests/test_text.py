"""What files say is shown, and obeyed by nobody."""

import pytest

from ablate.text import cell, clean, line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[1;31mred\x1b[0m \x1b]0;title\x07bell", "red bell"),
        ("\x1b]0;a title without an end\nthe next line", "\nthe next line"),
        ("10%\r20%\r\n", "10%\n20%\n"),
        ("nul\x00 c1\x9b override\u202e isolate\u2066 nothing\u200b lone\ud800", "nul\ufffd c1\ufffd override\ufffd isolate\ufffd nothing\ufffd lone\ufffd"),  # noqa: E501
        ("naïve 漢字 🙂", "naïve 漢字 🙂"),
    ],
)  # fmt: skip
def test_a_terminal_is_shown_text_and_nothing_to_obey(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_a_line_stays_one_line_and_is_cut() -> None:
    assert line("a\nb\tc\r\n\u2028d") == "a b c \ufffdd"
    assert line("  aligned  as it is") == "  aligned  as it is"
    assert line("x" * 50, 10) == "x" * 9 + "…"
    assert line("x" * 10, 10) == "x" * 10


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_is_a_formula(start: str) -> None:
    assert cell(f"{start}1+1") == f"'{start}1+1"


def test_other_cells_stay_as_they_are() -> None:
    assert [cell(content) for content in ("a=1", "", -1.5, None)] == ["a=1", "", -1.5, None]
