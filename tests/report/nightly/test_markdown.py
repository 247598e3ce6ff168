"""Markdown: what is given as text stays text when it is rendered."""

import re

import pytest
from markdown_it import MarkdownIt

from ablate.report.nightly.markdown import code, cut, table, text

HOSTILE = [
    "a | b",
    "`code` ``more``",
    "<script>alert(1)</script>",
    "*bold* _too_ __and__ ~~gone~~",
    "[link](javascript:alert(1)) ![image](x)",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "&lt; &amp; &#60;",
    "a\\|b\\`c",
    "=====",
    "$x^2$",
]


def shown(html: str) -> str:
    """The text of a page without its tags, as a reader sees it."""
    plain = re.sub(r"<[^>]+>", "", html)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        plain = plain.replace(entity, sign)
    return plain.replace("\u200b", "").strip()


def render(markdown: str) -> str:
    return str(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))


@pytest.mark.parametrize("content", HOSTILE)
def test_text_is_shown_as_it_is(content: str) -> None:
    html = render(text(content))
    assert shown(html) == content
    assert html.startswith("<p>")
    assert html.count("<") == 2


@pytest.mark.parametrize("content", HOSTILE)
@pytest.mark.parametrize("as_cell", [text, code])
def test_a_cell_stays_one_cell(content: str, as_cell) -> None:
    html = render("\n".join(table(("Head", "Other"), [(as_cell(content), "next")])))
    cells = re.findall(r"<td>(.*?)</td>", html)
    assert len(cells) == 2
    assert shown(cells[0]) == content
    assert cells[1] == "next"
    assert "<script" not in html


def test_nobody_is_mentioned_and_nothing_is_linked() -> None:
    found = text("@team see #12, https://example.org and www.example.org, a@b.example")
    for linked in ("@team", "#12", "https://", "www.", "@b"):
        assert linked not in found.replace("\\", "")
    assert shown(render(found)) == "@team see #12, https://example.org and www.example.org, a@b.example"


def test_lines_and_control_characters_do_not_break_out() -> None:
    assert text("one\n\n# two\r\nthree\x1b[31m\x00") == "one \\# two three\ufffd"
    assert "\n" not in code("a\nb")
    assert code("") == ""


def test_a_long_text_is_cut_at_a_line_and_says_so() -> None:
    lines = [f"line {number} é" for number in range(1000)]
    found = cut(lines, 500, "the page")
    assert len(found.encode()) <= 500
    assert found.endswith("*Cut here to stay below 500 bytes; the page has the rest.*\n")
    assert found.startswith("line 0 é\nline 1 é\n")
    assert cut(lines[:3], 500, "the page") == "line 0 é\nline 1 é\nline 2 é\n"
    assert cut(lines, 10, "the page") == ""
