"""The page on paper: everything unfolded and in full width, nothing of the controls."""

import io

import pypdf

from tests.browser.pages import rendered

FOLDED = ("MemoryError", 'source = "digits"')  # a failure's log and the study file


def text_on_paper(page):
    """The text of all pages of the PDF, white space made equal."""
    paper = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4")))
    return " ".join(" ".join(each.extract_text() for each in paper.pages).split())


def test_what_is_folded_is_printed_and_controls_are_not(visit):
    page = visit(rendered("usual")).page
    page.locator("#filter").fill("nothing has this name")
    page.locator("#filter").fill("")
    assert page.locator("details[open]").count() == 0
    text = text_on_paper(page)
    for each in FOLDED:
        assert each in text
    assert "Skip to the verdict" not in text
    assert "Runs as CSV" not in text
    assert page.locator("details[open]").count() == 0  # as it was


def test_without_scripts_what_is_folded_is_printed_as_well(visit):
    text = text_on_paper(visit(rendered("usual"), java_script_enabled=False).page)
    for each in FOLDED:
        assert each in text


def test_what_stays_folded_is_seen(visit):
    """The checks above can fail: the text of a folded element that nobody opens is not on paper."""
    hidden = "<details><summary>more</summary><p>never unfolded</p></details>"
    page = visit(f"<!doctype html><title>folded</title>{hidden}").page
    assert "never unfolded" not in text_on_paper(page)


def test_every_run_is_printed_even_if_only_the_first_are_shown(visit):
    page = visit(rendered("long")).page
    assert page.locator("#run-table tbody tr:visible").count() == 100
    text = text_on_paper(page)
    assert all(run in text for run in page.locator("#run-table tbody td:last-child").all_text_contents())


def test_an_open_run_is_printed_and_everything_is_as_it_was_afterwards(visit):
    found = visit(rendered("long"))
    page = found.page
    page.locator("#run-table .open").first.click()
    page.locator("#run-table .run svg").wait_for()
    assert "ablate run -c study.toml" in text_on_paper(page)
    assert page.locator("#run-table .run").count() == 1
    assert page.locator("#shown").inner_text() == "100 of 120 runs shown"
    assert found.complaints == []
