"""The page on paper: everything unfolded and in full width, nothing of the controls."""

import io
import re

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
    rows = page.locator("#run-table tbody tr").all_text_contents()
    assert len(rows) == 120
    for name in ("baseline", "batch_norm= ?true", r"dropout= ?0\.5"):  # a name may be broken after its equals sign
        seeds = re.findall(rf" {name} (\d+) [a-z]", text)
        assert sorted(map(int, seeds)) == list(range(1, 41)), name
    assert page.locator("#run-table tbody tr:visible").count() == 100  # as it was


def test_an_opened_run_is_printed_and_stays_open(visit):
    page = visit(rendered("long")).page
    page.locator("#filter").fill("dropout")
    page.locator("#run-table .open:visible").nth(2).click()
    page.locator("#run-table .run pre").wait_for()
    command = page.locator("#run-table .run pre").inner_text()
    assert "".join(command.split()) in "".join(text_on_paper(page).split())
    assert page.locator("#run-table .run pre").inner_text() == command
    assert page.locator("#run-table .open[aria-expanded=true]").count() == 1
